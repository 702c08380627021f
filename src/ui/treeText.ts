import type { ListTree, TreeNode } from "../look/listTree.js";
import { manifestName, nodeLabel, predicateName } from "./artifactNames.js";
import { readableSize } from "./terminal/words.js";
import { cutText, displayWidth } from "./terminal/width.js";
import { counted, oneLine } from "./text.js";

/** How a tree is drawn. */
export interface TreeStyle {
  /** Of the terminal; undefined or 0 where there is none, and everything is shown whole. */
  readonly columns?: number | undefined;
  /** Branches are drawn by characters that not every terminal has; ASCII unless told. */
  readonly isUnicode?: boolean;
  /** Are layers and annotations listed one by one? */
  readonly isVerbose?: boolean;
  readonly paint?: LookPaint | undefined;
}

/** Colours, where there are any. */
export interface LookPaint {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
}

/** So many layers that images share are listed. */
const MAX_SHARED = 10;
/** And of each so many of the images that have it. */
const MAX_HOLDERS = 8;
/** Of a digest where there is little room: as many characters as docker shows. */
const SHORT_DIGEST = "sha256:".length + 12;

/** A line: what it begins with, and what it says. */
export interface LookLine {
  readonly indent: string;
  readonly parts: readonly LookPart[];
}

export interface LookPart {
  readonly text: string;
  readonly role?: keyof LookPaint;
  readonly isDigest?: true;
}

/**
 * A tree for people: each manifest with what it has, below it what is attached to it. Ends in a line end. A digest is whole
 * wherever there is room for it; nothing in it is obeyed by a terminal.
 */
export function treeText(tree: ListTree, style: TreeStyle = {}): string {
  const shared = new Map(tree.totals.sharedLayers.map(({ digest, size }) => [digest, size]));
  const lines = [...nodeLines(tree.root, { tree, style, shared }, "", ""), ...sharedLines(tree)];
  return layOut(lines, style);
}

/** Lines of text as they fit: digests are cut where one of them is too long, then lines. */
export function layOut(lines: readonly LookLine[], { columns = 0, paint }: TreeStyle): string {
  const isCut = columns > 0 && lines.some((line) => displayWidth(plainLine(line)) > columns);
  return lines
    .map((line) => (isCut ? withShortDigests(line) : line))
    .map((line) => `${painted(line, isCut ? columns : Infinity, paint)}\n`)
    .join("");
}

function plainLine({ indent, parts }: LookLine): string {
  return indent + parts.map(({ text }) => oneLine(text)).join("");
}

function withShortDigests({ indent, parts }: LookLine): LookLine {
  const short = (part: LookPart): LookPart =>
    part.isDigest ? { ...part, text: part.text.slice(0, SHORT_DIGEST) } : part;
  return { indent, parts: parts.map(short) };
}

function painted({ indent, parts }: LookLine, columns: number, paint: LookPaint | undefined): string {
  let room = columns;
  let text = "";
  for (const part of [{ text: indent, role: "dim" } as const, ...parts]) {
    const shown = room === Infinity ? oneLine(part.text) : cutText(oneLine(part.text), room);
    if (room !== Infinity) room -= displayWidth(shown);
    const brush = part.role === undefined || shown === "" ? undefined : paint?.[part.role];
    text += brush === undefined ? shown : brush(shown);
    if (shown !== oneLine(part.text)) break;
  }
  return text.trimEnd();
}

interface Drawing {
  readonly tree: ListTree;
  readonly style: TreeStyle;
  /** Sizes of layers of more than one image, by their digests. */
  readonly shared: ReadonlyMap<string, number>;
}

function nodeLines(node: TreeNode, drawing: Drawing, first: string, rest: string): LookLine[] {
  const { tree, style } = drawing;
  const isRoot = node === tree.root;
  const label = isRoot ? tree.name : nodeLabel(node);
  const below = [...node.attached, ...node.children];
  const branches = style.isUnicode
    ? { item: "├─ ", last: "└─ ", by: "│  " }
    : { item: "|- ", last: "`- ", by: "|  " };
  const facts = [...factsOf(node, drawing, isRoot), ...(style.isVerbose ? detailsOf(node) : [])];
  const stem = below.length > 0 ? branches.by : "   ";
  return [
    {
      indent: first,
      parts: [{ text: label, role: "bold" }, { text: "  " }, { text: node.digest, isDigest: true }],
    },
    ...facts.map((parts) => ({ indent: rest + stem, parts })),
    ...below.flatMap((one, index) => {
      const isLast = index === below.length - 1;
      const [begin, go] = isLast ? [branches.last, "   "] : [branches.item, branches.by];
      return nodeLines(one, drawing, rest + begin, rest + go);
    }),
  ];
}

const ORIGINS = { local: "local list", registry: "in the registry", layout: "in a layout" } as const;

function factsOf(node: TreeNode, { tree, shared }: Drawing, isRoot: boolean): LookPart[][] {
  const { kind, size, mediaType, artifactType, predicateTypes, name, repository, tag, problem } = node;
  const known = [
    ...(isRoot ? [ORIGINS[tree.origin]] : []),
    ...(isRoot && kind === "image" && node.platform !== undefined ? [node.platform] : []),
    ...predicateTypes.map(predicateName),
    ...(artifactType !== undefined && predicateTypes.length === 0 ? [artifactType] : []),
    ...contentText(node, shared),
    `${kind === "unknown" ? mediaType || "no type" : manifestName(mediaType)} ${readableSize(size)}`,
  ];
  const found = [
    ...(name === undefined ? [] : [name]),
    ...(repository === undefined ? [] : [`from ${repository}`]),
    ...(tag === undefined ? [] : [`by the tag ${tag}`]),
  ];
  return [
    [{ text: known.join(", ") }],
    ...(isRoot && kind === "index" ? [[{ text: totalsText(tree) }]] : []),
    ...(found.length === 0 ? [] : [[{ text: found.join(", "), role: "dim" } as const]]),
    ...(problem === undefined ? [] : [[{ text: problem.message, role: "yellow" } as const]]),
  ];
}

/** Config and layers, each blob once, compressed as they are stored. */
function contentText(
  { kind, layers, bytes, config, foundBy }: TreeNode,
  shared: Drawing["shared"],
): string[] {
  if (kind === "index" || kind === "unknown") return [];
  const what = config === undefined ? "" : " and a config";
  const digests = new Set(layers.map(({ digest }) => digest));
  const sharedBytes = [...digests].reduce((sum, digest) => sum + (shared.get(digest) ?? 0), 0);
  const note = foundBy !== undefined || sharedBytes === 0 ? "" : `, ${readableSize(sharedBytes)} shared`;
  return [`${readableSize(bytes)}: ${counted(layers.length, "layer")}${what}${note}`];
}

/** What a registry stores of the images: the layers that they share are there once. */
function totalsText({ root, totals: { images, layers, bytes, sharedBytes } }: ListTree): string {
  if (images === 0) return "no images";
  const configs = new Set(imagesOf(root).flatMap(({ config }) => config?.digest ?? []));
  const blobs = `${counted(layers, "layer")}, ${counted(configs.size, "config")}`;
  const shared = sharedBytes === 0 ? "" : `, ${readableSize(sharedBytes)} shared`;
  return `${counted(images, "image")}, ${readableSize(bytes)} compressed: ${blobs}${shared}`;
}

function detailsOf({ config, layers, annotations, ownAnnotations }: TreeNode): LookPart[][] {
  const blob = (what: string, one: { digest: string; mediaType: string; size: number }): LookPart[] => [
    { text: `${what} ` },
    { text: one.digest, isDigest: true },
    { text: ` ${readableSize(one.size)} ${one.mediaType}`, role: "dim" },
  ];
  const values = (where: string, texts: Readonly<Record<string, string>>): LookPart[][] =>
    Object.entries(texts).map(([name, value]) => [
      { text: `${where} ${name}=${JSON.stringify(value)}`, role: "dim" },
    ]);
  return [
    ...(config === undefined ? [] : [blob("config", config)]),
    ...layers.map((layer) => blob("layer", layer)),
    ...values("annotation in the list", annotations),
    ...values("annotation", ownAnnotations),
  ];
}

function sharedLines({ root, totals: { sharedLayers } }: ListTree): LookLine[] {
  if (sharedLayers.length === 0) return [];
  const names = new Map(imagesOf(root).map((image) => [image.digest, nodeLabel(image)]));
  const shown = sharedLayers.slice(0, MAX_SHARED);
  const sizes = shown.map(({ size }) => readableSize(size));
  const width = Math.max(...sizes.map((size) => size.length));
  const more = sharedLayers.length - shown.length;
  return [
    { indent: "", parts: [] },
    { indent: "", parts: [{ text: "Layers of more than one image:", role: "bold" }] },
    ...shown.map(({ digest, images }, index): LookLine => {
      const some = images.slice(0, MAX_HOLDERS).map((image) => names.get(image) ?? image);
      const others = images.length - some.length;
      const of = [...some, ...(others > 0 ? [`and ${others} more`] : [])].join(", ");
      return {
        indent: "   ",
        parts: [
          { text: digest, isDigest: true },
          { text: `  ${(sizes[index] ?? "").padStart(width)}` },
          { text: `  ${of}`, role: "dim" },
        ],
      };
    }),
    ...(more > 0 ? [{ indent: "   ", parts: [{ text: `and ${more} more` }] }] : []),
  ];
}

function imagesOf(node: TreeNode): TreeNode[] {
  return node.kind === "image" ? [node] : node.children.flatMap(imagesOf);
}
