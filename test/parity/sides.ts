import { mkdtempSync, rmSync } from "node:fs";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { run } from "../../src/cli.js";
import { escapeControls } from "../../src/ui/text.js";
import { recordingContext } from "../helpers/cli.js";
import { docker } from "../helpers/docker.js";
import type { RegistryServer } from "../helpers/registryServer.js";

/** docker and tsmanifest beside each other: each with its own store and its own registry. */

/** What one command did. Host and port are spelled `{host}` and `{localhost}`, so that two sides can be compared. */
export interface Outcome {
  readonly status: number | null;
  /** As latin1, which keeps every byte. */
  readonly stdout: string;
  readonly stderr: string;
}

export interface Side {
  readonly name: "docker" | "tsmanifest";
  readonly registry: RegistryServer;
  /** The folder with config.json and the store. */
  readonly config: string;
  /** Runs a command line in which `{host}` and `{localhost}` stand for the registry. */
  run(argv: readonly string[]): Promise<Outcome>;
  /** Writes a file of the store; `{host}`, `{localhost}` and `{host-file}` stand for the registry in both. */
  putFile(path: string, content: Buffer | string): Promise<void>;
  /** Every file and folder of the store, by path. */
  store(): Promise<Record<string, string>>;
  close(): void;
}

export function dockerSide(registry: RegistryServer, config = newFolder()): Side {
  return side("docker", registry, config, async (argv) => {
    const { status, stdoutBytes, stderr } = await docker(["manifest", ...argv], { config });
    const renamed = stderr.replaceAll("docker manifest", "tsmanifest").replace(/^docker: /, "tsmanifest: ");
    return { status, stdoutBytes, stderr: escapeControls(renamed) };
  });
}

export function ourSide(registry: RegistryServer, config = newFolder()): Side {
  return side("tsmanifest", registry, config, async (argv) => {
    const recording = recordingContext({
      env: { DOCKER_CONFIG: config },
      home: config,
      platform: process.platform,
    });
    const status = await run(argv, recording.context);
    return { status, stdoutBytes: recording.stdoutBytes(), stderr: recording.stderr() };
  });
}

interface RawOutcome {
  readonly status: number | null;
  readonly stdoutBytes: Buffer;
  readonly stderr: string;
}

function newFolder(): string {
  return mkdtempSync(join(tmpdir(), "parity-"));
}

function side(
  name: Side["name"],
  registry: RegistryServer,
  config: string,
  execute: (argv: readonly string[]) => Promise<RawOutcome>,
): Side {
  const port = registry.host.slice(registry.host.indexOf(":") + 1);
  const places = new Map([
    ["{host}", registry.host],
    ["{localhost}", `localhost:${port}`],
    // As they are in the names of files.
    ["{host-file}", `127.0.0.1-${port}`],
    ["{localhost-file}", `localhost-${port}`],
  ]);
  const toReal = (text: string): string =>
    [...places].reduce((result, [place, real]) => result.replaceAll(place, real), text);
  const toPlaces = (text: string): string =>
    [...places].reduce((result, [place, real]) => result.replaceAll(real, place), text);
  return {
    name,
    registry,
    config,
    run: async (argv) => {
      const { status, stdoutBytes, stderr } = await execute(argv.map(toReal));
      return { status, stdout: toPlaces(stdoutBytes.toString("latin1")), stderr: toPlaces(stderr) };
    },
    putFile: async (path, content) => {
      const file = join(config, "manifests", toReal(path));
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, toReal(Buffer.from(content).toString("latin1")), "latin1");
    },
    store: async () => {
      const files = await readTree(join(config, "manifests"), "");
      return Object.fromEntries(files.map(([path, content]) => [toPlaces(path), toPlaces(content)]));
    },
    close: () => {
      rmSync(config, { recursive: true, force: true });
    },
  };
}

/** What a folder holds: `<mode> <bytes as latin1>` of each file, the mode of each folder. */
async function readTree(root: string, below: string): Promise<[string, string][]> {
  const found: [string, string][] = [];
  const names = await readdir(join(root, below)).catch(() => []);
  for (const name of names.sort()) {
    // tsmanifest's own, which docker never looks at.
    if (name === ".tsmanifest") continue;
    const path = below === "" ? name : `${below}/${name}`;
    const info = await stat(join(root, path));
    const mode = (info.mode & 0o777).toString(8);
    if (info.isDirectory()) found.push([path, mode], ...(await readTree(root, path)));
    else found.push([path, `${mode} ${await readFile(join(root, path), "latin1")}`]);
  }
  return found;
}

export function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}
