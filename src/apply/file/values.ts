import type { FileNode, MapNode } from "./nodes.js";

/** What becomes of a text. */
type TextOf = (text: string, offset: number) => string;

/** The values of a part of a file, for its schema: mappings, sequences, texts, and null for nothing. */
export function valueOf(node: FileNode, textOf: TextOf): unknown {
  switch (node.kind) {
    case "map":
      return recordOf(node, textOf);
    case "items":
      return node.items.map((item) => valueOf(item, textOf));
    case "text":
      return node.text === undefined ? null : textOf(node.text, node.offset);
  }
}

/** The same of a mapping. */
export function recordOf({ pairs }: MapNode, textOf: TextOf): Record<string, unknown> {
  return Object.fromEntries([...pairs].map(([key, { value }]) => [key, valueOf(value, textOf)]));
}
