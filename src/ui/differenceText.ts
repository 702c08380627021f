import type { ValueChange } from "../list/difference.js";
import type { TreeBlob } from "../look/listTree.js";
import type { ContentDifference, ImageDifference, TreeDifference } from "../look/treeDifference.js";
import { manifestName } from "./artifactNames.js";
import { columnWidth } from "./columnWidth.js";
import { readableSize } from "./terminal/words.js";
import { counted } from "./text.js";
import { layOut, type LookLine, type LookPart, type TreeStyle } from "./treeText.js";

const ORIGINS = { local: " (local list)", registry: "", layout: "" } as const;

const SIGNS = { added: "+", removed: "-", changed: "~", described: "~", unchanged: "=" } as const;
const ROLES = {
  added: "green",
  removed: "red",
  changed: "yellow",
  described: "yellow",
  unchanged: "dim",
} as const;

/**
 * A difference for people, as `diff -u` begins: what was and what is, then a line for each platform that differs, and below it
 * how. Ends in a line end; nothing in it is obeyed by a terminal.
 */
export function differenceText(difference: TreeDifference, style: TreeStyle = {}): string {
  return layOut(differenceLines(difference), style);
}

function differenceLines(difference: TreeDifference): LookLine[] {
  const { from, to, isSame, images, unchanged, others, annotations, fields } = difference;
  const sideLine = (sign: string, side: TreeDifference["to"], role: "red" | "green"): LookLine => ({
    indent: "",
    parts: [
      { text: `${sign} ${side.name}${ORIGINS[side.origin]}`, role },
      { text: "  " },
      { text: side.digest, isDigest: true },
    ],
  });
  const head = [
    from === undefined
      ? { indent: "", parts: [{ text: "--- nothing", role: "red" } as const] }
      : sideLine("---", from, "red"),
    sideLine("+++", to, "green"),
  ];
  if (isSame) return [...head, said("They are the same.")];
  const width = columnWidth(images.map((image) => platformOf(image).length));
  const body = [
    ...images.flatMap((image) => imageLines(image, width)),
    ...(unchanged === 0 ? [] : [line({ text: `= ${counted(unchanged, "image")} as before`, role: "dim" })]),
    ...others.map(({ change, digest, mediaType, artifactType }) =>
      line(
        { text: `${SIGNS[change]} `, role: ROLES[change] },
        { text: digest, isDigest: true },
        {
          text: ` ${artifactType || manifestName(mediaType)}${change === "described" ? ", described differently" : ""}`,
        },
      ),
    ),
    ...valueLines(
      annotations.map((one) => ({ ...one, name: `annotation ${one.name}` })),
      "",
    ),
    ...valueLines(fields, ""),
  ];
  const isEqual = images.length + others.length + annotations.length + fields.length === 0;
  return [
    ...head,
    ...body,
    ...(isEqual ? [said("They say the same in other bytes, such as in another order.")] : []),
  ];
}

function line(...parts: readonly LookPart[]): LookLine {
  return { indent: "", parts };
}

function said(text: string): LookLine {
  return line({ text });
}

function platformOf({ platform = "platform not known" }: ImageDifference): string {
  return platform;
}

function imageLines(image: ImageDifference, width: number): LookLine[] {
  const { change, from = "", to = "", attestation, attestations, entry, content } = image;
  const isChanged = change === "changed";
  const digests: LookPart[] = isChanged
    ? [{ text: from, isDigest: true }, { text: " → " }, { text: to, isDigest: true }]
    : [{ text: to || from, isDigest: true }];
  const note =
    change === "described" ? " (described differently)" : change === "unchanged" ? " (same image)" : "";
  const unread = isChanged && content === undefined;
  return [
    line(
      { text: `${SIGNS[change]} ${platformOf(image).padEnd(width)}`, role: ROLES[change] },
      { text: "  " },
      ...digests,
      { text: note },
    ),
    ...(content === undefined ? [] : contentLines(content)),
    ...(unread
      ? [
          {
            indent: "    ",
            parts: [{ text: "what has changed in it cannot be read", role: "yellow" } as const],
          },
        ]
      : []),
    ...valueLines(entry, "    "),
    ...(attestation === undefined || change === "added" || change === "removed"
      ? []
      : attestationLines(attestations)),
  ];
}

function attestationLines({ from, to }: ImageDifference["attestations"]): LookLine[] {
  const [old, now] = [new Set(from), new Set(to)];
  const one = (sign: "added" | "removed", digest: string): LookLine => ({
    indent: "    ",
    parts: [
      { text: `${SIGNS[sign]} attestation `, role: ROLES[sign] },
      { text: digest, isDigest: true },
    ],
  });
  return [
    ...from.filter((digest) => !now.has(digest)).map((digest) => one("removed", digest)),
    ...to.filter((digest) => !old.has(digest)).map((digest) => one("added", digest)),
  ];
}

function contentLines({ bytes, layers, config, annotations, fields }: ContentDifference): LookLine[] {
  const { base, kept, added, removed } = layers;
  const grown = bytes.to - bytes.from;
  const by = grown === 0 ? "" : ` (${grown > 0 ? "+" : "-"}${readableSize(Math.abs(grown))})`;
  const size =
    grown === 0 ? readableSize(bytes.to) : `${readableSize(bytes.from)} → ${readableSize(bytes.to)}${by}`;
  const same =
    kept.length === 0 ? "no layer in common" : `${counted(kept.length, "layer")} kept (${sizeOf(kept)})`;
  const low = kept.length === 0 || base === kept.length ? "" : `, ${base} of them at the bottom`;
  return [
    { indent: "    ", parts: [{ text: `${size}; ${same}${low}` }] },
    ...removed.map((layer) => layerLine("removed", layer)),
    ...added.map((layer) => layerLine("added", layer)),
    ...valueLines(config, "    "),
    ...valueLines(
      annotations.map((one) => ({ ...one, name: `annotation ${one.name}` })),
      "    ",
    ),
    ...valueLines(fields, "    "),
  ];
}

function layerLine(change: "added" | "removed", { digest, size }: TreeBlob): LookLine {
  return {
    indent: "    ",
    parts: [
      { text: `${SIGNS[change]} layer `, role: ROLES[change] },
      { text: digest, isDigest: true },
      { text: `  ${readableSize(size)}` },
    ],
  };
}

function sizeOf(layers: readonly TreeBlob[]): string {
  return readableSize(layers.reduce((sum, { size }) => sum + size, 0));
}

/** `Env PATH: "/bin" → "/usr/bin:/bin"` */
export function valueText({ name, from, to }: ValueChange): string {
  // What is there or not, such as a port, has no more to say.
  if ((from ?? "") === "" && (to ?? "") === "") return name;
  if (from === undefined || to === undefined) return `${name}: ${quoted(to ?? from ?? "")}`;
  return `${name}: ${quoted(from)} → ${quoted(to)}`;
}

/** A list is JSON already. */
function quoted(text: string): string {
  return /^\[".*"\]$/s.test(text) ? text : JSON.stringify(text);
}

function valueLines(changes: readonly ValueChange[], indent: string): LookLine[] {
  return changes.map((change) => {
    const kind = change.from === undefined ? "added" : change.to === undefined ? "removed" : "changed";
    const parts: LookPart[] = [{ text: SIGNS[kind], role: ROLES[kind] }, { text: ` ${valueText(change)}` }];
    return { indent, parts };
  });
}
