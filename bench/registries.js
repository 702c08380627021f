// The registries that peers push to: Debian's docker-registry for plain HTTP where there is one, since that is what
// people run; the registry for tests for everything else, and for counting, since it knows what it was asked.
import { execFileSync, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { digestOf, putImages } from "./images.js";
import { putImagesOfLists } from "./lists.js";

/** `https` is HTTP/1.1 only, `h2` offers HTTP/2, `bearer` offers HTTP/2 and wants tokens. */
/** @typedef {"http" | "https" | "h2" | "bearer"} Protocol */
/** @typedef {{ children: number, blobs: number }} Sizes */
/** @typedef {{ method: string, path: string, status?: number, start: number, end: number }} Logged times in milliseconds */

/**
 * @typedef {object} Backing
 * @property {string} name
 * @property {number} port
 * @property {(size: Sizes) => Promise<void>} seed
 * @property {(lists: { count: number, size: Sizes, source: string }) => Promise<void>} seedLists
 * @property {() => Promise<void>} resetLog
 * @property {() => Promise<Logged[] | undefined>} log undefined where nothing is counted
 * @property {() => Promise<void>} close
 */

/** @param {string} program */
export function isThere(program) {
  try {
    execFileSync("sh", ["-c", `command -v "$0"`, program], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {Protocol} protocol
 * @param {{ key: string, cert: string }} certificate files
 * @returns {Promise<Backing>}
 */
export async function startEmbedded(protocol, certificate) {
  const program = fileURLToPath(new URL("embedded.js", import.meta.url));
  const child = fork(program, [JSON.stringify({ protocol, ...certificate })]);
  /** @param {object} [command] @returns {Promise<unknown>} */
  const ask = async (command) => {
    const answered = once(child, "message");
    if (command !== undefined) child.send(command);
    const answer = /** @type {unknown[]} */ (await answered);
    return answer[0];
  };
  const port = Number(await ask());
  return {
    name: "the embedded registry",
    port,
    seed: async (size) => {
      await ask({ kind: "seed", size });
    },
    seedLists: async (lists) => {
      await ask({ kind: "seedLists", lists });
    },
    resetLog: async () => {
      await ask({ kind: "resetLog" });
    },
    log: async () => /** @type {Logged[]} */ (await ask({ kind: "log" })),
    close: async () => {
      const exited = once(child, "exit");
      child.disconnect();
      await exited;
    },
  };
}

/**
 * @param {string} folder for its configuration
 * @returns {Promise<Backing>}
 */
export async function startDistribution(folder) {
  const port = await freePort();
  const config = join(folder, "registry.json");
  const settings = {
    version: 0.1,
    log: { level: "error", accesslog: { disabled: true } },
    storage: { inmemory: {}, delete: { enabled: true } },
    http: { addr: `127.0.0.1:${port}` },
  };
  writeFileSync(config, JSON.stringify(settings));
  const child = spawn("docker-registry", ["serve", config], { stdio: "ignore" });
  const url = `http://127.0.0.1:${port}/v2/`;
  await untilItAnswers(url);
  return {
    name: "docker-registry",
    port,
    seed: (size) => putImages(storeAt(url), size),
    seedLists: (lists) => putImagesOfLists(storeAt(url), lists),
    resetLog: () => Promise.resolve(),
    log: () => Promise.resolve(undefined),
    close: async () => {
      const exited = once(child, "exit");
      child.kill();
      await exited;
    },
  };
}

/**
 * @param {string} url
 * @returns {import("./images.js").Store}
 */
function storeAt(url) {
  return {
    putBlob: async (repository, body) => {
      const opened = await send("POST", `${url}${repository}/blobs/uploads/`);
      const upload = new URL(opened.headers.get("location") ?? "", url);
      upload.searchParams.set("digest", digestOf(body));
      await send("PUT", upload.href, body, "application/octet-stream");
    },
    putManifest: (repository, mediaType, body, tag) =>
      send("PUT", `${url}${repository}/manifests/${tag}`, body, mediaType),
  };
}

/**
 * @param {string} method
 * @param {string} url
 * @param {Buffer} [body]
 * @param {string} [type]
 */
async function send(method, url, body, type) {
  const content =
    body === undefined ? {} : { body: new Uint8Array(body), headers: { "content-type": type ?? "" } };
  const response = await fetch(url, { method, ...content });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`${method} ${url} answered ${response.status}`);
  return response;
}

async function freePort() {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}

/** @param {string} url */
async function untilItAnswers(url) {
  for (let attempt = 0; ; attempt++) {
    try {
      await fetch(url);
      return;
    } catch (error) {
      if (attempt > 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
