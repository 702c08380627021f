import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, it } from "vitest";
import { MANIFEST_TYPES } from "../../src/oci/mediaTypes.js";

/** Debian's `docker-registry` (distribution), with its storage in a folder that goes with it. */
export interface RegistryServer {
  /** `127.0.0.1:<port>` */
  readonly host: string;
  readonly port: number;
  readonly url: string;
  close(): Promise<void>;
}

export interface RegistryServerOptions {
  /** distribution 2 is Debian's `docker-registry`; distribution 3 calls itself `registry`. */
  readonly program?: string;
  /** Certificate and key files: HTTPS. */
  readonly tls?: {
    readonly certificate: string;
    readonly key: string;
    readonly clientcas?: readonly string[];
  };
  /** Where it listens; 127.0.0.1 unless told. */
  readonly address?: string;
  /** More sections of the configuration, such as `auth`; they replace those below. */
  readonly config?: object;
}

export async function startRegistryServer(options: RegistryServerOptions = {}): Promise<RegistryServer> {
  const { program = "docker-registry", tls, address = "127.0.0.1" } = options;
  const port = await freePort();
  const host = `${address}:${port}`;
  const folder = mkdtempSync(join(tmpdir(), "docker-registry-"));
  const config = join(folder, "config.json");
  writeFileSync(
    config,
    JSON.stringify({
      version: 0.1,
      log: { level: "error", accesslog: { disabled: true } },
      // Its storage in memory does not list the tags of a repository whose blobs were all mounted.
      storage: { filesystem: { rootdirectory: join(folder, "data") }, delete: { enabled: true } },
      http: { addr: host, ...(tls && { tls }) },
      // Without it, layers with URLs (those of Windows) are refused.
      validation: { manifests: { urls: { allow: ["^https://"] } } },
      ...options.config,
    }),
  );
  const child = spawn(program, ["serve", config], { stdio: "ignore" });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const url = `${tls === undefined ? "http" : "https"}://${host}`;
  await untilListens(address, port);
  return {
    host,
    port,
    url,
    close: async () => {
      child.kill();
      await exited;
      rmSync(folder, { recursive: true });
    },
  };
}

/**
 * A suite that needs programs of the machine. Where one is missing it says so and is skipped, except in CI, where it
 * fails: a comparison that silently stopped would be worth nothing.
 */
export function describeWithPrograms(name: string, programs: readonly string[], body: () => void): void {
  const missing = programs.filter((program) => !isInstalled(program));
  if (missing.length === 0) {
    describe(name, body);
  } else if (process.env["CI"] === "true") {
    describe(name, () => {
      it(`needs ${missing.join(" and ")}`, () => {
        throw new Error(`not installed, and CI must run this: ${missing.join(", ")}`);
      });
    });
  } else {
    describe.skip(`${name} (skipped: not installed: ${missing.join(", ")})`, body);
  }
}

function isInstalled(program: string): boolean {
  return spawnSync(program, ["--version"], { stdio: "ignore" }).error === undefined;
}

/** All that a registry holds: each tag's manifest, and which of the known digests each repository has. */
export interface RegistryContent {
  readonly tags: Readonly<Record<string, { readonly mediaType: string; readonly base64: string }>>;
  readonly digests: readonly string[];
}

/**
 * Reads what a registry holds. `digests` are asked for in every repository that `isInteresting`, as manifests and as
 * blobs.
 */
export async function registryContent(
  url: string,
  digests: readonly string[],
  isInteresting: (repository: string) => boolean,
): Promise<RegistryContent> {
  const headers = { accept: MANIFEST_TYPES.join(", ") };
  const tags: Record<string, { mediaType: string; base64: string }> = {};
  const held: string[] = [];
  for (const repository of await textsOf(`${url}/v2/_catalog?n=1000`, "repositories")) {
    for (const tag of await textsOf(`${url}/v2/${repository}/tags/list`, "tags")) {
      const response = await fetch(`${url}/v2/${repository}/manifests/${tag}`, { headers });
      tags[`${repository}:${tag}`] = {
        mediaType: response.headers.get("content-type") ?? "",
        base64: Buffer.from(await response.arrayBuffer()).toString("base64"),
      };
    }
    if (!isInteresting(repository)) continue;
    const paths = digests.flatMap((digest) => [`manifests/${digest}`, `blobs/${digest}`]);
    const found = await Promise.all(
      paths.map(
        async (path) => (await fetch(`${url}/v2/${repository}/${path}`, { method: "HEAD", headers })).ok,
      ),
    );
    held.push(...paths.filter((_, index) => found[index]).map((path) => `${repository}/${path}`));
  }
  return { tags, digests: held };
}

async function textsOf(url: string, field: string): Promise<string[]> {
  const body: unknown = await (await fetch(url)).json();
  const list: unknown = typeof body === "object" && body !== null ? Reflect.get(body, field) : undefined;
  return Array.isArray(list) ? list.map(String).sort() : [];
}

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

async function untilListens(host: string, port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const listens = await new Promise<boolean>((resolve) => {
      const socket = connect({ host, port });
      socket.once("connect", () => {
        resolve(true);
      });
      socket.once("error", () => {
        resolve(false);
      });
      socket.once("connect", () => socket.destroy());
    });
    if (listens) return;
    await sleep(50);
  }
  throw new Error(`nothing listens on ${host}:${port}`);
}
