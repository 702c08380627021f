import type { Repository } from "../content/repository.js";
import type { Context } from "../context.js";
import { hasCode, ManifestError, messageOf } from "../errors.js";
import { limitTo } from "../limit.js";
import type { Draft } from "../list/draft.js";
import { encodeList } from "../list/encode.js";
import { locationOf } from "../oci/location.js";
import { Patience, PATIENCE_MS } from "../patience.js";
import { RegistryError } from "../registry/http/registryError.js";
import { onAbort } from "../signals.js";
import { Groups } from "./groups.js";
import { openRegistries, Sessions, type NetworkSettings } from "./session.js";

/** Whether a registry has a local list, as a push would send it. */
export interface RegistryCheck {
  /**
   * `differs`: something else has its name; `denied`: the registry does not say, to this user; `silent`: there was no answer
   * in time; `failed`: there was another answer than one of a registry, or the list cannot be read.
   */
  readonly state: "same" | "differs" | "missing" | "denied" | "silent" | "failed";
  /** What the name stands for in the registry, where that is known. */
  readonly digest?: string;
  /** Why it is not known. */
  readonly reason?: string;
}

/** Each reads as many files at once as the disk is given. */
const READS_AT_ONCE = 4;

/**
 * Asks registries what they have under the names of local lists: one HEAD a list, side by side, and a token for each
 * registry. What is wrong with one list or one registry is told of that alone.
 * @param drafts read them
 * @param onCheck told of each as soon as it is known
 */
export async function checkDrafts(
  context: Context,
  settings: NetworkSettings,
  drafts: readonly (() => Promise<Draft | undefined>)[],
  onCheck: () => void = () => undefined,
): Promise<RegistryCheck[]> {
  const limited = limitTo(READS_AT_ONCE);
  const read = await Promise.allSettled(drafts.map((draft) => limited(draft)));
  const groups = new Map<string, Groups>();
  const placed = read.map((one) => {
    if (one.status === "rejected" || one.value === undefined) return undefined;
    const location = locationOf(one.value.name);
    const own = groups.get(one.value.name.domain) ?? new Groups();
    groups.set(one.value.name.domain, own);
    return { draft: one.value, location, group: own.add([{ location, actions: ["pull"] }], undefined) };
  });
  const registries = await openRegistries(context, settings);
  const sessions = new Sessions(
    registries,
    placed.filter((one) => one !== undefined),
  );
  const patienceMs = context.waits?.timeouts?.headers ?? PATIENCE_MS;
  const patiences = new Map(
    [...groups.keys()].map((domain) => [domain, new Patience(patienceMs, context.signal)]),
  );
  try {
    return await Promise.all(
      placed.map(async (one, index): Promise<RegistryCheck> => {
        if (one === undefined) return unreadable(read[index]);
        const { draft, location, group } = one;
        const { domain } = draft.name;
        const patience = patiences.get(domain);
        const signal = patience?.signal ?? context.signal;
        try {
          const asked = sessions.use(group, ({ open }) => checkDraft(draft, open(location), signal));
          const check = await untilAborted(asked, signal);
          patience?.renew();
          return check;
        } catch (error) {
          context.signal.throwIfAborted();
          return checkOf(error, domain);
        } finally {
          onCheck();
        }
      }),
    );
  } finally {
    for (const patience of patiences.values()) patience.end();
    await registries.close();
  }
}

async function checkDraft(draft: Draft, repository: Repository, signal: AbortSignal): Promise<RegistryCheck> {
  const { digest: own } = encodeList(draft);
  const { tag, digest } = draft.name;
  const found = await repository.resolve(tag ?? digest ?? "latest", { mustKnow: true, signal });
  if (found === undefined) return { state: "missing" };
  return { state: found.digest === own ? "same" : "differs", digest: found.digest };
}

function unreadable(read: PromiseSettledResult<Draft | undefined> | undefined): RegistryCheck {
  const reason = read?.status === "rejected" ? messageOf(read.reason) : "the local list is gone";
  return { state: "failed", reason };
}

/** @throws what is no error of ours, but for the end of patience */
function checkOf(error: unknown, domain: string): RegistryCheck {
  if (error instanceof DOMException) return { state: "silent", reason: `${domain} does not answer` };
  if (!(error instanceof ManifestError)) throw error;
  const isDenied =
    error instanceof RegistryError
      ? [401, 403].includes(error.status)
      : hasCode(error, "UNAUTHENTICATED", "CREDENTIALS_MISSING");
  const state = isDenied ? "denied" : hasCode(error, "TRANSPORT") ? "silent" : "failed";
  return { state, reason: error.message };
}

/** What is under way goes on unseen: the connections are closed when all is done. */
async function untilAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  signal.throwIfAborted();
  let forget = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    forget = onAbort(signal, () => {
      reject(new DOMException("no answer in time", "TimeoutError"));
    });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    forget();
  }
}
