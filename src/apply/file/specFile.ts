import type { FileNode, MapNode, MapPair } from "./nodes.js";
import { quoted } from "./shownText.js";
import { suggestWord } from "./suggest.js";

/**
 * Spec files of manifest-tool, as its `push from-spec` reads them.
 * https://github.com/estesp/manifest-tool/blob/main/v2/pkg/types/input.go
 *
 * What it ignores is ignored here, with a warning. Its `--type` is not in the file: without it a docker list is
 * made, which it refuses to annotate, so that whoever has annotations says `--type oci`.
 */

/** Is it one, by its keys? */
export function isSpecFile({ pairs }: MapNode): boolean {
  return pairs.has("image") && pairs.has("manifests");
}

type OnUnknown = (offset: number, message: string) => void;
/** The keys of a mapping, and what they are in a list. */
type Keys = ReadonlyMap<string, string>;

const TOP: Keys = new Map([
  ["image", "target"],
  ["tags", "tags"],
  ["manifests", "sources"],
  ["annotations", "annotations"],
]);
const ENTRY: Keys = new Map([
  ["image", "image"],
  ["platform", "platform"],
]);
const PLATFORM: Keys = new Map([
  ["architecture", "architecture"],
  ["os", "os"],
  ["variant", "variant"],
  ["osversion", "os.version"],
  ["osfeatures", "os.features"],
  ["os.version", "os.version"],
  ["os.features", "os.features"],
]);

/** The same as a list. */
export function specAsList(node: MapNode, onUnknown: OnUnknown): MapNode {
  const top = renamed(node, TOP, onUnknown);
  const sources = top.pairs.get("sources");
  if (sources?.value.kind !== "items") return top;
  const items = sources.value.items.map((item) => (item.kind === "map" ? entry(item, onUnknown) : item));
  return withPair(top, "sources", { ...sources, value: { ...sources.value, items } });
}

/** What is not in the file: the type of the list. */
export function specType({ pairs }: MapNode): "docker" | "oci" {
  const annotations = pairs.get("annotations")?.value;
  const isAnnotated = annotations?.kind === "map" && annotations.pairs.size > 0;
  return isAnnotated ? "oci" : "docker";
}

function entry(node: MapNode, onUnknown: OnUnknown): MapNode {
  const made = renamed(node, ENTRY, onUnknown);
  const platform = made.pairs.get("platform");
  if (platform?.value.kind !== "map") return made;
  const value = renamed(platform.value, PLATFORM, onUnknown);
  // Of an image whose platform is not said, manifest-tool asks its config.
  const isSaid = value.pairs.has("os") || value.pairs.has("architecture");
  return withPair(made, "platform", isSaid ? { ...platform, value } : undefined);
}

/** A mapping with other keys. What is nothing, or an empty text, is not there for Go. */
function renamed(node: MapNode, keys: Keys, onUnknown: OnUnknown): MapNode {
  const pairs = new Map<string, MapPair>();
  for (const [key, pair] of node.pairs) {
    const name = keys.get(key);
    if (name === undefined) onUnknown(pair.keyOffset, ignored(key, [...keys.keys()]));
    else if (key === "image" || !isNothing(pair.value)) pairs.set(name, pair);
  }
  return { ...node, pairs };
}

/** Of processors, in docker's lists of old. */
const FEATURES = "features";

function ignored(key: string, known: readonly string[]): string {
  const meant = key === FEATURES ? undefined : suggestWord(key, known);
  const wayOut = meant === undefined ? "leave it out, or write a file of lists" : `did you mean ${meant}?`;
  return `manifest-tool ignores ${quoted(key)}, and so does tsmanifest: ${wayOut}`;
}

function isNothing(node: FileNode): boolean {
  return node.kind === "text" && (node.text === undefined || node.text === "");
}

function withPair(node: MapNode, key: string, pair: MapPair | undefined): MapNode {
  const pairs = new Map(node.pairs);
  if (pair === undefined) pairs.delete(key);
  else pairs.set(key, pair);
  return { ...node, pairs };
}
