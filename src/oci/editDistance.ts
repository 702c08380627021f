/** A little less than anything else: `amr64` is `arm64` rather than `amd64`. */
const SWAP = 0.9;

/** How many letters to add, remove, change, or swap with their neighbour. https://en.wikipedia.org/wiki/Damerau–Levenshtein_distance */
export function editDistance(one: string, other: string): number {
  let [beforeLast, last]: [number[], number[]] = [
    [],
    Array.from({ length: other.length + 1 }, (_, at) => at),
  ];
  for (let row = 1; row <= one.length; row++) {
    const current = [row];
    for (let column = 1; column <= other.length; column++) {
      const isSame = one[row - 1] === other[column - 1];
      const isSwapped = one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      current[column] = Math.min(
        (current[column - 1] ?? 0) + 1,
        (last[column] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
        row > 1 && column > 1 && isSwapped ? (beforeLast[column - 2] ?? 0) + SWAP : Infinity,
      );
    }
    [beforeLast, last] = [last, current];
  }
  return last[other.length] ?? 0;
}

/** What is compared takes time by the square of its length. */
const MAX_COMPARED = 300;
/** A name with more typos than these is another name. */
const MAX_TYPOS = 3;

/**
 * The one of some names that another may be a typo of; undefined where none comes near, or it is one of them.
 * @example
 * nearestName("a.example/app:v1-amr64", ["a.example/app:v1-arm64", "a.example/app:v1-amd64"]); // "a.example/app:v1-arm64"
 */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const other of names) {
    const isAlike = Math.abs(other.length - name.length) <= MAX_TYPOS && other.length <= MAX_COMPARED;
    if (!isAlike || other === name) continue;
    const distance = editDistance(name, other);
    if (distance <= MAX_TYPOS && distance < (best?.distance ?? Infinity)) best = { name: other, distance };
  }
  return best?.name;
}
