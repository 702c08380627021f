import { setTimeout as sleep } from "node:timers/promises";
import { RegistryError } from "../../registry/http/registryError.js";
import { DEFAULT_LIMITS, retryDelay } from "../../registry/retry/retryDelay.js";
import type { Settings } from "./execute.js";

/** A registry takes a moment to notice what it was just given: the first wait, in milliseconds. */
const LAG_MS = 500;

/**
 * Puts a manifest, and again a few times while the registry says that something it names is not there: that may only
 * be a lag. `between` is done before each further try.
 */
export async function putPatiently(
  put: () => Promise<unknown>,
  { retries, limits, signal }: Pick<Settings, "retries" | "limits" | "signal">,
  between: () => Promise<unknown> = () => Promise.resolve(),
): Promise<void> {
  const start = Date.now();
  for (let attempt = 1; ; attempt++) {
    try {
      await put();
      return;
    } catch (error) {
      const now = Date.now();
      const delay = retryDelay({
        attempt,
        elapsedMs: now - start,
        retries: lacksContent(error) ? retries : 0,
        idempotent: true,
        outcome: { status: 503 },
        random: Math.random,
        now,
        limits: limits ?? { ...DEFAULT_LIMITS, baseMs: LAG_MS },
      });
      if (delay === undefined) throw error;
      await sleep(delay, undefined, signal && { signal });
      await between();
    }
  }
}

/** distribution's code for it, or ECR's text. */
function lacksContent(error: unknown): boolean {
  if (!(error instanceof RegistryError)) return false;
  return (
    error.codes.includes("MANIFEST_BLOB_UNKNOWN") ||
    (error.status < 500 && /required for pushing image .* do not exist/.test(error.message))
  );
}
