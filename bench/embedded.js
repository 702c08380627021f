// The registry for tests in a process of its own, told by messages what to do; bench/registries.js starts it.
import { readFileSync } from "node:fs";
import { putImages } from "./images.js";
import { putImagesOfLists } from "./lists.js";

/** @typedef {import("./registries.js").Sizes} Sizes */
/** @typedef {{ protocol: import("./registries.js").Protocol, key: string, cert: string }} Options */
/** @typedef {{ count: number, size: Sizes, source: string }} Lists */
/** @typedef {{ kind: "seed", size: Sizes } | { kind: "seedLists", lists: Lists } | { kind: "resetLog" } | { kind: "log" }} Command */

/** @type {unknown} */
const built = await import(new URL("../dist/testing/index.js", import.meta.url).href);
const { startRegistry } = /** @type {typeof import("../src/testing/index.js")} */ (built);

/** @type {unknown} */
const given = JSON.parse(process.argv[2] ?? "");
const { protocol, key, cert } = /** @type {Options} */ (given);
/** When each request came, in the order of the log. @type {number[]} */
let arrivals = [];

const registry = await startRegistry({
  onRequest: () => {
    arrivals.push(performance.now());
    return undefined;
  },
  ...(protocol !== "http" && {
    tls: { key: readFileSync(key), cert: readFileSync(cert), http2: protocol !== "https" },
  }),
  ...(protocol === "bearer" && { auth: { kind: "bearer", users: { bench: "bench" } } }),
});

process.on("message", (/** @type {Command} */ command) => {
  void obey(command).then((answer) => process.send?.(answer ?? null));
});
process.on("disconnect", () => process.exit());
process.send?.(registry.port);

/** @param {Command} command */
async function obey(command) {
  switch (command.kind) {
    case "seed":
      await putImages(registry, command.size);
      return undefined;
    case "seedLists":
      await putImagesOfLists(registry, command.lists);
      return undefined;
    case "resetLog":
      registry.resetLog();
      arrivals = [];
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
