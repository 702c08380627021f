import { setTimeout as sleep } from "node:timers/promises";

export interface PauseOptions {
  /** Ends the pause, which then rejects. */
  readonly signals: readonly (AbortSignal | undefined)[];
  /** Ends the pause early. It does not reject: callers ask the signal why it ended. */
  readonly stop?: AbortSignal | undefined;
}

/** Timers cannot be longer. */
const LONGEST_MS = 2 ** 31 - 1;

/** Waits, in milliseconds. */
export async function pause(ms: number, { signals, stop }: PauseOptions): Promise<void> {
  const given = [stop, ...signals].filter((one) => one !== undefined);
  try {
    const signal = AbortSignal.any(given);
    for (let left = ms; left >= 0; left -= LONGEST_MS) {
      await sleep(Math.min(left, LONGEST_MS), undefined, { signal });
    }
  } catch {
    for (const signal of signals) signal?.throwIfAborted();
  }
}
