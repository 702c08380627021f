import {
  Composer,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Parser,
  type Document,
  type Pair,
  type Range,
  type Scalar,
} from "yaml";
import { goQuote } from "../../go/quote.js";
import type { Faults } from "./faults.js";
import type { FileText } from "./fileText.js";
import { hideVariables, showVariables } from "./maskVariables.js";
import type { FileNode, MapPair, ScalarNode } from "./nodes.js";
import { PieceFault, piecesOf, type DocumentPieces, type Span } from "./pieces.js";
import { syntaxFault } from "./syntaxFaults.js";

/**
 * YAML 1.2 with its core schema, and so JSON. Beyond that merge keys (`<<`) are taken, since files with anchors have them;
 * tags are not.
 */

/** A document: what it says but for its lists, and those one after the other. */
export interface ListsDocument {
  readonly top: FileNode;
  /** Undefined where they are in `top` like all the rest. Each is made when it is asked for; to be gone through once. */
  readonly lists: Iterable<FileNode> | undefined;
}

/** With its aliases written out, a list has no more parts than that. */
const MAX_SIZE = 250_000;
/** All aliases of a document together stand for no more parts than that. */
const MAX_ALIASED = 1_000_000;

const OPTIONS = { schema: "core", merge: false, uniqueKeys: false, strict: true } as const;
const TEXT_TAG = "tag:yaml.org,2002:str";
const MERGE_KEY = "<<";

/** A piece has a fault that was told: nothing of it is of use. */
class Unreadable extends Error {}

/** Reads the documents of a file, one after the other. What cannot be read is told, and left out. */
export function* readYaml(file: FileText, faults: Faults): Generator<ListsDocument> {
  const text = hideVariables(file.text);
  let pieces: readonly DocumentPieces[];
  try {
    pieces = piecesOf(text);
  } catch (error) {
    if (!(error instanceof PieceFault)) throw error;
    faults.add(file.placeOf(error.offset), error.message);
    return;
  }
  for (const document of pieces) yield* new DocumentReader(file, text, faults).read(document);
}

class DocumentReader {
  readonly #file: FileText;
  readonly #text: string;
  readonly #faults: Faults;
  /** What has been named so far; undefined while it is being read. */
  readonly #anchors = new Map<string, FileNode | undefined>();
  /** The offset of the text that is being read. */
  #base = 0;
  #aliased = 0;

  constructor(file: FileText, text: string, faults: Faults) {
    this.#file = file;
    this.#text = text;
    this.#faults = faults;
  }

  *read({ whole, lists }: DocumentPieces): Generator<ListsDocument> {
    const text = this.#text.slice(whole.start, whole.end);
    const top = this.#piece(lists === undefined ? text : withBlank(text, whole, lists), whole.start);
    if (top !== undefined) yield { top, lists: lists && this.#items(lists.items) };
  }

  *#items(items: readonly Span[]): Generator<FileNode> {
    for (const { start, end } of items) {
      if (this.#aliased > MAX_ALIASED) return;
      const slice = this.#text.slice(start, end);
      // The dash is that of the list of lists; what stands behind it keeps its column.
      const isDash = slice.startsWith("-");
      const lineStart = isDash ? this.#text.lastIndexOf("\n", start) + 1 : start;
      const text = isDash ? `${this.#text.slice(lineStart, start)} ${slice.slice(1)}` : slice;
      const nothing: FileNode = { kind: "text", text: undefined, offset: start, size: 1 };
      const node = this.#piece(text, lineStart, nothing);
      if (node !== undefined) yield node;
    }
  }

  /** The only document of a text; undefined, or what is given for that, where there is none, or where it was refused. */
  #piece(text: string, base: number, nothing?: FileNode): FileNode | undefined {
    this.#base = base;
    try {
      for (const document of new Composer(OPTIONS).compose(new Parser().parse(text))) {
        return this.#document(document, text) ?? nothing;
      }
      return nothing;
    } catch (error) {
      if (error instanceof Unreadable) return undefined;
      throw error;
    }
  }

  #document(document: Document.Parsed, text: string): FileNode | undefined {
    const fault = syntaxFault(document, text);
    if (fault !== undefined) this.#refuse(fault.offset, fault.message);
    const { contents } = document;
    if (isScalar(contents) && contents.source === "" && contents.type === "PLAIN") return undefined;
    return this.#node(contents);
  }

  #refuse(offset: number, message: string): never {
    this.#faults.add(this.#file.placeOf(this.#base + offset), message);
    throw new Unreadable(message);
  }

  #node(node: unknown): FileNode {
    if (isAlias(node)) return this.#target(node.source, startOf(node));
    if (!isMap(node) && !isSeq(node) && !isScalar(node))
      throw new TypeError("YAML has made nothing of something");
    const { anchor, tag } = node;
    const offset = startOf(node);
    if (tag !== undefined && !(isScalar(node) && tag === TEXT_TAG)) {
      this.#refuse(
        offset,
        "a tag of YAML (!), which is not taken here: leave it out; if it is text, put it into quotes",
      );
    }
    if (anchor !== undefined) this.#anchors.set(anchor, undefined);
    const made = isMap(node)
      ? this.#map(node.items, offset)
      : isSeq(node)
        ? this.#sequence(node.items, offset)
        : textNode(node, this.#base + offset);
    if (anchor !== undefined) this.#anchors.set(anchor, made);
    return made;
  }

  #target(name: string, offset: number): FileNode {
    const node = this.#anchors.get(name);
    if (node !== undefined) {
      this.#aliased += node.size;
      if (this.#aliased <= MAX_ALIASED) return node;
      this.#refuse(offset, "the aliases up to here repeat more than any file needs: write fewer of them");
    }
    return this.#anchors.has(name)
      ? this.#refuse(offset, `the alias *${shown(name)} contains itself: leave it out`)
      : this.#refuse(
          offset,
          `the alias *${shown(name)} has no anchor: write &${shown(name)} before the value that it is to repeat`,
        );
  }

  #sequence(parts: readonly unknown[], offset: number): FileNode {
    const items: FileNode[] = [];
    let size = 1;
    for (const part of parts) {
      const item = this.#node(part);
      size = this.#added(size, item, part, offset);
      items.push(item);
    }
    return { kind: "items", offset: this.#base + offset, items, size };
  }

  #map(parts: readonly Pair[], offset: number): FileNode {
    const pairs = new Map<string, MapPair>();
    const merged: FileNode[] = [];
    let size = 1;
    for (const { key, value: part } of parts) {
      const name = this.#key(key, offset);
      const keyOffset = isScalar(key) ? startOf(key) : offset;
      const value: FileNode =
        part === null
          ? { kind: "text", text: undefined, offset: this.#base + keyOffset, size: 1 }
          : this.#node(part);
      size = this.#added(size, value, part, keyOffset);
      if (name === MERGE_KEY && isScalar(key) && key.type === "PLAIN") {
        merged.push(...(value.kind === "items" ? value.items : [value]));
        if (merged.some(({ kind }) => kind !== "map"))
          this.#refuse(keyOffset, "<< takes a mapping, or a sequence of mappings: write it as <<: *name");
      } else if (pairs.has(name)) {
        const { line } = this.#file.placeOf(pairs.get(name)?.keyOffset ?? 0);
        this.#refuse(keyOffset, `${shown(name)} is here twice: leave it out, or the one in line ${line}`);
      } else pairs.set(name, { keyOffset: this.#base + keyOffset, value });
    }
    // What is written here counts, then what the first of several says.
    for (const other of merged) {
      if (other.kind !== "map") continue;
      for (const [name, pair] of other.pairs) if (!pairs.has(name)) pairs.set(name, pair);
    }
    return { kind: "map", offset: this.#base + offset, pairs, size };
  }

  #key(key: unknown, offset: number): string {
    if (!isScalar(key))
      return this.#refuse(offset, "a key must be a text; if it is a value, put it into quotes");
    const { text } = textNode(key, 0);
    if (text === undefined || text === "__proto__")
      return this.#refuse(
        startOf(key),
        text === undefined
          ? "a key without a name: write it as KEY: VALUE"
          : `${text} cannot be a key: write another`,
      );
    return text;
  }

  /** The size of a collection with one more in it. It is known before anything is written out. */
  #added(size: number, { size: more }: FileNode, part: unknown, offset: number): number {
    if (size + more <= MAX_SIZE) return size + more;
    const at = isAlias(part) ? startOf(part) : offset;
    return this.#refuse(at, "its aliases make it larger than any list needs: write fewer of them");
  }
}

/** The text of a document without its lists: as long as before, so that all else keeps its place. */
function withBlank(text: string, { start: base }: Span, { start, end }: Span): string {
  const blank = text.slice(start - base, end - base).endsWith("\n")
    ? `${" ".repeat(end - start - 1)}\n`
    : " ".repeat(end - start);
  return text.slice(0, start - base) + blank + text.slice(end - base);
}

function startOf({ range }: { readonly range?: Range | null }): number {
  return range?.[0] ?? 0;
}

/** A text as it is written, unless YAML says that it stands for another. */
function textNode(node: Scalar, offset: number): ScalarNode {
  const { value, source, tag } = node;
  // Only what is read is asked for here: each of these has a source.
  const written = typeof value === "string" ? value : (source ?? "");
  const text = value === null && tag !== TEXT_TAG ? undefined : showVariables(written);
  return { kind: "text", text, offset, size: 1 };
}

function shown(name: string): string {
  return goQuote(name.length > 64 ? `${name.slice(0, 64)}…` : name).slice(1, -1);
}
