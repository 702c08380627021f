import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { parse } from "yaml";
import * as z from "zod/mini";
import { bundleAction } from "../../tools/action.js";
import { startPeer, type Peer, type PeerOptions } from "./peer.js";
import { expectNoSecrets } from "./secrets.js";

/** A step of a workflow that uses the Action, run as GitHub's runner runs it. */
export interface StepResult {
  readonly status: number | null;
  /** What the runner gets to see, line by line, but for secrets that it is told to hide. */
  readonly log: readonly string[];
  readonly outputs: Readonly<Record<string, string>>;
  /** Markdown. */
  readonly summary: string;
}

export interface Runner {
  /** The workspace, which is the user's home as well. */
  readonly folder: string;
  registry(options?: PeerOptions): Promise<Peer>;
  step(inputs: Readonly<Record<string, string>>, env?: Readonly<Record<string, string>>): Promise<StepResult>;
  /** The same; all that the runner gets to see, secrets included. */
  shown(inputs: Readonly<Record<string, string>>): Promise<readonly string[]>;
  write(path: string, content: string): string;
  /** As jobs leave the digests of what they have pushed. */
  touch(digests: readonly string[], folder?: string): void;
  clear(folder: string): void;
}

const ActionFile = z.object({
  inputs: z.record(z.string(), z.object({ description: z.string(), default: z.optional(z.string()) })),
  outputs: z.record(z.string(), z.object({ description: z.string() })),
  runs: z.object({ using: z.string(), main: z.string() }),
});

/** `action.yml`. */
export const actionFile = ActionFile.parse(
  parse(readFileSync(fileURLToPath(new URL("../../action.yml", import.meta.url)), "utf8")),
);

/** A runner for each test of a file; the Action is built from the sources as they are, once. */
export function useRunner(): Runner {
  let built = "";
  let folder = "";
  const peers: Peer[] = [];
  beforeAll(async () => {
    built = mkdtempSync(join(tmpdir(), "action-"));
    await bundleAction(join(built, "index.cjs"));
  });
  afterAll(() => {
    rmSync(built, { recursive: true });
  });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "workspace-"));
  });
  afterEach(async () => {
    await Promise.all(peers.splice(0).map((peer) => peer.close()));
    rmSync(folder, { recursive: true });
  });
  const write: Runner["write"] = (name, content) => {
    const file = join(folder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    return file;
  };
  const start = async (
    inputs: Readonly<Record<string, string>>,
    env: Readonly<Record<string, string>>,
  ): Promise<{ readonly status: number | null; readonly lines: readonly string[] }> => {
    const child = spawn(process.execPath, [join(built, "index.cjs")], {
      cwd: folder,
      env: {
        PATH: process.env["PATH"],
        HOME: folder,
        GITHUB_ACTION: "list",
        GITHUB_OUTPUT: write("runner/output", ""),
        GITHUB_STEP_SUMMARY: write("runner/summary", ""),
        GITHUB_WORKSPACE: folder,
        RUNNER_TEMP: join(folder, "runner"),
        ...inputVariables(inputs),
        ...env,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    const shown = Buffer.concat(chunks).toString();
    return { status, lines: shown.split("\n").filter((line) => line !== "") };
  };
  return {
    get folder() {
      return folder;
    },
    registry: async (options) => {
      const peer = await startPeer(options);
      peers.push(peer);
      return peer;
    },
    step: async (inputs, env = {}) => {
      const { status, lines } = await start(inputs, env);
      const result = {
        status,
        log: lines.filter((line) => !line.startsWith("::add-mask::")),
        outputs: outputsIn(readFileSync(join(folder, "runner/output"), "utf8")),
        summary: readFileSync(join(folder, "runner/summary"), "utf8"),
      };
      expectNoSecrets(JSON.stringify(result));
      return result;
    },
    shown: async (inputs) => (await start(inputs, {})).lines,
    write,
    touch: (digests, name = "digests") => {
      mkdirSync(join(folder, name), { recursive: true });
      for (const digest of digests) write(join(name, digest.replace("sha256:", "")), "");
    },
    clear: (name) => {
      rmSync(join(folder, name), { recursive: true });
    },
  };
}

/** The value of an input that a step does not give, in a job without a matrix. */
export function defaultOf(name: string): string {
  const text = actionFile.inputs[name]?.default ?? "";
  return text.replace("${{ strategy.job-index }}", "0").replace("${{ strategy.job-total }}", "1");
}

/** Every input has a variable; one that the step does not give has its default, or nothing. */
export function inputVariables(given: Readonly<Record<string, string>>): Record<string, string> {
  const unknown = Object.keys(given).filter((name) => !(name in actionFile.inputs));
  expect(unknown).toEqual([]);
  return Object.fromEntries(
    Object.keys(actionFile.inputs).map((name) => [
      `INPUT_${name.replaceAll(" ", "_").toUpperCase()}`,
      given[name] ?? defaultOf(name),
    ]),
  );
}

/** https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands#multiline-strings */
export function outputsIn(text: string): Record<string, string> {
  const outputs: Record<string, string> = {};
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const [, name, delimiter] = /^([^<]+)<<(.+)$/.exec(lines[at] ?? "") ?? [];
    if (name === undefined || delimiter === undefined) continue;
    const end = lines.indexOf(delimiter, at + 1);
    outputs[name] = lines.slice(at + 1, end).join("\n");
    at = end;
  }
  return outputs;
}
