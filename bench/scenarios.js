// What is measured. Every scenario is run by every peer that can, turn by turn, so that a noisy moment hits them all.
import { LINES } from "./protocols.js";

/** @typedef {import("./lab.js").Act} Act */
/** @typedef {import("./protocols.js").Protocol} Protocol */

/**
 * @typedef {object} Scenario
 * @property {Protocol} protocol
 * @property {import("./registries.js").Sizes} size
 * @property {import("./lists.js").Lists} [lists]
 * @property {number} rtt
 * @property {Act} act
 * @property {readonly string[]} [flags]
 * @property {boolean} [known] has this registry been used before, or is nothing known of it? Where nothing is said: as far as by what
 *   comes before the run, such as `create` before a first push
 * @property {readonly string[]} [peers] those who take part in a run of everything, where not all do
 * @property {boolean} [onlyNamed] left out of a run of everything
 * @property {number} rounds at most
 */

/** Five images of four blobs. */
const SMALL = { children: 5, blobs: 4 };
const MEDIUM = { children: 16, blobs: 8 };
const LARGE = { children: 64, blobs: 8 };
const WIDE = { children: 200, blobs: 4 };
const HUGE = { children: 500, blobs: 4 };
/** Four images of three layers. */
const RELEASE = { children: 4, blobs: 4 };

const OURS = ["tsmanifest"];
const FAST = ["tsmanifest", "crane", "regctl", "oras", "buildx"];
const COMBINING = ["tsmanifest", "crane", "regctl", "buildx"];
const AT_HOME = ["tsmanifest", "crane", "regctl", "oras"];

/** Two minutes' worth. @type {readonly Scenario[]} */
export const QUICK = [
  { protocol: "http", size: SMALL, rtt: 50, act: "push", rounds: 2, peers: ["docker", ...FAST] },
  { protocol: "http", size: SMALL, rtt: 50, act: "repeat", rounds: 2, peers: FAST },
  { protocol: "bearer", size: SMALL, rtt: 10, act: "push", rounds: 2, peers: ["docker", ...FAST] },
  { protocol: "http", size: SMALL, rtt: 0, act: "push", rounds: 2 },
  { protocol: "http", size: SMALL, rtt: 50, act: "combine", rounds: 2, peers: COMBINING },
];

/**
 * What has bars comes first. docker, podman, buildah and skopeo take a minute for one round at 50 ms: they take part once in
 * each kind of thing. @type {readonly Scenario[]}
 */
export const FULL = [
  { protocol: "http", size: SMALL, rtt: 0, act: "push", rounds: 9 },
  { protocol: "http", size: WIDE, rtt: 0, act: "push", rounds: 5, peers: AT_HOME },
  { protocol: "http", size: WIDE, rtt: 0, act: "repeat", rounds: 5, peers: AT_HOME },
  { protocol: "http", size: SMALL, rtt: 50, act: "repeat", rounds: 9, peers: ["docker", ...FAST] },
  { protocol: "bearer", size: SMALL, rtt: 50, act: "repeat", rounds: 9, peers: FAST },
  {
    protocol: "http",
    size: SMALL,
    rtt: 50,
    act: "combine",
    rounds: 5,
    peers: ["docker", "podman", ...COMBINING],
  },
  { protocol: "bearer", size: SMALL, rtt: 50, act: "combine", rounds: 5, peers: ["docker", ...COMBINING] },
  ...["streams", "limited"].map((protocol) =>
    oursAlone({ protocol, size: LARGE, rtt: 50, act: "push", rounds: 5 }),
  ),
  ...["many", "limited"].map((protocol) =>
    oursAlone({ protocol, size: HUGE, rtt: 50, act: "push", rounds: 5 }),
  ),
  { protocol: "http", size: SMALL, rtt: 50, act: "push", rounds: 5 },
  { protocol: "bearer", size: SMALL, rtt: 50, act: "push", rounds: 5, peers: ["docker", ...FAST] },
  ...["bearer", "apart"].flatMap((protocol) => [
    oursAlone({ protocol, size: SMALL, rtt: 50, act: "push", known: false, rounds: 5 }),
    oursAlone({ protocol, size: SMALL, rtt: 50, act: "repeat", known: false, rounds: 5 }),
    oursAlone({ protocol, size: SMALL, rtt: 50, act: "combine", known: true, rounds: 5 }),
  ]),
  { protocol: "http", size: SMALL, rtt: 50, act: "retag", rounds: 3, peers: ["docker", ...FAST] },
  { protocol: "bearer", size: SMALL, rtt: 50, act: "retag", rounds: 3, peers: FAST },
  { protocol: "http", size: SMALL, rtt: 0, act: "repeat", rounds: 5 },
  { protocol: "http", size: SMALL, rtt: 0, act: "combine", rounds: 3 },
  ...["push", "repeat"].flatMap((act) => [
    scenario({ protocol: "http", size: SMALL, rtt: 10, act, rounds: 3, peers: ["docker", ...FAST] }),
    scenario({
      protocol: "apart",
      size: SMALL,
      rtt: 50,
      act,
      rounds: 3,
      peers: ["tsmanifest", "regctl", "oras"],
    }),
    scenario({ protocol: "h2", size: SMALL, rtt: 50, act, rounds: 3, peers: ["tsmanifest", "oras"] }),
  ]),
  { protocol: "apart", size: SMALL, rtt: 50, act: "combine", rounds: 3, peers: ["tsmanifest", "crane"] },
  { protocol: "http", size: MEDIUM, rtt: 50, act: "combine", rounds: 3, peers: COMBINING },
  { protocol: "http", size: MEDIUM, rtt: 50, act: "push", rounds: 3, peers: ["tsmanifest", "oras"] },
  { protocol: "http", size: LARGE, rtt: 50, act: "push", rounds: 3, peers: ["tsmanifest", "oras"] },
  oursAlone({ protocol: "http", size: HUGE, rtt: 50, act: "push", rounds: 3 }),
  ...["http", "streams"].flatMap((protocol) =>
    ["8", "32"].map((count) =>
      oursAlone({ protocol, size: LARGE, rtt: 50, act: "push", flags: ["--concurrency", count], rounds: 2 }),
    ),
  ),
  { protocol: "http", size: SMALL, rtt: 50, act: "create", rounds: 3 },
  { protocol: "bearer", size: SMALL, rtt: 50, act: "inspect", rounds: 3 },
  manyLists(200, { images: "elsewhere", rtt: 20, act: "apply", peers: ["tsmanifest", "crane"] }),
  manyLists(200, { images: "elsewhere", rtt: 20, act: "reapply", peers: OURS }),
  manyLists(200, { images: "beside", rtt: 20, act: "apply", peers: ["tsmanifest", "crane", "oras"] }),
  manyLists(200, { images: "beside", rtt: 20, act: "reapply", peers: OURS }),

  { protocol: "http", size: MEDIUM, rtt: 0, act: "combine", rounds: 5, onlyNamed: true },
  { protocol: "bearer", size: MEDIUM, rtt: 50, act: "combine", rounds: 3, onlyNamed: true },
  { protocol: "http", size: SMALL, rtt: 100, act: "push", rounds: 5, onlyNamed: true },
  { protocol: "http", size: SMALL, rtt: 100, act: "repeat", rounds: 5, onlyNamed: true },
  { protocol: "https", size: SMALL, rtt: 50, act: "push", rounds: 5, onlyNamed: true },
  manyLists(2000, { images: "elsewhere", rtt: 0, act: "apply", onlyNamed: true, peers: OURS }),
  manyLists(2000, { images: "elsewhere", rtt: 0, act: "reapply", onlyNamed: true, peers: OURS }),
];

/**
 * What is computed has wider types.
 * @param {Omit<Scenario, "protocol" | "act"> & { protocol: string, act: string }} options
 */
function scenario(options) {
  return /** @type {Scenario} */ (options);
}

/** @param {Parameters<typeof scenario>[0]} options */
function oursAlone(options) {
  return scenario({ ...options, peers: OURS });
}

/**
 * @param {number} count
 * @param {{ images: string, rtt: number, act: string, peers: readonly string[], onlyNamed?: boolean }} options
 */
function manyLists(count, { images, ...rest }) {
  const lists = /** @type {import("./lists.js").Lists} */ ({ count, images });
  return scenario({ protocol: "http", size: RELEASE, lists, rounds: 3, ...rest });
}

/** @type {Readonly<Record<Act, string>>} */
const WORDS = {
  push: "first push",
  repeat: "repeated push",
  retag: "changed tag",
  create: "create",
  combine: "from images to tag",
  inspect: "inspect",
  apply: "first run",
  reapply: "second run",
};

/** @param {Scenario} scenario */
export function titleOf({ protocol, size, lists, rtt, act, flags = [], known }) {
  return [
    `${lists === undefined ? "" : `${lists.count} lists of `}${size.children} × ${size.blobs}`,
    ...(lists === undefined ? [] : [`images ${lists.images}`]),
    `${rtt} ms`,
    LINES[protocol],
    WORDS[act],
    ...(known === undefined ? [] : [known ? "known registry" : "unknown registry"]),
    ...(flags.length > 0 ? [flags.join(" ")] : []),
  ].join(", ");
}

/**
 * The scenarios whose titles contain the text, whether or not a run of everything has them; all that it has where there
 * is no text. Whoever names scenarios gets every peer, but of those that are ours alone.
 * @param {readonly Scenario[]} scenarios
 * @param {string} text
 * @returns {readonly Scenario[]}
 */
export function chosen(scenarios, text) {
  if (text === "") return scenarios.filter(({ onlyNamed }) => onlyNamed !== true);
  return scenarios
    .filter((one) => titleOf(one).includes(text))
    .map(({ peers, ...rest }) => (peers === OURS ? { ...rest, peers } : rest));
}
