import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startRegistry, type RunningRegistry } from "../../src/testing/index.js";
import { buildProgram, programAt, type Program, type Run } from "../helpers/program.js";
import { findIncomplete } from "../helpers/registryCheck.js";

/** Real pushes, killed with SIGKILL when all images are there and the tag is about to move, and then run again. */

const ARCHITECTURES = ["amd64", "arm64", "s390x"];
const isTagPut = (method: string, path: string): boolean =>
  method === "PUT" && path === "/v2/multi/app/manifests/v1";

/** `FIRE_PROGRAM=bin/tsmanifest.js` tries what is shipped in place of the sources. */
const BUILT = process.env["FIRE_PROGRAM"];

let program: Program;
beforeAll(async () => {
  program = BUILT === undefined ? await buildProgram() : programAt(BUILT);
});
afterAll(() => {
  program.remove();
});

interface Stage {
  readonly registry: RunningRegistry;
  /** Runs a command line that ends by itself and well. What it prints. */
  readonly run: (...argv: string[]) => Promise<string>;
  /** Pushes the list, and kills that where its tag is put: before the registry does so, or when it has. */
  readonly pushKilled: (moment: "before" | "after") => Promise<void>;
  readonly push: () => Promise<{ readonly stdout: string; readonly changes: readonly string[] }>;
  readonly list: string;
  readonly source: (architecture: string) => string;
}

async function withStage(play: (stage: Stage) => Promise<void>): Promise<void> {
  let moment: "before" | "after" | undefined;
  let running: Run | undefined;
  const changes: string[] = [];
  const registry = await startRegistry({
    onRequest: async ({ method, path }) => {
      if (method !== "GET" && method !== "HEAD") changes.push(`${method} ${path.replace(/\?.*/, "")}`);
      if (moment === undefined || !isTagPut(method, path)) return undefined;
      if (moment === "before") {
        running?.child.kill("SIGKILL");
        await running?.ended;
      } else {
        // It never hears that the tag has moved.
        void untilMoved().then(() => running?.child.kill("SIGKILL"));
      }
      return { cut: moment };
    },
  });
  let before: string | undefined;
  const tagged = (): string | undefined => registry.manifest("multi/app", "v1")?.digest;
  const untilMoved = async (): Promise<void> => {
    while (tagged() === before) await setImmediate();
  };
  const home = await mkdtemp(join(tmpdir(), "before-the-tag-"));
  const start = (argv: readonly string[]): Run =>
    program.start(argv, { HOME: home, DOCKER_CONFIG: join(home, ".docker") });
  const run: Stage["run"] = async (...argv) => {
    const { status, stdout, stderr } = await start(argv).ended;
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    return stdout;
  };
  const source: Stage["source"] = (architecture) => `${registry.host}/team/app:${architecture}`;
  const list = `${registry.host}/multi/app:v1`;
  try {
    for (const architecture of ARCHITECTURES) {
      registry.putImage("team/app", { tag: architecture, architecture, layers: 2 });
    }
    await play({
      registry,
      run,
      list,
      source,
      push: async () => {
        changes.length = 0;
        const stdout = await run("push", list);
        return { stdout, changes: [...changes] };
      },
      pushKilled: async (when) => {
        moment = when;
        before = tagged();
        running = start(["push", list]);
        expect(await running.ended).toMatchObject({ status: null, signal: "SIGKILL" });
        moment = undefined;
      },
    });
  } finally {
    await registry.close();
    await rm(home, { recursive: true, force: true });
  }
}

const PUT_TAG = "PUT /v2/multi/app/manifests/v1";

function expectWhole({ registry }: Stage, stdout: string): void {
  expect(findIncomplete(registry)).toEqual([]);
  expect(registry.tags("multi/app")).toEqual(["v1"]);
  expect(stdout.trimEnd().split("\n").at(-1)).toBe(registry.manifest("multi/app", "v1")?.digest);
}

describe("a first push that is killed between its images and its tag", () => {
  it("puts the tag when it is run again, and nothing else", async () => {
    await withStage(async (stage) => {
      await stage.run("create", stage.list, ...ARCHITECTURES.map(stage.source));
      await stage.pushKilled("before");
      expect(stage.registry.tags("multi/app")).toEqual([]);

      const { stdout, changes } = await stage.push();
      expectWhole(stage, stdout);
      // Nothing is remembered of a push that did not end: mounts go beside the questions.
      expect(changes.filter((change) => !change.startsWith("POST"))).toEqual([PUT_TAG]);
    });
  });

  it("has nothing to put when it is run again, where the registry had moved the tag", async () => {
    await withStage(async (stage) => {
      await stage.run("create", stage.list, ...ARCHITECTURES.map(stage.source));
      await stage.pushKilled("after");
      expect(stage.registry.tags("multi/app")).toEqual(["v1"]);

      const { stdout, changes } = await stage.push();
      expectWhole(stage, stdout);
      expect(changes.filter((change) => !change.startsWith("POST"))).toEqual([]);
    });
  });
});

describe("a push of a list that has got an image more since, killed there", () => {
  it.each([
    { moment: "before", rest: [PUT_TAG] },
    { moment: "after", rest: [] },
  ] as const)(
    "$moment the registry moves the tag, ends well when it is run again",
    async ({ moment, rest }) => {
      await withStage(async (stage) => {
        const [late = "", ...early] = ARCHITECTURES.map(stage.source);
        await stage.run("create", stage.list, ...early);
        const first = await stage.push();
        expectWhole(stage, first.stdout);
        const old = stage.registry.manifest("multi/app", "v1")?.digest;
        await stage.run("create", "--amend", stage.list, late);

        await stage.pushKilled(moment);
        // Whoever pulls meanwhile gets a list that is whole: the old one or the new.
        expect(findIncomplete(stage.registry)).toEqual([]);
        expect(stage.registry.manifest("multi/app", "v1")?.digest === old).toBe(moment === "before");

        const { stdout, changes } = await stage.push();
        expectWhole(stage, stdout);
        expect(stdout).not.toBe(first.stdout);
        expect(changes.filter((change) => !change.startsWith("POST"))).toEqual(rest);
        // This time it is remembered.
        expect(await stage.push()).toEqual({ stdout, changes: [] });
      });
    },
  );
});
