import { longName, rangeOf, type Flag, type FlagTable, type NamedFlag } from "../go/flags.js";

/**
 * How flags are presented: in which group, as what, with which default. The help, docs/cli.md and the man page are made
 * of it. Loaded only for them.
 */

/** In this order. A flag's name says its group, where its table does not. */
export const GROUPS: readonly (readonly [title: string, names: readonly string[]])[] = [
  [
    "What goes into the list",
    [
      "file",
      "amend",
      "replace",
      "refresh",
      "append",
      "merge",
      "from",
      "platform",
      "attestations",
      "entry",
      "preferIndex",
    ],
  ],
  [
    "What the list says",
    ["os", "arch", "variant", "osVersion", "osFeatures", "annotation", "subject", "artifactType", "type"],
  ],
  ["Where it goes", ["tag", "to"]],
  ["Before anything is changed", ["plan", "dryRun", "expect", "strict"]],
  ["What is sent", ["crossRegistry", "mountOnly", "referrers", "wait", "verify"]],
  ["What is deleted", []],
  ["Many lists", ["jobs", "failFast", "shard", "shards"]],
  ["What is shown", ["verbose", "tree", "raw", "remote", "check", "olderThan"]],
  ["Output", ["format", "quiet", "progress", "exitCode", "digestFile", "metadataFile", "results"]],
  ["Local lists", ["purge", "store"]],
  ["Network", ["insecure", "plainHttp", "caFile", "retries", "concurrency"]],
  ["General", ["config", "builder", "debug", "help", "version"]],
];

const OTHERS = "Options";

/** Some of a command's flags, by the names their values have in the program. */
export interface FlagGroup {
  readonly title: string;
  readonly flags: readonly NamedFlag[];
}

/** The flags of a command in their groups; those of a group in the order of the group. */
export function groupFlags(table: FlagTable): FlagGroup[] {
  const ordered = GROUPS.flatMap(([, names]) => names);
  const rank = ([name]: NamedFlag): number => ordered.indexOf(name);
  const named = Object.entries(table).toSorted((one, other) => rank(one) - rank(other));
  const groupOf = ([name, { group }]: NamedFlag): string =>
    group ?? GROUPS.find(([, names]) => names.includes(name))?.[0] ?? OTHERS;
  return [OTHERS, ...GROUPS.map(([title]) => title)].flatMap((title) => {
    const flags = named.filter((one) => groupOf(one) === title);
    return flags.length === 0 ? [] : [{ title, flags }];
  });
}

/** As it is written on the command line: `-p, --purge`, `--os <name>`, `--verify[=<what>]`. */
export function flagTerm(name: string, flag: Flag): string {
  const short = flag.short === undefined ? "" : `-${flag.short}, `;
  return `${short}--${longName(name)}${valueTerm(flag)}`;
}

function valueTerm(flag: Flag): string {
  if (flag.kind === "bool") return "";
  return flag.kind === "optional" ? `[=<${flag.value}>]` : ` <${flag.value}>`;
}

/** What it does, and in brackets what it takes and what holds without it: `(0 to 100; default: 5)`. */
export function flagText(flag: Flag): string {
  const more = [allowed(flag), defaultOf(flag)].filter((part) => part !== undefined);
  return more.length === 0 ? flag.description : `${flag.description} (${more.join("; ")})`;
}

function allowed(flag: Flag): string | undefined {
  if (flag.kind === "int") return rangeOf(flag).replace(/^a whole number (?:of |from )?/, "");
  if (flag.kind !== "string" && flag.kind !== "optional") return undefined;
  const { choices = [], description } = flag;
  const isSaid = choices.every((choice) => new RegExp(`\\b${choice}\\b`).test(description));
  return isSaid ? undefined : `one of ${choices.join(", ")}`;
}

function defaultOf(flag: Flag): string | undefined {
  switch (flag.kind) {
    case "bool":
      return flag.default === true ? "default: true" : undefined;
    case "int":
      // What is less than the least is what is not given.
      return flag.default < (flag.min ?? 0) ? undefined : `default: ${flag.default}`;
    case "string":
      return flag.default === undefined ? undefined : `default: ${flag.default}`;
    case "optional":
    case "stringSlice":
    case "stringArray":
      return undefined;
  }
}
