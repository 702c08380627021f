import { CST, Lexer } from "yaml";

/**
 * A file in pieces that can be read one after the other: its documents, and of each the lists apart from the rest. A file
 * of ten thousand lists read at once takes 200 MB, a list at a time next to nothing.
 *
 * It is YAML's own lexer that says where an item begins, so that neither quotes nor comments nor block scalars can pretend
 * to be one. Where the lists are written in a way that cannot be taken apart, they stay in their document.
 */

/** From one offset up to another, which is not in it. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface DocumentPieces {
  readonly whole: Span;
  /** What is in the value of `lists`, and its items; undefined where they stay in the document. */
  readonly lists: (Span & { readonly items: readonly Span[] }) | undefined;
}

/** Something that no honest file has, found before anything is made of it. */
export class PieceFault extends Error {
  readonly offset: number;

  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

/** Collections in collections. The format itself has six of them. */
const MAX_DEPTH = 64;
/** Of a list, or of all that is no list: several times what an index of the largest size needs. */
const MAX_LEXEMES = 500_000;
const MAX_LISTS = 100_000;
const MAX_DOCUMENTS = 10_000;
const KEY = "lists";

/** What stands between the parts of a document. */
const NO_CONTENT: ReadonlySet<string> = new Set([
  ...["newline", "space", "comment", "byte-order-mark", "directive-line"],
]);

/**
 * Finds the pieces of a text.
 * @throws PieceFault for what exceeds the limits
 */
export function piecesOf(text: string): DocumentPieces[] {
  const scan = new Scan();
  for (const lexeme of new Lexer().lex(text)) scan.take(lexeme);
  return scan.end();
}

type State =
  | { readonly kind: "outside" }
  /** A key was read that may be `lists`. */
  | { readonly kind: "key" }
  /** The value of `lists` comes next. */
  | { readonly kind: "value" }
  /** In the value: items begin with a dash in this column. */
  | { readonly kind: "block"; readonly column: number }
  /** In the value: items are separated by commas at this depth. */
  | { readonly kind: "flow"; readonly depth: number }
  | { readonly kind: "done" };

class Scan {
  readonly #documents: DocumentPieces[] = [];
  #offset = 0;
  #lineStart = 0;
  /** Has nothing but space been on this line? */
  #isLineStart = true;
  #isScalarNext = false;
  #isBlockScalar = false;
  #documentStart = 0;
  #hasContent = false;
  #hasStart = false;
  #isFlowDocument = false;
  #flowDepth = 0;
  /** Columns in which the block collections around here began. */
  #columns: number[] = [];
  #state: State = { kind: "outside" };
  #listsStart = 0;
  #itemStart = 0;
  #itemHasContent = false;
  #items: Span[] = [];
  #lists: DocumentPieces["lists"];
  /** Since the item began, or what is outside of the items. */
  #lexemes = 0;
  #allLexemes = 0;
  #listCount = 0;

  take(lexeme: string): void {
    if (this.#isScalarNext) {
      this.#isScalarNext = false;
      // The lines of a block scalar begin with their indentation.
      if (!this.#isBlockScalar) this.#content("scalar", lexeme);
      this.#isBlockScalar = false;
      this.#advance(lexeme);
      return;
    }
    const type = CST.tokenType(lexeme) ?? "";
    if (type === "doc-mode") return;
    if (type === "flow-error-end") {
      this.#flowDepth = 0;
      return;
    }
    if (type === "scalar") {
      this.#isScalarNext = true;
      return;
    }
    if (type === "doc-start") {
      if (this.#hasContent || this.#hasStart) this.#endDocument(this.#offset);
      this.#hasStart = true;
    } else if (type === "doc-end") this.#endDocument(this.#offset + lexeme.length);
    else if (!NO_CONTENT.has(type)) this.#content(type, lexeme);
    if (type === "block-scalar-header") this.#isBlockScalar = true;
    this.#advance(lexeme);
  }

  end(): DocumentPieces[] {
    this.#endDocument(this.#offset);
    return this.#documents;
  }

  #advance(lexeme: string): void {
    this.#offset += lexeme.length;
    this.#allLexemes++;
    if (++this.#lexemes > MAX_LEXEMES) {
      throw new PieceFault(this.#offset, "too much for one list, or outside of the lists: split it up");
    }
    if (!lexeme.endsWith("\n")) return;
    this.#lineStart = this.#offset;
    this.#isLineStart = true;
  }

  #content(type: string, lexeme: string): void {
    const isFirst = this.#isLineStart;
    this.#isLineStart = false;
    if (!this.#hasContent) {
      this.#hasContent = true;
      this.#isFlowDocument = type === "flow-map-start";
    }
    const column = this.#offset - this.#lineStart;
    if (this.#flowDepth === 0) this.#checkBlockDepth(type, column, isFirst);
    this.#state = this.#next(type, lexeme, column, isFirst);
    if (type === "flow-map-start" || type === "flow-seq-start") this.#flowDepth++;
    if (type === "flow-map-end" || type === "flow-seq-end")
      this.#flowDepth = Math.max(0, this.#flowDepth - 1);
    if (this.#flowDepth + this.#columns.length > MAX_DEPTH) {
      throw new PieceFault(
        this.#offset,
        `nested more than ${MAX_DEPTH} deep: a file of lists needs no more than six`,
      );
    }
  }

  #checkBlockDepth(type: string, column: number, isFirst: boolean): void {
    const isDash = type === "seq-item-ind" || type === "explicit-key-ind";
    if (!isFirst && !isDash) return;
    if (isFirst) while ((this.#columns.at(-1) ?? -1) >= column) this.#columns.pop();
    this.#columns.push(column);
  }

  #next(type: string, lexeme: string, column: number, isFirst: boolean): State {
    const state = this.#state;
    switch (state.kind) {
      case "outside":
      case "key":
        if (state.kind === "key" && type === "map-value-ind") return { kind: "value" };
        return this.#isListsKey(type, lexeme, column, isFirst) ? { kind: "key" } : { kind: "outside" };
      case "value":
        if (type === "seq-item-ind" && isFirst && !this.#isFlowDocument) {
          this.#begin(this.#offset);
          return { kind: "block", column };
        }
        if (type === "flow-seq-start" && this.#flowDepth === (this.#isFlowDocument ? 1 : 0)) {
          this.#begin(this.#offset + lexeme.length);
          return { kind: "flow", depth: this.#flowDepth + 1 };
        }
        return { kind: "done" };
      case "block":
        if (!isFirst || this.#flowDepth > 0 || column > state.column) return state;
        this.#endItem(this.#lineStart);
        if (column === state.column && type === "seq-item-ind") {
          this.#beginItem(this.#offset);
          return state;
        }
        this.#endLists(this.#lineStart);
        return { kind: "done" };
      case "flow":
        if (this.#flowDepth < state.depth) return this.#giveUp();
        if (this.#flowDepth > state.depth) return state;
        if (type === "comma") {
          this.#endItem(this.#offset);
          this.#beginItem(this.#offset + lexeme.length);
        } else if (type === "flow-seq-end") {
          // A comma may stand behind the last item.
          if (this.#itemHasContent) this.#endItem(this.#offset);
          this.#endLists(this.#offset);
          return { kind: "done" };
        } else if (type === "flow-map-end") {
          return this.#giveUp();
        } else this.#itemHasContent = true;
        return state;
      case "done":
        return state;
    }
  }

  #isListsKey(type: string, lexeme: string, column: number, isFirst: boolean): boolean {
    const isHere = this.#isFlowDocument ? this.#flowDepth === 1 : isFirst && column === 0;
    if (!isHere || this.#listsStart > 0) return false;
    if (type === "scalar") return lexeme === KEY;
    return type.endsWith("quoted-scalar") && lexeme.slice(1, -1) === KEY;
  }

  #begin(offset: number): void {
    this.#listsStart = offset;
    this.#beginItem(offset);
  }

  #beginItem(offset: number): void {
    this.#itemStart = offset;
    this.#itemHasContent = false;
    this.#lexemes = 0;
    if (++this.#listCount > MAX_LISTS)
      throw new PieceFault(offset, `more than ${MAX_LISTS} lists: split them up into several files`);
  }

  #endItem(end: number): void {
    this.#items.push({ start: this.#itemStart, end });
  }

  #endLists(end: number): void {
    this.#lists = { start: this.#listsStart, end, items: this.#items };
    this.#lexemes = 0;
  }

  #giveUp(): State {
    this.#items = [];
    return { kind: "done" };
  }

  #endDocument(end: number): void {
    if (this.#state.kind === "block") {
      this.#endItem(this.#offset);
      this.#endLists(this.#offset);
    }
    if (this.#lists === undefined && this.#allLexemes > MAX_LEXEMES) {
      throw new PieceFault(
        this.#documentStart,
        "too large to be read at once: write lists: with no anchor, and each list after a dash",
      );
    }
    if (this.#documents.length >= MAX_DOCUMENTS) {
      throw new PieceFault(
        this.#documentStart,
        `more than ${MAX_DOCUMENTS} documents: split them up into several files`,
      );
    }
    if (this.#hasContent || this.#hasStart) {
      this.#documents.push({ whole: { start: this.#documentStart, end }, lists: this.#lists });
    }
    this.#documentStart = end;
    [this.#hasContent, this.#hasStart, this.#isFlowDocument] = [false, false, false];
    [this.#flowDepth, this.#lexemes, this.#allLexemes, this.#listsStart] = [0, 0, 0, 0];
    this.#columns = [];
    this.#items = [];
    this.#lists = undefined;
    this.#state = { kind: "outside" };
  }
}
