import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { shardOf } from "../../src/apply/shards.js";
import {
  startRegistry,
  type Override,
  type RunningRegistry,
  type SeenRequest,
} from "../../src/testing/index.js";
import { ListResult } from "../../src/ui/listResult.js";
import { buildProgram, programAt, type Program } from "../helpers/program.js";
import { findIncomplete } from "../helpers/registryCheck.js";

/**
 * A file of lists, as many processes as shards, and a registry that takes so many requests a second of each, and loses
 * connections. `APPLY_LISTS=10000` does the whole of it; `FIRE_PROGRAM=bin/tsmanifest.js` tries what is shipped.
 */
const LISTS = Number(process.env["APPLY_LISTS"] ?? 400);
const SHARDS = 16;
const KILLED = [3, 8, 14];
const REPOSITORIES = 100;
const REQUESTS_A_SECOND = 50;
/** So many may come at once. */
const BURST = 50;
const LOST_EVERY = 100;
const BUILT = process.env["FIRE_PROGRAM"];

let program: Program;
let registry: RunningRegistry;
let storm: Storm;
let folder: string;
let file: string;
beforeAll(async () => {
  program = BUILT === undefined ? await buildProgram() : programAt(BUILT);
  storm = new Storm();
  const users = Object.fromEntries(Array.from({ length: SHARDS }, (_, at) => [`shard${at + 1}`, "secret"]));
  registry = await startRegistry({
    auth: { kind: "basic", users },
    onRequest: (request) => storm.answer(request),
  });
  folder = mkdtempSync(join(tmpdir(), "shards-"));
  file = join(folder, "lists.yaml");
  const platforms = "platforms: [linux/amd64, linux/arm64]";
  const lists = Array.from({ length: LISTS }, (_, at) => {
    const name = nameOf(at);
    for (const architecture of ["amd64", "arm64"]) {
      registry.putImage(name.repository, {
        tag: `${name.tag}-linux-${architecture}`,
        architecture,
        seed: String(at),
      });
    }
    const target = `${registry.host}/${name.repository}:${name.tag}`;
    return `  - target: ${target}\n    template: ${target}-{os}-{arch}\n    ${platforms}\n`;
  });
  writeFileSync(file, `version: 1\nlists:\n${lists.join("")}`);
}, 300_000);
afterAll(async () => {
  program.remove();
  await registry.close();
  rmSync(folder, { recursive: true });
});

const nameOf = (at: number) => ({
  repository: `team/app-${at % REPOSITORIES}`,
  tag: `v1.${Math.floor(at / REPOSITORIES)}`,
});

/** What the registry allows, and what it loses. */
class Storm {
  readonly #clients = new Map<string, { credit: number; at: number }>();
  #count = 0;
  #lost = 0;
  isOn = true;
  refused = 0;
  /** PUTs of tags whose answer got lost after they were acted on. */
  readonly lostPuts: string[] = [];

  get lost(): number {
    return this.#lost;
  }

  answer({ method, path, headers }: SeenRequest): Override | undefined {
    if (!this.isOn) return undefined;
    const { authorization } = headers;
    const client = typeof authorization === "string" ? authorization : "";
    const now = performance.now();
    const { credit, at } = this.#clients.get(client) ?? { credit: BURST, at: now };
    const allowed = Math.min(BURST, credit + ((now - at) * REQUESTS_A_SECOND) / 1000);
    this.#clients.set(client, { credit: Math.max(0, allowed - 1), at: now });
    if (allowed < 1) {
      this.refused++;
      const headers: Record<string, string> = this.refused % 2 === 0 ? { "Retry-After": "0.2" } : {};
      return { status: 429, headers, body: "too many requests" };
    }
    if (++this.#count % LOST_EVERY > 0) return undefined;
    const cut = this.#lost++ % 2 === 0 ? "before" : "after";
    if (cut === "after" && isTagPut(method, path)) this.lostPuts.push(path);
    return { cut };
  }
}

function isTagPut(method: string, path: string): boolean {
  return method === "PUT" && /\/manifests\/v[\d.]+$/.test(path);
}

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly peakMemory: number;
}

/** One shard, as a job of its own with credentials of its own; killed when it has done some lists, if so told. */
async function runShard(shard: number, killAfter = 0): Promise<Ended> {
  const home = join(folder, `home${shard}`);
  mkdirSync(home, { recursive: true });
  const auth = Buffer.from(`shard${shard}:secret`).toString("base64");
  writeFileSync(join(home, "config.json"), JSON.stringify({ auths: { [registry.host]: { auth } } }));
  const results = join(folder, `results${shard}.jsonl`);
  writeFileSync(results, "", { flag: "a" });
  const args = ["apply", "-f", file, "--results", results];
  const run = program.start([...args, "--shard", "auto", "--shards", String(SHARDS)], {
    DOCKER_CONFIG: home,
    HOME: home,
    // As a Kubernetes Indexed Job has it.
    JOB_COMPLETION_INDEX: String(shard - 1),
  });
  if (killAfter > 0) {
    const timer = setInterval(() => {
      if (resultsOf(shard).length < killAfter) return;
      clearInterval(timer);
      run.child.kill("SIGKILL");
    }, 5);
    void run.ended.finally(() => {
      clearInterval(timer);
    });
  }
  return run.ended;
}

function resultsOf(shard: number): ListResult[] {
  const lines = readFileSync(join(folder, `results${shard}.jsonl`), "utf8").split("\n");
  // A line that was being written when it was killed is no line.
  return lines.slice(0, -1).map((line) => ListResult.parse(JSON.parse(line)));
}

describe(`${LISTS} lists in ${SHARDS} shards`, () => {
  const targets = (): string[] =>
    Array.from({ length: LISTS }, (_, at) => `${registry.host}/${nameOf(at).repository}:${nameOf(at).tag}`);

  it(
    "get each tag by one PUT, at a rate that the registry allows, though connections are lost and three are killed",
    { timeout: 1_800_000 },
    async () => {
      const begun = performance.now();
      const shards = Array.from({ length: SHARDS }, (_, at) => at + 1);
      // Shards are not of one size: each has more than this.
      const share = Math.floor(LISTS / SHARDS / 4);
      const ended = await Promise.all(
        shards.map(async (shard) => {
          const isKilled = KILLED.includes(shard);
          const first = await runShard(shard, isKilled ? Math.max(1, share) : 0);
          if (!isKilled) return first;
          expect(first.status).toBe(null);
          return runShard(shard);
        }),
      );
      const tookMs = performance.now() - begun;
      for (const { status, stderr } of ended) expect({ status, stderr }).toEqual({ status: 0, stderr: "" });

      const puts = new Map<string, number>();
      for (const { method, path, status } of registry.log) {
        if (isTagPut(method, path) && status === 201) puts.set(path, (puts.get(path) ?? 0) + 1);
      }
      for (const path of storm.lostPuts) puts.set(path, (puts.get(path) ?? 0) + 1);
      const counts = { once: 0, twiceOfKilled: 0, others: [] as string[] };
      for (const target of targets()) {
        const { repository, tag } = parse(target);
        const count = puts.get(`/v2/${repository}/manifests/${tag}`) ?? 0;
        const isKilled = KILLED.includes(shardOf(target, SHARDS));
        if (count === 1) counts.once++;
        else if (count === 2 && isKilled) counts.twiceOfKilled++;
        else counts.others.push(`${target}: ${count}`);
      }
      expect(counts.others).toEqual([]);
      expect(findIncomplete(registry)).toEqual([]);
      for (const target of targets()) {
        const { repository, tag } = parse(target);
        const list: unknown = JSON.parse(registry.manifest(repository, tag)?.body.toString() ?? "{}");
        expect(list).toMatchObject({
          manifests: [{ platform: { architecture: "amd64" } }, { platform: { architecture: "arm64" } }],
        });
      }
      // Each list has its line, those of killed shards perhaps more.
      const told = shards.flatMap((shard) => resultsOf(shard).map(({ target }) => target));
      expect([...new Set(told)].sort()).toEqual(targets().sort());
      expect(storm.lost).toBeGreaterThan(0);

      const requests = registry.log.length;
      console.log(
        `${LISTS} lists: ${(tookMs / 1000).toFixed(1)} s, ${requests} requests, ${storm.refused} of them answered 429, ` +
          `${storm.lost} connections lost, ${counts.twiceOfKilled} tags of killed shards put twice, ` +
          `at most ${mebibytes(Math.max(...ended.map(({ peakMemory }) => peakMemory)))} MiB a process`,
      );
    },
  );

  it("cost nothing but HEAD when they are applied again, in one process", { timeout: 600_000 }, async () => {
    storm.isOn = false;
    registry.resetLog();
    const begun = performance.now();
    const home = join(folder, "home1");
    const { status, stdout, stderr, peakMemory } = await program.start(["apply", "-f", file], {
      DOCKER_CONFIG: home,
      HOME: home,
    }).ended;
    const tookMs = performance.now() - begun;
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout.split("\n")).toHaveLength(LISTS + 1);
    // The first is refused: what the registry wants to see is not known yet.
    const others = registry.log.filter(({ method, status: answer }) => method !== "HEAD" && answer !== 401);
    expect(others).toEqual([]);
    expect(peakMemory).toBeLessThan(200 * 1024 * 1024);
    console.log(
      `again: ${(tookMs / 1000).toFixed(1)} s, ${registry.log.length} requests, ${mebibytes(peakMemory)} MiB`,
    );
  });
});

function parse(target: string): { repository: string; tag: string } {
  const [, repository = "", tag = ""] = /^[^/]+\/(.+):([^:]+)$/.exec(target) ?? [];
  return { repository, tag };
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}
