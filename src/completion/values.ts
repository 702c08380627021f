import type { Command } from "../commands/command.js";
import { openUserStore } from "../commands/userStore.js";
import type { Context } from "../context.js";
import type { Flag } from "../go/flags.js";
import { formatReference, parseReference } from "../oci/reference.js";
import type { Store } from "../store/store.js";
import { NOTHING, type Candidate, type Completion } from "./completion.js";

/** What flags and arguments may be: from their tables, and from the lists that the user has. */

/** The values of the flags so far, by their names. */
type Values = Readonly<Record<string, unknown>>;

/** What people build for; any other platform may be typed. */
const PLATFORMS = [
  "linux/amd64",
  "linux/arm64",
  "linux/arm/v7",
  "linux/arm/v6",
  "linux/386",
  "linux/ppc64le",
  "linux/riscv64",
  "linux/s390x",
  "windows/amd64",
  "windows/arm64",
];

const KNOWN_VALUES: Readonly<Record<string, readonly string[]>> = {
  os: ["linux", "windows", "darwin", "freebsd"],
  arch: ["amd64", "arm64", "arm", "386", "ppc64le", "riscv64", "s390x"],
  variant: ["v6", "v7", "v8"],
};

/** By what the help calls a flag's value. */
const PATHS: Readonly<Record<string, "files" | "folders">> = {
  file: "files",
  path: "files",
  dir: "folders",
};

/**
 * What may be a flag's value.
 * @param current what there is of it
 * @param args the arguments of the command so far
 */
export async function valuesFor(
  [name, flag]: readonly [name: string, flag: Flag],
  current: string,
  context: Context,
  values: Values,
  args: readonly string[],
): Promise<Completion> {
  if (flag.kind === "bool") return wordsOf(["true", "false"]);
  const { choices } = { choices: undefined, ...flag };
  if (choices !== undefined) return wordsOf(choices);
  if (name === "platform" || name === "expect") return platforms(current);
  if (name === "entry") return entriesOf(storeOf(context, values), args[0]);
  const known = KNOWN_VALUES[name];
  if (known !== undefined) return wordsOf(known);
  const kind = PATHS[flag.value];
  return kind === undefined ? NOTHING : { kind };
}

/** Separated by commas, each once. */
function platforms(current: string): Completion {
  const before = current.slice(0, current.lastIndexOf(",") + 1);
  const named = new Set(before.split(","));
  return wordsOf(PLATFORMS.filter((one) => !named.has(one)).map((one) => before + one));
}

export const SHELLS = ["bash", "zsh", "fish", "powershell"] as const;

/** What may be the next argument of a command. */
export async function argumentsFor(
  { completes }: Command,
  current: string,
  context: Context,
  values: Values,
  args: readonly string[],
): Promise<Completion> {
  switch (completes[args.length] ?? completes.at(-1)) {
    case "list":
      return listsOf(storeOf(context, values), current, args);
    case "entry":
      return entriesOf(storeOf(context, values), args[0]);
    case "shell":
      return wordsOf(SHELLS);
    case "other":
    case undefined:
      return NOTHING;
  }
}

function storeOf(context: Context, { store }: Values): Store {
  return openUserStore(context, { store: typeof store === "string" ? store : "" });
}

/** The local lists but those that are named already; in the short form that docker takes, too, where that is begun. */
async function listsOf(store: Store, current: string, named: readonly string[]): Promise<Completion> {
  const isNamed = new Set(named);
  const words = (await store.list()).flatMap(({ name, platforms: some }): Candidate[] => {
    const full = formatReference(name);
    const short = full.replace(/^docker\.io\/(?:library\/)?/, "");
    const text = current !== "" && !full.startsWith(current) && short.startsWith(current) ? short : full;
    return isNamed.has(full) || isNamed.has(short) ? [] : [{ text, description: some.join(", ") }];
  });
  return { kind: "words", words };
}

/** The images of a list. */
async function entriesOf(store: Store, list: string | undefined): Promise<Completion> {
  const draft = list === undefined ? undefined : await store.read(parseReference(list));
  return wordsOf(new Set(draft?.entries.map(({ ref }) => formatReference(ref))));
}

function wordsOf(texts: Iterable<string>): Completion {
  return { kind: "words", words: [...texts].map((text) => ({ text, description: "" })) };
}
