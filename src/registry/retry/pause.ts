import { setTimeout as sleep } from "node:timers/promises";

export interface PauseOptions {
  /** Ends the pause, which then rejects. */
  readonly signals: readonly (AbortSignal | undefined)[];
  /** Ends the pause, which then is just over: whoever waits asks why. */
  readonly stop?: AbortSignal | undefined;
}

/** Waits, in milliseconds. */
export async function pause(ms: number, { signals, stop }: PauseOptions): Promise<void> {
  const given = [stop, ...signals].filter((one) => one !== undefined);
  try {
    await sleep(ms, undefined, { signal: AbortSignal.any(given) });
  } catch {
    for (const signal of signals) signal?.throwIfAborted();
  }
}
