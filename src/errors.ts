/**
 * The errors this program reports and the exit status each one stands for. Every message is one or two lines
 * that say what happened, to what, and what to do; only main.ts turns one into an exit status.
 */

/** Anything tsmanifest reports on purpose. Its message is complete: it is printed alone, without a stack. */
export class ManifestError extends Error {
  override readonly name: string = "ManifestError";
  /** What a script sees as `$?`. */
  readonly exitStatus: number = 1;
  /** A second line for people: which request it was, what to do. */
  readonly hint: string | undefined = undefined;

  constructor(message: string, options?: ErrorOptions & { readonly hint?: string | undefined }) {
    super(message, options);
    if (options?.hint !== undefined) this.hint = options.hint;
  }
}

/**
 * The command line itself is wrong. `status` is docker's: 125 for flags, 1 for a wrong number of arguments.
 */
export class UsageError extends ManifestError {
  override readonly name = "UsageError";
  override readonly exitStatus: number;

  constructor(message: string, status: 1 | 125) {
    super(message);
    this.exitStatus = status;
  }
}

/** A name or digest that docker's grammar refuses. */
export class ReferenceError extends ManifestError {
  override readonly name = "ReferenceError";
}

/** Something that was asked for is not there, locally ("No such manifest") or remotely ("no such manifest"). */
export class NotFoundError extends ManifestError {
  override readonly name = "NotFoundError";
}

/** A file of the store that cannot be read as what it should be. */
export class StoreError extends ManifestError {
  override readonly name = "StoreError";
}

/** What is wrong with an error of unknown type, as one line. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a Node system error (`ENOENT`, `ECONNRESET`, …), if it has one. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
