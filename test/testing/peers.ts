import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRegistry } from "../../src/testing/index.js";

/** A registry to run assertions against. */
export interface Peer {
  readonly url: string;
  close(): Promise<void>;
}

/** Is there a program of that name? */
export function onPath(program: string): boolean {
  try {
    execFileSync("sh", ["-c", `command -v ${program}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

export const ours = { name: "the embedded registry", start: (): Promise<Peer> => startRegistry() };

/** The distribution registry, as Debian packages it, with its storage in memory. */
export const distribution = {
  name: "docker-registry",
  start: async (): Promise<Peer> => {
    const port = await freePort();
    const folder = mkdtempSync(join(tmpdir(), "distribution-"));
    const config = join(folder, "config.json");
    writeFileSync(
      config,
      JSON.stringify({
        version: 0.1,
        log: { level: "error", accesslog: { disabled: true } },
        storage: { inmemory: {}, delete: { enabled: true } },
        http: { addr: `127.0.0.1:${port}` },
      }),
    );
    const child = spawn("docker-registry", ["serve", config], { stdio: "ignore" });
    const exited = new Promise((resolve) => child.once("exit", resolve));
    const url = `http://127.0.0.1:${port}`;
    await untilAnswers(`${url}/v2/`);
    return {
      url,
      close: async () => {
        child.kill();
        await exited;
        rmSync(folder, { recursive: true });
      },
    };
  },
};

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        if (typeof address === "object" && address !== null) resolve(address.port);
      });
    });
  });
}

async function untilAnswers(url: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    try {
      await fetch(url);
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error(`${url} does not answer`);
}
