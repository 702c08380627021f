import type { HttpResponse, Send } from "./http/message.js";
import { either, onAbort } from "../signals.js";

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
    if (request.method !== "POST") return ended(end, end, () => send({ ...request, signal: end }));
    const isNeeded = (): boolean => !end.aborted && (request.isNeeded?.() ?? true);
    const late = lateOf(end);
    return ended(end, late, () =>
      send({ ...request, signal: late, stop: either(end, request.stop), isNeeded }),
    );
  };
}

/** Gives up work as soon as `over` is aborted, which is at `end` or behind it. */
function ended(
  end: AbortSignal,
  over: AbortSignal,
  work: () => Promise<HttpResponse>,
): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    end.throwIfAborted();
    const forget = onAbort(over, () => {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- whoever aborts gives the reason
      reject(end.aborted ? end.reason : over.reason);
    });
    work().then(
      (response) => {
        forget();
        resolve(response);
      },
      (error: unknown) => {
        forget();
        // It was not sent, or not tried again, because of that.
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- as it is thrown
        reject(end.aborted ? end.reason : error);
      },
    );
  });
}

const lateSignals = new WeakMap<AbortSignal, AbortSignal>();

/** A signal that is aborted a while behind another one; the same for the same. */
function lateOf(end: AbortSignal): AbortSignal {
  const known = lateSignals.get(end);
  if (known !== undefined) return known;
  const late = new AbortController();
  lateSignals.set(end, late.signal);
  end.addEventListener(
    "abort",
    () => {
      setTimeout(() => {
        late.abort(end.reason);
      }, GRACE_MS).unref();
    },
    { once: true },
  );
  return late.signal;
}
