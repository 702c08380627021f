import { setTimeout as sleep } from "node:timers/promises";
import { hasCode } from "../errors.js";
import { RegistryError } from "../registry/http/registryError.js";

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 5_000;

/** Reads what a registry may not show yet, again and again until it is there or the time is over. */
export async function untilThere<Value>(
  read: () => Promise<Value>,
  ms: number,
  signal: AbortSignal,
): Promise<Value> {
  const end = performance.now() + ms;
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(LONGEST_WAIT_MS, wait * 2)) {
    try {
      return await read();
    } catch (error) {
      const left = end - performance.now();
      if (!isMissing(error) || left <= 0) throw error;
      await sleep(Math.min(wait, left), undefined, { signal });
    }
  }
}

/** Is it not there, as far as the registry says? A refusal says nothing of the kind, and stays what it is. */
function isMissing(error: unknown): boolean {
  if (!hasCode(error, "MANIFEST_UNKNOWN", "BLOB_UNKNOWN")) return false;
  let cause: unknown = error.cause;
  while (cause instanceof Error && !(cause instanceof RegistryError)) ({ cause } = cause);
  return !(cause instanceof RegistryError) || cause.status === 404;
}
