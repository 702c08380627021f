import { alignColumns } from "../go/tabwriter.js";
import { compareBytes } from "../go/values.js";
import type { Descriptor } from "../oci/descriptor.js";
import { isListType } from "../oci/mediaTypes.js";
import { formatPlatform } from "../oci/platformName.js";

export interface TextOptions {
  /** In full: `registry.example/app:v1`. */
  readonly name: string;
  /** What the name stands for. */
  readonly descriptor: Descriptor;
  /** The manifests of an index or list. */
  readonly children: readonly Descriptor[];
  /** The whole name of one of them. */
  readonly nameOf: (digest: string) => string;
}

/**
 * An image or a list as `docker buildx imagetools inspect` shows it without a format: name, media type and digest, and
 * for a list the same of each of its manifests. Annotations come in the byte order of their keys; buildx has them in
 * another order each time.
 */
export function imageText({ name, descriptor, children, nameOf }: TextOptions): string {
  const { mediaType, digest } = descriptor;
  const head = alignColumns(row("Name:", name) + row("MediaType:", mediaType) + row("Digest:", digest));
  if (!isListType(mediaType)) return head;
  return head + alignColumns(EMPTY_ROW + row("Manifests:")) + childrenText(children, nameOf);
}

const EMPTY_ROW = row("");

/** A new set of columns begins behind each entry with annotations, whose own are columns for themselves. */
function childrenText(children: readonly Descriptor[], nameOf: TextOptions["nameOf"]): string {
  let text = "";
  let rows = "";
  children.forEach((child, index) => {
    rows += (index === 0 ? "" : EMPTY_ROW) + childRows(child, nameOf(child.digest));
    if (!hasAnnotations(child)) return;
    const annotations = Object.entries(child.annotations).sort(([a], [b]) => compareBytes(a, b));
    text += alignColumns(rows + row("  Annotations:"));
    text += alignColumns(annotations.map(([key, value]) => row(`    ${key}:`, value)).join(""));
    rows = "";
  });
  return text + alignColumns(rows);
}

function childRows({ mediaType, platform, urls }: Descriptor, name: string): string {
  const rows = row("  Name:", name) + row("  MediaType:", mediaType);
  if (platform === undefined) return rows;
  const version = platform["os.version"];
  const features = platform["os.features"];
  return [
    rows,
    row("  Platform:", formatPlatform(platform)),
    version === "" ? "" : row("  OSVersion:", version),
    features.length === 0 ? "" : row("  OSFeatures:", features.join(", ")),
    urls.length === 0 ? "" : row("  URLs:", urls.join(", ")),
  ].join("");
}

/** Whether they are shown: buildx does so only of manifests that say their platform. */
function hasAnnotations({ platform, annotations }: Descriptor): boolean {
  return platform !== undefined && Object.keys(annotations).length > 0;
}

function row(label: string, value = ""): string {
  return `${label}\t${value}\n`;
}
