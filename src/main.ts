import { run } from "./cli.js";
import type { Context } from "./context.js";
import { systemCode, messageOf } from "./errors.js";
import { homeFolder } from "./homeFolder.js";

/**
 * The program: the one place that touches `process`. The exit status is set, not forced, so that what was written
 * to a pipe gets there.
 */

/** 128 and the signal's number, as shells have it. */
const SIGNAL_STATUS = { SIGINT: 130, SIGTERM: 143 } as const;

const interruption = new AbortController();
let forcedStatus: number | undefined;

// Node's hints to programmers (an IP address as a TLS server name, say) are none of the user's business.
process.noDeprecation = true;

// The first signal lets the command stop where it does no harm; the second does not wait for that.
for (const [signal, status] of Object.entries(SIGNAL_STATUS)) {
  process.on(signal, () => {
    if (interruption.signal.aborted) process.exit(status);
    forcedStatus = status;
    // A window that was resized at the same moment has not said so yet; what is on it is erased by its new width.
    process.emit("SIGWINCH", "SIGWINCH");
    interruption.abort();
  });
}

// Opening a stream takes milliseconds that a command which prints nothing can save: each is opened when it is used.
const context: Context = {
  get stdout() {
    return listening(process.stdout, onStdoutError);
  },
  get stderr() {
    // Nobody is left to tell.
    return listening(process.stderr, () => undefined);
  },
  stdin: () => process.stdin,
  env: process.env,
  home: homeFolder(),
  platform: process.platform,
  signal: interruption.signal,
  onSuspend: (before, after) => {
    let isBack = false;
    const stop = (): void => {
      before();
      // Here it is stopped, as if nobody listened: not where there is no shell that could let it go on.
      process.off("SIGTSTP", stop);
      process.kill(process.pid, "SIGTSTP");
      process.on("SIGTSTP", stop);
      isBack = true;
      after();
    };
    const goOn = (): void => {
      if (!isBack) after();
      isBack = false;
    };
    process.on("SIGTSTP", stop);
    process.on("SIGCONT", goOn);
    return () => {
      process.off("SIGTSTP", stop);
      process.off("SIGCONT", goOn);
    };
  },
};

function onStdoutError(error: Error): void {
  // Who read it (`| head -1`) has seen enough. What the command does in the registry goes on all the same.
  if (systemCode(error) === "EPIPE") return;
  forcedStatus ??= 1;
  process.exitCode = forcedStatus;
  context.stderr.write(`tsmanifest: cannot write to standard output: ${messageOf(error)}\n`);
}

function listening(stream: NodeJS.WriteStream, onError: (error: Error) => void): NodeJS.WriteStream {
  if (stream.listenerCount("error") === 0) stream.on("error", onError);
  return stream;
}

void run(process.argv.slice(2), context).then((status) => {
  process.exitCode = forcedStatus ?? status;
});
