import { setMaxListeners } from "node:events";
import type { HttpResponse, Send } from "./http/message.js";
import { either } from "./http/signals.js";

/** A request that may open an upload has this long to be answered behind the end of its session, in milliseconds. */
const GRACE_MS = 1_000;

/**
 * The outermost layer of a session: its end ends all of its requests at once, even those that wait for a token which others
 * wait for too. What cleans up is sent all the same, and what is being opened can only be given up when it is known.
 */
export function until(send: Send, signal: AbortSignal | undefined): Send {
  return (request) => {
    // Only an upload that is open is ever deleted.
    const end = either(request.method === "DELETE" ? undefined : signal, request.signal);
    if (end === undefined) return send(request);
    // Only an upload, or a mount that may become one, is ever posted.
    if (request.method !== "POST") return ended(end, 0, (over) => send({ ...request, signal: over }));
    const isNeeded = (): boolean => !end.aborted && (request.isNeeded?.() ?? true);
    return ended(end, GRACE_MS, (over) =>
      send({ ...request, signal: over, stop: either(end, request.stop), isNeeded }),
    );
  };
}

/** Ends work so long after `signal` is aborted. */
async function ended(
  signal: AbortSignal,
  graceMs: number,
  work: (over: AbortSignal) => Promise<HttpResponse>,
): Promise<HttpResponse> {
  signal.throwIfAborted();
  // As many as there are requests under way; that is no leak.
  setMaxListeners(0, signal);
  const over = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let end: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    const stop = (): void => {
      over.abort(signal.reason);
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- whoever aborts gives the reason
      reject(signal.reason);
    };
    end = () => {
      if (graceMs === 0) stop();
      else timer = setTimeout(stop, graceMs);
    };
    signal.addEventListener("abort", end, { once: true });
  });
  try {
    return await Promise.race([work(over.signal), aborted]);
  } catch (error) {
    // It was not sent, or not tried again, because of that.
    signal.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
}
