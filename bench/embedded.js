// The registry for tests in a process of its own, told by messages what to do; bench/registries.js starts it.
import { readFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createSecureServer } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import { once } from "node:events";
import { putImages } from "./images.js";
import { putImagesOfLists } from "./lists.js";
import { AT_ONCE, MANY_AT_ONCE, wantsTokens } from "./protocols.js";

/** @typedef {import("./registries.js").Sizes} Sizes */
/**
 * @typedef {object} Options
 * @property {import("./protocols.js").Protocol} protocol
 * @property {string} key
 * @property {string} cert
 * @property {string} [realm] of tokens, where they are another host's
 */
/** @typedef {{ count: number, size: Sizes, source: string }} Lists */
/**
 * @typedef {{ kind: "seed", size: Sizes } | { kind: "seedLists", lists: Lists } | { kind: "resetLog", rtt: number } | { kind: "log" }
 *   | { kind: "digest", repository: string, tag: string } | { kind: "retag", repository: string, tag: string, source: string }} Command
 */

/** Idle connections live longer than any run. */
const KEEP_ALIVE_MS = 120_000;

/** @type {unknown} */
const built = await import(new URL("../dist/testing/index.js", import.meta.url).href);
const { createTestRegistry } = /** @type {typeof import("../src/testing/index.js")} */ (built);

/** @type {unknown} */
const given = JSON.parse(process.argv[2] ?? "");
const { protocol, key, cert, realm } = /** @type {Options} */ (given);
/** When each request came, in the order of the log. @type {number[]} */
let arrivals = [];
let rtt = 0;

const registry = createTestRegistry({
  onRequest: () => {
    const now = performance.now();
    arrivals.push(now);
    if (protocol !== "limited") return undefined;
    // The client has one request under way until its answer has come back, a round trip after the request came here.
    const running = arrivals.slice(-2 * AT_ONCE).filter((at) => now - at < rtt).length;
    return running <= AT_ONCE ? undefined : { status: 429, headers: { "Retry-After": "1" } };
  },
  ...(wantsTokens(protocol) && { auth: { kind: "bearer", users: { bench: "bench" }, realm } }),
});
const port = await listen();
const tokenPort = protocol === "apart" ? await listen() : undefined;

process.on("message", (/** @type {Command} */ command) => {
  void obey(command).then((answer) => process.send?.(answer ?? null));
});
process.on("disconnect", () => process.exit());
process.send?.({ port, tokenPort });

async function listen() {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the registry does not listen");
  return address.port;
}

function createServer() {
  const { handler } = registry;
  if (protocol === "http") return createHttpServer({ keepAliveTimeout: KEEP_ALIVE_MS }, handler);
  const tls = { key: readFileSync(key), cert: readFileSync(cert) };
  if (protocol === "https") return createHttpsServer({ ...tls, keepAliveTimeout: KEEP_ALIVE_MS }, handler);
  const allowed = protocol === "streams" ? AT_ONCE : protocol === "many" ? MANY_AT_ONCE : undefined;
  const settings = allowed === undefined ? {} : { maxConcurrentStreams: allowed };
  return createSecureServer({ ...tls, allowHTTP1: true, settings }, handler);
}

/** @param {Command} command */
async function obey(command) {
  switch (command.kind) {
    case "seed":
      await putImages(registry, command.size);
      return undefined;
    case "seedLists":
      await putImagesOfLists(registry, command.lists);
      return undefined;
    case "digest":
      return registry.manifest(command.repository, command.tag)?.digest;
    case "retag": {
      const image = registry.manifest(command.source, "v1");
      if (image === undefined) throw new Error(`${command.source}:v1 is not there`);
      registry.putManifest(command.repository, image.mediaType, image.body, command.tag);
      return undefined;
    }
    case "resetLog":
      registry.resetLog();
      arrivals = [];
      rtt = command.rtt;
      return undefined;
    case "log":
      return registry.log.map(({ method, path, status, duration }, index) => ({
        method,
        path,
        status,
        start: arrivals[index] ?? 0,
        end: (arrivals[index] ?? 0) + (duration ?? 0),
      }));
  }
}
