import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach } from "vitest";
import * as z from "zod/mini";
import type { Context, Waits } from "../../src/context.js";
import { cli, type CliResult } from "./cli.js";
import { startPeer, type Peer, type PeerOptions } from "./peer.js";
import { expectNoSecrets } from "./secrets.js";

/** A folder of a test's own, registries that end with it, and the program run there as a user without docker. */
export interface Workplace {
  /** The user's home, with docker's configuration in it. */
  readonly folder: string;
  registry(options?: PeerOptions): Promise<Peer>;
  run(...argv: string[]): Promise<CliResult>;
  runWith(env: Readonly<Record<string, string>>, ...argv: string[]): Promise<CliResult>;
  /** With something piped in. */
  runPiped(text: string, ...argv: string[]): Promise<CliResult>;
  /** As a user runs it who may press Ctrl-C. */
  runInterrupted(signal: AbortSignal, ...argv: string[]): Promise<CliResult>;
  /** Runs a command line that has to succeed. What it prints. */
  out(...argv: string[]): Promise<string>;
  path(...names: string[]): string;
  /** Writes a file below the folder. Its whole path. */
  write(path: string, content: string | Uint8Array): string;
  /** `mkdir -p FOLDER; touch FOLDER/<hex>`: as jobs leave the digests of what they have pushed. The folder's whole path. */
  touch(digests: readonly string[], folder?: string): string;
}

/** Long enough for a busy machine; tries follow each other at once. */
const WAITS: Waits = {
  timeouts: { connect: 10_000, headers: 20_000, stall: 20_000 },
  retryLimits: { baseMs: 1, capMs: 4, longestRetryAfterMs: 2_000, totalMs: 20_000 },
  settleMs: 500,
};

/** A new one for each test of a file. */
export function useWorkplace(): Workplace {
  let folder = "";
  const peers: Peer[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "workplace-"));
  });
  afterEach(async () => {
    await Promise.all(peers.splice(0).map((peer) => peer.close()));
    rmSync(folder, { recursive: true });
  });
  const path = (...names: string[]): string => join(folder, ...names);
  const write: Workplace["write"] = (name, content) => {
    const file = path(name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    return file;
  };
  const runIn = async (
    env: Readonly<Record<string, string>>,
    more: Partial<Context>,
    argv: readonly string[],
  ): Promise<CliResult> => {
    const result = await cli(argv, undefined, {
      env: { PATH: process.env["PATH"], DOCKER_CONFIG: folder, ...env },
      home: folder,
      waits: WAITS,
      ...more,
    });
    expectNoSecrets(result.stdout + result.stderr);
    return result;
  };
  const runWith: Workplace["runWith"] = (env, ...argv) => runIn(env, {}, argv);
  const run: Workplace["run"] = (...argv) => runWith({}, ...argv);
  return {
    get folder() {
      return folder;
    },
    registry: async (options) => {
      const peer = await startPeer(options);
      peers.push(peer);
      return peer;
    },
    run,
    runWith,
    runPiped: (text, ...argv) => runIn({}, { stdin: () => Readable.from([Buffer.from(text)]) }, argv),
    runInterrupted: (signal, ...argv) => runIn({}, { signal }, argv),
    out: async (...argv) => {
      const { status, stdout, stderr } = await run(...argv);
      if (status !== 0) throw new Error(`${argv.join(" ")}: ${stderr}`);
      return stdout;
    },
    path,
    write,
    touch: (digests, name = "digests") => {
      for (const digest of digests) write(join(name, digest.replace("sha256:", "")), "");
      return path(name);
    },
  };
}

const ListJson = z.object({
  mediaType: z.string(),
  manifests: z.array(
    z.object({
      mediaType: z.string(),
      digest: z.string(),
      size: z.number(),
      artifactType: z.optional(z.string()),
      annotations: z.optional(z.record(z.string(), z.string())),
      platform: z.optional(
        z.object({ os: z.string(), architecture: z.string(), variant: z.optional(z.string()) }),
      ),
    }),
  ),
  annotations: z.optional(z.record(z.string(), z.string())),
});

/** What a list says, for tests to look at. */
export function listOf(body: Uint8Array | string | undefined): z.infer<typeof ListJson> {
  return ListJson.parse(JSON.parse(Buffer.from(body ?? "").toString()));
}

/** `linux/amd64`, of all entries in their order. */
export function platformsOf(body: Uint8Array | string | undefined): string[] {
  return listOf(body).manifests.map(({ platform }) =>
    platform === undefined ? "none" : `${platform.os}/${platform.architecture}`,
  );
}

/** What changes something in a registry, in the order in which it came. */
export function changesIn({ requests }: Peer): string[] {
  return requests.filter((request) => !/^(?:GET|HEAD) /.test(request));
}

/** Requests that carry a blob one way or the other; those for the configs that are named are left out. */
export function blobTransfersIn({ requests }: Peer, configs: readonly string[] = []): string[] {
  return requests.filter((request) => {
    if (/^(?:PUT|PATCH) \S+\/blobs\/uploads\//.test(request)) return true;
    const digest = /^GET \S+\/blobs\/(\S+)$/.exec(request)?.[1];
    return digest !== undefined && !configs.includes(digest);
  });
}
