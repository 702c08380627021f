/** What a file says, with the place of each part: the little of YAML that lists need. */

export type FileNode = MapNode | ItemsNode | ScalarNode;

interface Placed {
  readonly offset: number;
  /** How many nodes it is when what it refers to is written out. */
  readonly size: number;
}

export interface MapNode extends Placed {
  readonly kind: "map";
  /** In their order; each key once. */
  readonly pairs: ReadonlyMap<string, MapPair>;
}

export interface MapPair {
  readonly keyOffset: number;
  readonly value: FileNode;
}

export interface ItemsNode extends Placed {
  readonly kind: "items";
  readonly items: readonly FileNode[];
}

/** A text; also a number, `true` and a date, which count as they are written: `1.10` is not `1.1`. */
export interface ScalarNode extends Placed {
  readonly kind: "text";
  /** Undefined for nothing at all, and for `null`. */
  readonly text: string | undefined;
}

/** What is at a path, if anything is. */
export function findNode(node: FileNode, path: readonly PropertyKey[]): FileNode | undefined {
  let at: FileNode | undefined = node;
  for (const key of path) at = at && childOf(at, key);
  return at;
}

/** What is at a path, or what comes nearest to it. */
export function nodeAt(node: FileNode, path: readonly PropertyKey[]): FileNode {
  for (let length = path.length; ; length--) {
    const found = findNode(node, path.slice(0, length));
    if (found !== undefined) return found;
  }
}

function childOf(node: FileNode, key: PropertyKey): FileNode | undefined {
  switch (node.kind) {
    case "map":
      return node.pairs.get(String(key))?.value;
    case "items":
      return typeof key === "number" ? node.items[key] : undefined;
    case "text":
      return undefined;
  }
}

/** What kind of thing it is, for messages. */
export function kindOf(node: FileNode): string {
  switch (node.kind) {
    case "map":
      return "a mapping";
    case "items":
      return "a sequence";
    case "text":
      return node.text === undefined ? "nothing" : "a text";
  }
}
