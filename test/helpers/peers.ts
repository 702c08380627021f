import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

/** Programs of others that we are tried with. */
export interface PeerOptions {
  /** Where they keep what they keep: settings, caches. */
  readonly home: string;
  /** Variables besides those that say where that is. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Where a program is: in PATH, or where `go install` puts it. Its name alone if it is nowhere. */
export function peerPath(name: string): string {
  const { PATH = "", GOBIN, GOPATH = join(homedir(), "go") } = process.env;
  const folders = [...PATH.split(delimiter), ...(GOBIN === undefined ? [] : [GOBIN]), join(GOPATH, "bin")];
  return folders.map((folder) => join(folder, name)).find(isExecutable) ?? name;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Runs a program with nothing of the user's own. Its standard output; an error with its standard error if it fails. */
export function runPeer(name: string, args: readonly string[], { home, env }: PeerOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(peerPath(name), args, {
      env: {
        PATH: process.env["PATH"],
        HOME: home,
        XDG_RUNTIME_DIR: home,
        DOCKER_CONFIG: home,
        TMPDIR: home,
        ...env,
      },
      cwd: home,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.on("error", reject);
    child.on("close", (status) => {
      if (status === 0) resolve(Buffer.concat(stdout).toString());
      else reject(new Error(`${name} ${args.join(" ")}: ${Buffer.concat(stderr).toString()}`));
    });
  });
}
