/** The one that is there, or one that is aborted as soon as either is. */
export function either(one: AbortSignal | undefined, other: AbortSignal): AbortSignal;
export function either(one: AbortSignal | undefined, other: AbortSignal | undefined): AbortSignal | undefined;
export function either(
  one: AbortSignal | undefined,
  other: AbortSignal | undefined,
): AbortSignal | undefined {
  if (one === undefined || other === undefined || one === other) return one ?? other;
  return AbortSignal.any([one, other]);
}
