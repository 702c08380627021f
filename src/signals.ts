import { setMaxListeners } from "node:events";

const combined = new WeakMap<AbortSignal, WeakMap<AbortSignal, AbortSignal>>();

/**
 * The one that is there, or one that is aborted as soon as either is. The same for the same two: thousands of requests have
 * the same signals, and each further one would be kept by both.
 */
export function either(one: AbortSignal | undefined, other: AbortSignal): AbortSignal;
export function either(one: AbortSignal | undefined, other: AbortSignal | undefined): AbortSignal | undefined;
export function either(
  one: AbortSignal | undefined,
  other: AbortSignal | undefined,
): AbortSignal | undefined {
  if (one === undefined || other === undefined || one === other) return one ?? other;
  const known = combined.get(one) ?? new WeakMap<AbortSignal, AbortSignal>();
  const before = known.get(other);
  if (before !== undefined) return before;
  const both = AbortSignal.any([one, other]);
  combined.set(one, known.set(other, both));
  // As many listeners as there are requests under way; that is no leak.
  setMaxListeners(0, both);
  return both;
}

interface Callbacks {
  readonly all: Set<() => void>;
  readonly callAll: () => void;
}

const callbacksOf = new WeakMap<AbortSignal, Callbacks>();

/**
 * Calls back when a signal is aborted, until that is forgotten. A signal looks through all of its listeners for each that
 * is added: for thousands of requests it has one. It has none once all is forgotten: Node keeps a signal that comes of
 * `AbortSignal.any`, and all that its listeners know, for as long as it has any.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const callbacks = callbacksOf.get(signal) ?? listen(signal);
  callbacks.all.add(callback);
  return () => {
    callbacks.all.delete(callback);
    if (callbacks.all.size > 0) return;
    signal.removeEventListener("abort", callbacks.callAll);
    if (callbacksOf.get(signal) === callbacks) callbacksOf.delete(signal);
  };
}

function listen(signal: AbortSignal): Callbacks {
  const all = new Set<() => void>();
  const callAll = (): void => {
    for (const call of [...all]) call();
  };
  const callbacks = { all, callAll };
  callbacksOf.set(signal, callbacks);
  // One of ours, and those of whoever else listens; that is no leak.
  setMaxListeners(0, signal);
  signal.addEventListener("abort", callAll, { once: true });
  return callbacks;
}
