import { setMaxListeners } from "node:events";
import type { Send } from "./http/message.js";
import { either } from "./http/signals.js";

/**
 * The outermost layer of a session: its end ends all of its requests at once, even those that wait for a token which others
 * wait for too. What cleans up is sent all the same.
 */
export function until(send: Send, signal: AbortSignal | undefined): Send {
  return (request) => {
    // Only an upload that is open is ever deleted.
    const end = either(request.method === "DELETE" ? undefined : signal, request.signal);
    return end === undefined ? send(request) : ended(end, () => send({ ...request, signal: end }));
  };
}

async function ended<Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
  signal.throwIfAborted();
  // As many as there are requests under way; that is no leak.
  setMaxListeners(0, signal);
  let end: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    end = () => {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- whoever aborts gives the reason
      reject(signal.reason);
    };
    signal.addEventListener("abort", end, { once: true });
  });
  try {
    return await Promise.race([work(), aborted]);
  } finally {
    signal.removeEventListener("abort", end);
  }
}
