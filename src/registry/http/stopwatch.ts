import { cpuUsage } from "node:process";

/** How long something took, in milliseconds. */
export interface Elapsed {
  readonly ms: number;
  /** Of those, the ones in which this process did not work itself: a host is not slow that is answered to late. */
  readonly waitedMs: number;
}

/** Measures from now on, each time that what it returns is called. */
export function stopwatch(): () => Elapsed {
  const start = Date.now();
  const worked = workedMs();
  return () => {
    const ms = Date.now() - start;
    return { ms, waitedMs: Math.max(0, ms - (workedMs() - worked)) };
  };
}

function workedMs(): number {
  const { user, system } = cpuUsage();
  return (user + system) / 1000;
}
