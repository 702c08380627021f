import type { ListTree, TreeNode } from "../look/listTree.js";
import { manifestName, nodeLabel, predicateName } from "./artifactNames.js";
import { code, plain, table } from "./markdown.js";
import { readableSize } from "./terminal/words.js";
import { counted } from "./text.js";

const ORIGINS = { local: " (local list)", registry: "", layout: "" } as const;

/** A tree as Markdown for GitHub: a table with a row for each image, and one of what else there is. */
export function treeMarkdown(tree: ListTree): string {
  const { name, origin, root, totals, problems } = tree;
  const images = imagesIn(root);
  const others = othersIn(root);
  const facts = [
    `Digest: ${code(root.digest)}`,
    `${plain(manifestName(root.mediaType))}, ${readableSize(root.size)}`,
    ...(totals.images === 0 ? [] : [totalsText(tree)]),
  ];
  return [
    `### ${code(name)}${ORIGINS[origin]}\n`,
    `${facts.join("<br>")}\n`,
    ...(images.length === 0 ? [] : [imageTable(images)]),
    ...(others.length === 0 ? [] : [otherTable(others)]),
    ...(problems.length === 0 ? [] : [problems.map(({ message }) => `- ${plain(message)}\n`).join("")]),
  ].join("\n");
}

function totalsText({ totals: { images, bytes, sharedBytes } }: ListTree): string {
  const shared = sharedBytes === 0 ? "" : `, ${readableSize(sharedBytes)} shared`;
  return `${counted(images, "image")}, ${readableSize(bytes)} compressed${shared}`;
}

function imageTable(images: readonly TreeNode[]): string {
  return table(
    [
      { title: "Platform" },
      { title: "Digest" },
      { title: "Size", isNumeric: true },
      { title: "Layers", isNumeric: true },
      { title: "Attached" },
    ],
    images.map((image) => [
      plain(nodeLabel(image)),
      code(image.digest),
      image.problem !== undefined && image.layers.length === 0 ? "" : readableSize(image.bytes),
      `${image.layers.length}`,
      attachedText(image),
    ]),
  );
}

/** `attestation (SLSA provenance v1, SPDX SBOM), signature` */
function attachedText({ attached }: TreeNode): string {
  return attached
    .map((node) => {
      const what = node.predicateTypes.map(predicateName).map(plain).join(", ");
      return `${plain(nodeLabel(node))}${what === "" ? "" : ` (${what})`}`;
    })
    .join("<br>");
}

function otherTable(others: readonly TreeNode[]): string {
  return table(
    [{ title: "Entry" }, { title: "Digest" }, { title: "Type" }],
    others.map((node) => [
      plain(nodeLabel(node)),
      code(node.digest),
      plain(node.artifactType ?? manifestName(node.mediaType)),
    ]),
  );
}

function imagesIn(node: TreeNode): TreeNode[] {
  if (node.kind === "image") return [node];
  // What could not be read is an image if it says what for.
  if (node.kind === "unknown" && node.platform !== undefined) return [node];
  return node.children.flatMap(imagesIn);
}

/** What is no image: artifacts, what is attached to the list itself, and nested indexes. */
function othersIn(root: TreeNode): TreeNode[] {
  const below = root.children.flatMap((child) => {
    if (imagesIn(child)[0] === child) return [];
    return [child, ...othersIn(child)];
  });
  return [...(root.kind === "image" ? [] : root.attached), ...below];
}
