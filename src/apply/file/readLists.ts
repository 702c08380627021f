import type { FileOrder } from "./fileOrder.js";

/** What reading needs of the outside world. */
export interface ReadListsOptions {
  /** What `${VAR}` is filled in from. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Standard input, for `-`: read at most once. */
  readonly stdin: () => AsyncIterable<Uint8Array>;
  /** What relative paths on the command line and on standard input are relative to; the current folder unless given. */
  readonly cwd?: string;
  /** Told of what is odd and no error, one line each. */
  readonly onWarning?: (text: string) => void;
}

export type ReadLists = (
  paths: readonly string[],
  options: ReadListsOptions,
) => Promise<readonly FileOrder[]>;
