/**
 * What a command may use of the outside world. main.ts makes one from `process`; tests make their own, so that a
 * whole command runs inside the test.
 */
export interface Context {
  /** Results only. */
  readonly stdout: Output;
  /** Errors, warnings, progress, the wire log. */
  readonly stderr: Output;
  /** Gets the error of a command that fails, which then is not on stderr: for who shows it in a way of its own. */
  readonly onError?: (error: CommandError) => void;
  /** What is piped in; opened by who wants it. Nothing, unless told. */
  readonly stdin?: () => AsyncIterable<Uint8Array>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The user's home folder, for `~/.docker`. */
  readonly home: string;
  readonly platform: NodeJS.Platform;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /**
   * Calls `before` when a shell is about to stop the program (Ctrl-Z), and `after` when it goes on, whatever has stopped it;
   * until what is returned is called.
   */
  readonly onSuspend?: (before: () => void, after: () => void) => () => void;
  /** How long to wait for the network and between two tries, in milliseconds, where it is not as long as usual. */
  readonly waits?: Waits;
}

/** Why a command failed, and what to do. */
export interface CommandError {
  /** See `ErrorCode`; and `INTERRUPTED` and `INTERNAL`. */
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

export interface Output {
  write(text: string | Uint8Array): unknown;
  /** Does a person look at it? */
  readonly isTTY?: boolean | undefined;
  /** How wide a terminal is; 0 where it does not know. */
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  /** How much was written into a pipe; undefined for a file. */
  readonly bytesWritten?: number | undefined;
  /** Told when a window is made wider or narrower. */
  on?(event: "resize", listener: () => void): unknown;
  off?(event: "resize", listener: () => void): unknown;
}

export interface Waits {
  readonly timeouts?: { readonly connect?: number; readonly headers?: number; readonly stall?: number };
  readonly retryLimits?: {
    readonly baseMs: number;
    readonly capMs: number;
    readonly longestRetryAfterMs: number;
    readonly totalMs: number;
    readonly patienceMs?: number;
  };
  /** How long others are given who add to the same list; see `push/appendTo.ts`. */
  readonly settleMs?: number;
}

/** `--config DIR` is DOCKER_CONFIG for this run; none for an empty text. Streams stay unopened until they are used. */
export function withConfig(context: Context, config: string): Context {
  if (config === "") return context;
  const { env, home, platform, signal, stdin, onSuspend, waits } = context;
  return {
    get stdout() {
      return context.stdout;
    },
    get stderr() {
      return context.stderr;
    },
    env: { ...env, DOCKER_CONFIG: config },
    home,
    platform,
    signal,
    ...(stdin && { stdin }),
    ...(onSuspend && { onSuspend }),
    ...(waits && { waits }),
  };
}
