import { editDistance } from "../../oci/editDistance.js";

/** No key is longer, and no typo in a longer text is looked for. */
const MAX_LENGTH = 32;

/**
 * The one of some words that another may be a typo of; undefined where none comes near.
 * @example
 * suggestWord("souces", ["sources", "tags"]); // "sources"
 */
export function suggestWord(word: string, known: readonly string[]): string | undefined {
  if (word.length > MAX_LENGTH) return undefined;
  const lower = word.toLowerCase();
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const name of known) {
    const distance = editDistance(lower.replace(/[-_]/g, ""), name.toLowerCase().replace(/[-_]/g, ""));
    const isNear = distance <= (Math.min(lower.length, name.length) < 5 ? 1 : 2);
    if (isNear && distance < (best?.distance ?? Infinity)) best = { name, distance };
  }
  return best?.name;
}
