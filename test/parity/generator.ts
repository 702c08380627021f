import { brokenSources, lists as remoteLists, sources } from "./catalogue.js";

/** Makes up command lines, always the same ones for the same seed. */

export interface Step {
  readonly argv: readonly string[];
  /** Flags that docker does not have. */
  readonly ours?: readonly string[];
  /** With more than one, what stderr says is not compared: which is reported first is not docker's to decide. */
  readonly faults: number;
}

/** What the sessions know of the local lists: sources that have been added to each. */
export type Lists = ReadonlyMap<string, ReadonlySet<string>>;

/** Small, fast, good enough: https://github.com/bryc/code/blob/master/jshash/PRNGs.md#mulberry32 */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error("nothing to pick from");
    return item;
  }

  weighted<Item>(items: readonly (readonly [weight: number, item: Item])[]): Item {
    let left = this.next() * items.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, item] of items) {
      left -= weight;
      if (left < 0) return item;
    }
    return this.pick(items)[1];
  }

  some<Item>(items: readonly Item[], probability: number): Item[] {
    return items.filter(() => this.chance(probability));
  }
}

const HEX = "0123456789abcdef".repeat(4);

/** Local lists: names that differ in little, names of other registries, names with digests. */
const LIST_NAMES = [
  "{host}/multi/app:v1",
  "{host}/multi/app:v2",
  "{host}/multi/app",
  "{host}/multi/app-v1",
  "{host}/multi/app_v1",
  "{host}/multi.app/v1",
  "{host}/multi/app/v1:x",
  "{host}/multi/other:V1",
  "{host}/win/core:multi",
  `{host}/multi/app:v1@sha256:${HEX}`,
  `{host}/multi/app@sha256:${HEX}`,
  "{localhost}/multi/app:v1",
  "app:v1",
];

const INVALID_NAMES = [
  "",
  "A",
  "{host}/Multi/app",
  "a b",
  "a:",
  ":v1",
  "{host}/a@sha256:12",
  "é",
  "-",
].filter((name) => name !== "-");

const ODD_TEXTS = [
  "",
  " ",
  "<&>",
  '"',
  "\\",
  "\u2028\u2029",
  "\u0001\u001f\u007f\u0080",
  "a\tb\nc\rd\be\f",
  "\u{1f680}",
  "ü",
  "e\u0301",
  "\ufffd",
  "a,b",
  "10.0.17763.1",
  "--os",
  "null",
  "{}",
];

const KNOWN_PAIRS = [
  ["linux", "amd64"],
  ["linux", "arm"],
  ["linux", "s390x"],
  ["windows", "amd64"],
  ["solaris", "amd64"],
  ["plan9", "386"],
] as const;
const OSES = ["linux", "windows", "darwin", "solaris", "Linux", "beos", ""];
const ARCHES = ["amd64", "arm", "arm64", "mips64le", "riscv64", "loong64", "x86_64", ""];
const FEATURES = ["a", "a,b", "b,a,b", '"a,b",c', '"<&>"', "", ",", ' "x"', '"', "win32k", "\u2028"];

/** One command line. `mayTolerate`: layers of Windows keep their platform, see `sessions.test.ts`. */
export function nextStep(random: Random, lists: Lists, isMountOnly: boolean): Step {
  const command = random.weighted([
    [30, create],
    [26, annotate],
    [22, inspect],
    [14, push],
    [5, rm],
    [4, misuse],
  ]);
  return command(random, lists, isMountOnly);
}

function create(random: Random, lists: Lists): Step {
  const list = anyList(random, lists, 0.3);
  const count = random.weighted([
    [5, 1],
    [4, 2],
    [2, 3],
    [1, 6],
  ]);
  const chosen = Array.from({ length: count }, () => anySource(random));
  const flags = [
    random.pick(["--insecure", "--insecure=true", "--insecure=1"]),
    ...random.weighted<readonly string[]>([
      [6, ["-a"]],
      [3, ["--amend"]],
      [1, ["--amend=T"]],
      [1, ["--amend=false"]],
      [5, []],
    ]),
  ];
  const faults = new Set(chosen.map(({ fault }) => fault).filter((fault) => fault !== ""));
  return {
    argv: ["create", ...mixed(random, [list, ...chosen.map(({ name }) => name)], flags)],
    // How JSON is wrong, Go says in its own words.
    faults: faults.has("broken") ? 2 : faults.size + (LIST_NAMES.includes(list) ? 0 : 1),
  };
}

function annotate(random: Random, lists: Lists, isMountOnly: boolean): Step {
  const list = anyList(random, lists, 0.9);
  const entry = anyEntry(random, lists, list);
  const isWindows = entry.includes("/win/") && !isMountOnly;
  const [os, arch] = random.chance(0.75)
    ? random.pick(KNOWN_PAIRS)
    : [random.pick(OSES), random.pick(ARCHES)];
  const features = [random.pick(FEATURES), ...random.some(FEATURES, 0.1)];
  const flags = random.some(
    [
      ...(isWindows ? [] : [valueFlag(random, "os", os)]),
      valueFlag(random, "arch", arch),
      valueFlag(random, "variant", random.pick(["v6", "v7", "v8", ...ODD_TEXTS])),
      valueFlag(random, "os-version", random.pick(ODD_TEXTS)),
      features.flatMap((feature) => valueFlag(random, "os-features", feature)),
    ],
    0.55,
  );
  return { argv: ["annotate", ...mixed(random, [list, entry], flags.flat())], faults: 0 };
}

function inspect(random: Random, lists: Lists): Step {
  const verbose = random.weighted<readonly string[]>([
    [4, []],
    [2, ["-v"]],
    [1, ["--verbose"]],
  ]);
  const flags = ["--insecure", ...verbose];
  if (random.chance(0.4)) {
    const list = anyList(random, lists, 0.9);
    return { argv: ["inspect", ...mixed(random, [list, anyEntry(random, lists, list)], flags)], faults: 0 };
  }
  const isLocal = random.chance(0.55);
  const { name, fault } = isLocal ? { name: anyList(random, lists, 1), fault: "" } : anyRemote(random);
  // docker shows what it has fetched, as a Go value.
  if (fault === "broken") return inspect(random, lists);
  // A name of Docker Hub that is not a local list would be asked for there.
  if (!name.startsWith("{") && !lists.has(name)) return inspect(random, lists);
  return { argv: ["inspect", ...mixed(random, [name], flags)], faults: fault === "wrong digest" ? 2 : 0 };
}

function push(random: Random, lists: Lists, isMountOnly: boolean): Step {
  const flags = random.weighted<readonly string[]>([
    [5, []],
    [1, ["-p"]],
    [1, ["--purge"]],
    [1, ["--purge=false"]],
    [2, ["--insecure"]],
    [1, ["-p", "--insecure"]],
  ]);
  return {
    argv: ["push", ...mixed(random, [anyList(random, lists, 0.95)], flags)],
    ...(isMountOnly && { ours: ["--mount-only"] }),
    faults: 0,
  };
}

function rm(random: Random, lists: Lists): Step {
  const count = 1 + random.below(3);
  return { argv: ["rm", ...Array.from({ length: count }, () => anyList(random, lists, 0.5))], faults: 0 };
}

function misuse(random: Random, lists: Lists): Step {
  const list = anyList(random, lists, 0.9);
  const argv = random.pick([
    ["create", list],
    ["create"],
    ["annotate", list],
    ["annotate", list, "a", "b"],
    ["inspect"],
    ["inspect", list, "a", "b"],
    ["push"],
    ["push", list, list],
    ["rm"],
    ["push", "--pur", list],
    ["push", "-x", list],
    ["push", "--purge=maybe", list],
    ["rm", "-f", list],
    ["annotate", list, "a", "--os"],
    ["create", "--amend=2", list, "a"],
    ["inspect", "--verbose=", list],
    ["bogus", list],
    ["push", "---p", list],
    ["push", "--", list, "-p"],
  ]);
  return { argv, faults: 0 };
}

function valueFlag(random: Random, name: string, value: string): string[] {
  return random.chance(0.5) ? [`--${name}=${value}`] : [`--${name}`, value];
}

/** Arguments in their order, with flags before, between and behind them. */
function mixed(random: Random, args: readonly string[], flags: readonly string[]): string[] {
  const split = random.below(args.length + 1);
  return [...args.slice(0, split), ...flags, ...args.slice(split)];
}

function anyList(random: Random, lists: Lists, preferExisting: number): string {
  const existing = [...lists.keys()];
  if (existing.length > 0 && random.chance(preferExisting)) return random.pick(existing);
  return random.chance(0.06) ? random.pick(INVALID_NAMES) : random.pick(LIST_NAMES);
}

function anyEntry(random: Random, lists: Lists, list: string): string {
  const entries = [...(lists.get(list) ?? [])];
  if (entries.length > 0 && random.chance(0.85)) return random.pick(entries);
  return random.chance(0.1) ? random.pick(INVALID_NAMES) : anySource(random).name;
}

/** Something to make an entry of, and what is wrong with it. */
function anySource(random: Random): { readonly name: string; readonly fault: string } {
  const image = random.pick(sources);
  const other = random.pick(sources);
  const name = `{host}/${image.name}`;
  const repository = `{host}/${image.repository}`;
  return random.weighted([
    [60, { name, fault: "" }],
    [14, { name: `${repository}@${image.digest}`, fault: "" }],
    [8, { name: `${name}@${image.digest}`, fault: "" }],
    [4, { name: `{localhost}/${image.name}`, fault: "" }],
    [2, { name: `${repository}:none`, fault: "missing" }],
    [1, { name: "{host}/none/none:none", fault: "missing" }],
    [1, { name: `${repository}@sha256:${HEX}`, fault: "missing" }],
    [1, { name: `${name}@sha256:${HEX}`, fault: "wrong digest" }],
    [1, { name: `${name}@${other.digest}`, fault: other === image ? "" : "wrong digest" }],
    [1, { name: `{host}/${random.pick(brokenSources).name}`, fault: "broken" }],
    [1, { name: random.pick(INVALID_NAMES), fault: "invalid" }],
  ]);
}

function anyRemote(random: Random): ReturnType<typeof anySource> {
  const list = random.pick(remoteLists);
  return random.weighted([
    [10, anySource(random)],
    [5, { name: `{host}/${list.name}`, fault: "" }],
    [2, { name: `{host}/${list.repository}@${list.digest}`, fault: "" }],
    [2, { name: random.pick(LIST_NAMES.filter((name) => name.startsWith("{host}"))), fault: "" }],
  ]);
}
