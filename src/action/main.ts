import { homedir } from "node:os";
import { runAction } from "./action.js";

/** The Action as GitHub's runner starts it: the one place of it that touches `process`. */

/** 128 and the signal's number, as shells have it. */
const SIGNAL_STATUS = { SIGINT: 130, SIGTERM: 143 } as const;

const interruption = new AbortController();
let forcedStatus: number | undefined;

process.noDeprecation = true;

// A job that is cancelled gets SIGINT, and 7.5 seconds later SIGTERM.
for (const [signal, status] of Object.entries(SIGNAL_STATUS)) {
  process.on(signal, () => {
    if (interruption.signal.aborted) process.exit(status);
    forcedStatus = status;
    interruption.abort();
  });
}

void runAction({
  env: process.env,
  home: homedir(),
  platform: process.platform,
  signal: interruption.signal,
}).then((status) => {
  process.exitCode = forcedStatus ?? status;
});
