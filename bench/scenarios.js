// What is measured. Every scenario is run by every peer that can, turn by turn, so that a noisy moment hits them all.

/** @typedef {import("./lab.js").Act} Act */
/** @typedef {import("./registries.js").Protocol} Protocol */

/**
 * @typedef {object} Scenario
 * @property {Protocol} protocol
 * @property {import("./registries.js").Sizes} size
 * @property {import("./lists.js").Lists} [lists]
 * @property {number} rtt
 * @property {Act} act
 * @property {readonly string[]} [flags]
 * @property {boolean} [oursOnly]
 * @property {number} rounds at most
 */

const SMALL = { children: 5, blobs: 4 };
const MEDIUM = { children: 16, blobs: 8 };
const LARGE = { children: 64, blobs: 8 };
const HUGE = { children: 500, blobs: 4 };
/** Four images of three layers. */
const RELEASE = { children: 4, blobs: 4 };

/** Two minutes' worth. @type {readonly Scenario[]} */
export const QUICK = [
  { protocol: "http", size: SMALL, rtt: 50, act: "push", rounds: 2 },
  { protocol: "http", size: SMALL, rtt: 10, act: "repeat", rounds: 2 },
  { protocol: "bearer", size: SMALL, rtt: 10, act: "push", rounds: 2 },
  { protocol: "http", size: SMALL, rtt: 0, act: "push", rounds: 2 },
  { protocol: "http", size: SMALL, rtt: 50, act: "combine", rounds: 2 },
];

/** @type {readonly Scenario[]} */
export const FULL = [
  ...[50, 0, 10, 100].flatMap((rtt) =>
    /** @type {const} */ (["push", "repeat"]).map(
      (act) => /** @type {Scenario} */ ({ protocol: "http", size: SMALL, rtt, act, rounds: 5 }),
    ),
  ),
  ...["https", "h2", "bearer"].map(
    (protocol) => /** @type {Scenario} */ ({ protocol, size: SMALL, rtt: 50, act: "push", rounds: 5 }),
  ),
  { protocol: "bearer", size: SMALL, rtt: 50, act: "repeat", rounds: 5 },
  ...[MEDIUM, LARGE].map(
    (size) => /** @type {Scenario} */ ({ protocol: "http", size, rtt: 50, act: "push", rounds: 3 }),
  ),
  ...["http", "h2"].flatMap((protocol) =>
    [HUGE].map(
      (size) => /** @type {Scenario} */ ({ protocol, size, rtt: 50, act: "push", rounds: 5, oursOnly: true }),
    ),
  ),
  { protocol: "http", size: SMALL, rtt: 50, act: "create", rounds: 5 },
  { protocol: "http", size: LARGE, rtt: 50, act: "create", rounds: 3 },
  ...["http", "bearer"].flatMap((protocol) =>
    [SMALL, MEDIUM].flatMap((size) =>
      [50, 0].map((rtt) => /** @type {Scenario} */ ({ protocol, size, rtt, act: "combine", rounds: 5 })),
    ),
  ),
  ...["http", "bearer"].map(
    (protocol) => /** @type {Scenario} */ ({ protocol, size: SMALL, rtt: 50, act: "inspect", rounds: 5 }),
  ),
  ...["http", "h2"].flatMap((protocol) =>
    ["8", "16", "32", "64"].map((concurrency) => {
      const flags = ["--concurrency", concurrency];
      return /** @type {Scenario} */ ({
        protocol,
        size: LARGE,
        rtt: 50,
        act: "push",
        flags,
        rounds: 5,
        oursOnly: true,
      });
    }),
  ),
  ...["elsewhere", "beside"].flatMap((images) =>
    ["apply", "reapply"].map((act) => manyLists(200, { images, rtt: 20, act, oursOnly: act === "reapply" })),
  ),
  ...["apply", "reapply"].map((act) => manyLists(2000, { images: "elsewhere", rtt: 0, act, oursOnly: true })),
];

/**
 * @param {number} count
 * @param {{ images: string, rtt: number, act: string, oursOnly: boolean }} options
 */
function manyLists(count, { images, ...rest }) {
  const lists = { count, images };
  return /** @type {Scenario} */ ({ protocol: "http", size: RELEASE, lists, rounds: 3, ...rest });
}

/** @param {Scenario} scenario */
export function titleOf({ protocol, size, lists, rtt, act, flags = [] }) {
  const words = {
    push: "first push",
    repeat: "repeated push",
    create: "create",
    combine: "from images to tag",
    inspect: "inspect",
    apply: "first run",
    reapply: "second run",
  };
  const lines = {
    http: "HTTP",
    https: "HTTPS, HTTP/1.1",
    h2: "HTTPS, HTTP/2",
    bearer: "HTTPS, HTTP/2, bearer token",
  };
  return [
    `${lists === undefined ? "" : `${lists.count} lists of `}${size.children} × ${size.blobs}`,
    ...(lists === undefined ? [] : [`images ${lists.images}`]),
    `${rtt} ms`,
    lines[protocol],
    words[act],
    ...(flags.length > 0 ? [flags.join(" ")] : []),
  ].join(", ");
}
