/**
 * What a command may use of the outside world. main.ts makes one from `process`; tests make their own, so that a
 * whole command runs inside the test.
 */
export interface Context {
  /** Results only. */
  readonly stdout: Output;
  /** Errors, warnings, progress, the wire log. */
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The user's home folder, for `~/.docker`. */
  readonly home: string;
  readonly platform: NodeJS.Platform;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
}

export interface Output {
  write(text: string | Uint8Array): unknown;
  /** Does a person look at it? */
  readonly isTTY?: boolean | undefined;
}
