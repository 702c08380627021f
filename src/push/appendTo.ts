import { setTimeout as sleep } from "node:timers/promises";
import type { Repository } from "../content/repository.js";
import { hasCode, ManifestError } from "../errors.js";
import { formatLocation } from "../oci/location.js";
import type { Manifest } from "../oci/manifest.js";

/**
 * Changing a list that others may change at the same moment. No registry has a conditional PUT, so this is what is left:
 *
 *     read the tag → make the new list of it → is the tag still there? → PUT → wait → is what was added still there?
 *
 * The last question finds those who asked theirs before our PUT and put after it: they have overwritten us, and we begin
 * again with their list. It finds them if their PUT was done within the wait, which is several times as long as our own
 * took. One whose PUT takes longer than that is told so by `onSlow`: what others added meanwhile may be lost, and nobody
 * can tell.
 */

/** How often it is begun again. With twenty jobs at once five are usual. */
const MAX_TRIES = 40;
/** How long others may take from their question to the end of their PUT, at least. */
const SETTLE_MS = 1_000;
const MAX_SETTLE_MS = 15_000;
const BACKOFF_MS = 250;
const MAX_BACKOFF_MS = 5_000;

export interface AppendOptions {
  readonly repository: Repository;
  readonly tag: string;
  /**
   * Makes the new list of what the tag names, and puts it; awaits `guard` right before its PUT, which throws where the
   * tag has moved. Called again for every try. The root that was put, or undefined where there was nothing to add.
   */
  readonly put: (base: Manifest | undefined, guard: () => Promise<void>) => Promise<Manifest | undefined>;
  /** Does a list that others have made have all that was added? */
  readonly isIn: (list: Manifest) => boolean;
  /** The PUT took so long that others cannot tell whether they were overwritten by it. */
  readonly onSlow?: (tookMs: number) => void;
  readonly signal?: AbortSignal | undefined;
  /** For tests. */
  readonly settleMs?: number;
}

/**
 * Adds to a list without losing what others add.
 * @throws TAG_MOVED where others were faster each time, and whatever `put` throws
 */
export async function appendTo({
  repository,
  tag,
  put,
  isIn,
  onSlow,
  signal,
  settleMs = SETTLE_MS,
}: AppendOptions): Promise<void> {
  const name = `${formatLocation(repository.location)}:${tag}`;
  for (let attempt = 1; attempt <= MAX_TRIES; attempt++) {
    const base = await current(repository, tag, signal);
    let checkedAt = 0;
    const guard = async (): Promise<void> => {
      const found = await repository.resolve(tag, { signal, mustKnow: true });
      if (found?.digest !== base?.digest) throw moved(name);
      checkedAt = performance.now();
    };
    try {
      const root = await put(base, guard);
      if (root === undefined) return;
      const tookMs = performance.now() - checkedAt;
      if (tookMs > settleMs) onSlow?.(tookMs);
      await sleep(Math.min(MAX_SETTLE_MS, Math.max(settleMs, 3 * tookMs)), undefined, signal && { signal });
      const after = await current(repository, tag, signal);
      if (after !== undefined && (after.digest === root.digest || isIn(after))) return;
    } catch (error) {
      if (!hasCode(error, "TAG_MOVED")) throw error;
    }
    const longest = Math.min(MAX_BACKOFF_MS, BACKOFF_MS * 2 ** attempt);
    await sleep(Math.random() * longest, undefined, signal && { signal });
  }
  throw new ManifestError("TAG_MOVED", `${name}: others have changed it ${MAX_TRIES} times meanwhile`, {
    subject: name,
    hint: "what was to be added is not in it; run it again when the others are done",
  });
}

async function current(
  repository: Repository,
  tag: string,
  signal: AbortSignal | undefined,
): Promise<Manifest | undefined> {
  try {
    return await repository.get(tag, { signal });
  } catch (error) {
    if (hasCode(error, "MANIFEST_UNKNOWN")) return undefined;
    throw error;
  }
}

function moved(name: string): ManifestError {
  return new ManifestError("TAG_MOVED", `${name}: somebody else has moved the tag meanwhile`, {
    subject: name,
  });
}
