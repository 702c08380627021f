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
  combined.set(one, known);
  const both = known.get(other) ?? AbortSignal.any([one, other]);
  known.set(other, both);
  // As many listeners as there are requests under way; that is no leak.
  setMaxListeners(0, both);
  return both;
}

const callbacksOf = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls back when a signal is aborted, until that is forgotten. A signal looks through all of its listeners for each that
 * is added: for thousands of requests it has one.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const callbacks = callbacksOf.get(signal) ?? new Set();
  if (!callbacksOf.has(signal)) {
    callbacksOf.set(signal, callbacks);
    // undici adds one a request; that is no leak.
    setMaxListeners(0, signal);
    const callAll = (): void => {
      for (const call of [...callbacks]) call();
    };
    signal.addEventListener("abort", callAll, { once: true });
  }
  callbacks.add(callback);
  return () => callbacks.delete(callback);
}
