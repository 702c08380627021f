import { utimes } from "node:fs/promises";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { CommandEntry } from "../../src/commands/command.js";
import { commands as allCommands } from "../../src/commands/index.js";
import { emptyDraft, type Draft } from "../../src/list/draft.js";
import type { Entry } from "../../src/list/entry.js";
import { parseReference } from "../../src/oci/reference.js";
import { cli, type CliResult } from "../helpers/cli.js";
import { place, type Place } from "../store/place.js";

/** The commands for local lists, whether or not they are in the command tree. */
const own: readonly CommandEntry[] = [
  {
    name: "annotate",
    summary: "",
    load: async () => (await import("../../src/commands/annotate.js")).annotate,
  },
  { name: "ls", summary: "", load: async () => (await import("../../src/commands/ls.js")).ls },
  { name: "prune", summary: "", load: async () => (await import("../../src/commands/prune.js")).prune },
  { name: "rm", summary: "", load: async () => (await import("../../src/commands/rm.js")).rm },
];
const commands = [...own, ...allCommands.filter(({ name }) => own.every((one) => one.name !== name))];

/** A user with lists of their own, and the program run as that user. */
export interface Local extends Place {
  readonly run: (...argv: string[]) => Promise<CliResult>;
  readonly runWith: (env: Readonly<Record<string, string>>, ...argv: string[]) => Promise<CliResult>;
  /** Makes a list as `create` does. */
  readonly makeList: (
    name: string,
    entries: readonly Entry[],
    settings?: Partial<Draft["settings"]>,
  ) => Promise<void>;
  /** As if everything in the store had been written so many days ago. */
  readonly age: (days: number, folder?: string) => Promise<void>;
}

export async function local(): Promise<Local> {
  const here = await place();
  const runWith: Local["runWith"] = (env, ...argv) =>
    cli(argv, commands, { env: { DOCKER_CONFIG: here.home, ...env }, home: here.home });
  return {
    ...here,
    runWith,
    run: (...argv) => runWith({}, ...argv),
    makeList: (name, entries, settings) => {
      const list = parseReference(name);
      const empty = emptyDraft(list);
      return here.store.change(list, () => ({
        ...empty,
        entries,
        settings: { ...empty.settings, ...settings },
      }));
    },
    age: async (days, folder = here.root) => {
      const then = new Date(Date.now() - days * 86_400_000);
      const below = await readdir(folder, { recursive: true });
      for (const path of [folder, ...below.map((one) => join(folder, one))]) await utimes(path, then, then);
    },
  };
}
