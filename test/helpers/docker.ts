import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "vitest";

/**
 * The docker CLI beside us: what it prints and stores decides what is right. `docker manifest` needs no engine.
 */
export interface DockerResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout as it is: manifests need not be valid UTF-8. */
  readonly stdoutBytes: Buffer;
}

export interface DockerOptions {
  /** `DOCKER_CONFIG`: the folder with config.json and the store. */
  readonly config: string;
  readonly env?: Readonly<Record<string, string>>;
}

export const hasDocker = spawnSync("docker", ["--version"]).status === 0;

/**
 * A suite that compares with docker. Without docker it says so and is skipped, except in CI, where it fails: a
 * comparison that silently stopped would be worth nothing.
 */
export function describeWithDocker(name: string, body: () => void): void {
  if (hasDocker) {
    describe(name, body);
  } else if (process.env["CI"] === "true") {
    describe(name, () => {
      it("needs the docker CLI", () => {
        throw new Error("the docker CLI is not installed, and CI must compare with it");
      });
    });
  } else {
    describe.skip(`${name} (skipped: the docker CLI is not installed)`, body);
  }
}

/** An empty `DOCKER_CONFIG` folder. */
export function dockerConfigFolder(): string {
  return mkdtempSync(join(tmpdir(), "docker-config-"));
}

/** Runs `docker <args>`. Asynchronous, so that a registry in the same process can answer it. */
export function docker(args: readonly string[], { config, env = {} }: DockerOptions): Promise<DockerResult> {
  return new Promise((resolve, reject) => {
    const child = spawn("docker", args, {
      env: { ...process.env, ...env, DOCKER_CONFIG: config },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.on("error", reject);
    child.on("close", (status) => {
      const stdoutBytes = Buffer.concat(stdout);
      resolve({
        status,
        stdout: stdoutBytes.toString(),
        stderr: Buffer.concat(stderr).toString(),
        stdoutBytes,
      });
    });
  });
}
