// The registries that peers push to: Debian's docker-registry for plain HTTP where there is one, since that is what
// people run; the registry for tests for everything else, and for counting, since it knows what it was asked.
import { execFileSync, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { digestOf, INDEX, LIST, MANIFEST, putImages } from "./images.js";
import { putImagesOfLists } from "./lists.js";

/** @typedef {import("./protocols.js").Protocol} Protocol */
/** @typedef {{ children: number, blobs: number }} Sizes */
/** @typedef {{ method: string, path: string, status?: number, start: number, end: number }} Logged times in milliseconds */

/**
 * @typedef {object} Backing
 * @property {string} name
 * @property {number} port
 * @property {number} [tokenPort] of a token server of its own
 * @property {(size: Sizes) => Promise<void>} seed
 * @property {(lists: { count: number, size: Sizes, source: string }) => Promise<void>} seedLists
 * @property {(repository: string, tag: string) => Promise<string>} digestOf what a tag names
 * @property {(repository: string, tag: string, source: string) => Promise<void>} retag makes it name the image `v1` of `source`
 * @property {(rtt: number) => Promise<void>} resetLog
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
 * @param {string} [realm] where tokens are given out, if not by the registry
 * @returns {Promise<Backing>}
 */
export async function startEmbedded(protocol, certificate, realm) {
  const program = fileURLToPath(new URL("embedded.js", import.meta.url));
  const child = fork(program, [JSON.stringify({ protocol, ...certificate, realm })]);
  /** @param {object} [command] @returns {Promise<unknown>} */
  const ask = async (command) => {
    const answered = once(child, "message");
    if (command !== undefined) child.send(command);
    const answer = /** @type {unknown[]} */ (await answered);
    return answer[0];
  };
  const ports = /** @type {{ port: number, tokenPort?: number }} */ (await ask());
  return {
    name: "the embedded registry",
    ...ports,
    seed: async (size) => {
      await ask({ kind: "seed", size });
    },
    seedLists: async (lists) => {
      await ask({ kind: "seedLists", lists });
    },
    digestOf: async (repository, tag) => String(await ask({ kind: "digest", repository, tag })),
    retag: async (repository, tag, source) => {
      await ask({ kind: "retag", repository, tag, source });
    },
    resetLog: async (rtt) => {
      await ask({ kind: "resetLog", rtt });
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
    digestOf: async (repository, tag) => {
      const { headers } = await send("HEAD", `${url}${repository}/manifests/${tag}`);
      return headers.get("docker-content-digest") ?? "";
    },
    retag: async (repository, tag, source) => {
      const image = await send("GET", `${url}${source}/manifests/v1`);
      await storeAt(url).putManifest(repository, MANIFEST, image.content, tag);
    },
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
  const headers = {
    accept: `${MANIFEST}, ${LIST}, ${INDEX}`,
    ...(type !== undefined && { "content-type": type }),
  };
  const content = body === undefined ? {} : { body: new Uint8Array(body) };
  const response = await fetch(url, { method, headers, ...content });
  const answer = Buffer.from(await response.arrayBuffer());
  if (!response.ok) throw new Error(`${method} ${url} answered ${response.status}`);
  return { headers: response.headers, content: answer };
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
