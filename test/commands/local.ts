import { readdir, utimes } from "node:fs/promises";
import { join } from "node:path";
import { emptyDraft, type Draft } from "../../src/list/draft.js";
import type { Entry } from "../../src/list/entry.js";
import { parseReference } from "../../src/oci/reference.js";
import { cli, type CliResult } from "../helpers/cli.js";
import { place, type Place } from "../store/place.js";

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
    cli(argv, undefined, { env: { DOCKER_CONFIG: here.home, ...env }, home: here.home });
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
