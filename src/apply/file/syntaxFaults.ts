import { isCollection, isScalar, visit, type Document, type Node, type YAMLError } from "yaml";
import { showVariables } from "./maskVariables.js";

/** What is wrong with the YAML of a file, in words for people who write it by hand, with the way out. */

/** A fault, at the place where it is fixed. */
export interface SyntaxFault {
  /** In the text of the document. */
  readonly offset: number;
  readonly message: string;
}

type Words = string | ((message: string) => string);

const TAB = "a tab cannot indent: use spaces";
const INDENTATION = "the indentation does not fit: what belongs together begins in the same column";
const QUOTES = "put the value into quotes";
const COMMA = `a comma is missing before this; if it is part of a value, ${QUOTES}`;

/** One row for each code of https://eemeli.org/yaml/#errors that a file can have. */
const WORDS: Readonly<Partial<Record<YAMLError["code"], Words>>> = {
  ALIAS_PROPS: "an alias can have neither an anchor nor a tag",
  BAD_ALIAS: "an anchor or alias needs a name: write it as &name and *name",
  BAD_DIRECTIVE: "a directive that YAML 1.2 does not have: leave the line out",
  BAD_DQ_ESCAPE: (message) => `${message.toLowerCase()}: double the backslash, or use single quotes`,
  BAD_INDENT: INDENTATION,
  BAD_PROP_ORDER: "an anchor or tag is in the wrong place: write it right before its value",
  BAD_SCALAR_START: (message) => `a value cannot begin with ${message.slice(-1)}: ${QUOTES}`,
  BLOCK_AS_IMPLICIT_KEY: `a second colon in one line: ${QUOTES}, or begin a new line for what is in it`,
  BLOCK_IN_FLOW: `a comma is missing after this value; if it has a { or a colon in it, ${QUOTES}`,
  KEY_OVER_1024_CHARS: "a key of more than 1024 characters",
  MISSING_CHAR: missing,
  MULTILINE_IMPLICIT_KEY:
    "a key must be on one line: a colon is missing here, or the next line is indented too far",
  MULTIPLE_ANCHORS: "two anchors for one value: leave one of them out",
  MULTIPLE_TAGS: "two tags for one value: leave both out",
  TAB_AS_INDENT: TAB,
  UNEXPECTED_TOKEN: unexpected,
};

/**
 * The first fault of a document; undefined if it has none. YAML tells a fault where it noticed it, which may be far behind
 * what is to be fixed.
 * @param text what the document was made of
 */
export function syntaxFault(document: Document.Parsed, text: string): SyntaxFault | undefined {
  const { errors, contents } = document;
  const [error] = errors;
  if (error === undefined) return undefined;
  const { code, message } = error;
  const [offset] = error.pos;
  if (isIndentedByTab(text, offset)) return { offset, message: TAB };
  const isFlow = isCollection(contents) && contents.flow === true;
  const other = (sought: YAMLError["code"]): YAMLError | undefined =>
    errors.find((one) => one.code === sought);

  if (code === "BLOCK_AS_IMPLICIT_KEY" || code === "MULTILINE_IMPLICIT_KEY") {
    const block = other("BLOCK_IN_FLOW");
    if (block !== undefined) return { offset, message: wordsFor(block) };
    // A line that is too deep goes on with the value above it, up to its own colon.
    const lines = other("MULTILINE_IMPLICIT_KEY");
    if (code === "BLOCK_AS_IMPLICIT_KEY" && lines !== undefined)
      return { offset: lineContent(text, lines.pos[1]), message: INDENTATION };
  }
  const quote = /Missing closing (["'])/.exec(message)?.[1];
  if (quote !== undefined) {
    const start = lastBefore(
      document,
      offset,
      (node) => isScalar(node) && node.type?.startsWith("QUOTE_") === true,
    );
    return { offset: start ?? offset, message: `the closing ${quote} of this text is missing` };
  }
  const bracket = /must (?:.* )?end with a ([\]}])/.exec(message)?.[1];
  if (bracket !== undefined) {
    const open = bracket === "]" ? "[" : "{";
    const start = lastBefore(
      document,
      offset,
      ({ range }) => range?.[1] === offset && text[range[0]] === open,
    );
    return {
      offset: start ?? offset,
      message: `the ${bracket} for this ${open} is missing, or is not indented far enough`,
    };
  }
  if (code === "BAD_INDENT") return { offset: nextContent(text, offset), message: INDENTATION };
  if (code === "UNEXPECTED_TOKEN") {
    if (isFlow && /^Unexpected \S+ (?:token|at node end)/.test(message)) return { offset, message: COMMA };
    if (message.includes(" at node end") && lineContent(text, offset) === offset)
      return { offset, message: INDENTATION };
  }
  return { offset, message: wordsFor(error) };
}

/** A tab looks like spaces, and nothing that YAML says of what it leads to says so. */
function isIndentedByTab(text: string, offset: number): boolean {
  const lineStart = text.lastIndexOf("\n", offset - 1) + 1;
  return /^ *\t[\t ]*\S/.test(text.slice(lineStart, lineStart + 200));
}

/** Where the line of an offset begins, behind its indentation. */
function lineContent(text: string, offset: number): number {
  const lineStart = offset === 0 ? 0 : text.lastIndexOf("\n", offset - 1) + 1;
  return lineStart + (/^ */.exec(text.slice(lineStart))?.[0].length ?? 0);
}

/** The first thing from an offset on that is neither space nor a comment. */
function nextContent(text: string, offset: number): number {
  const gap = /^(?:[ \t]*(?:#[^\n]*)?\r?\n)* */.exec(text.slice(offset))?.[0] ?? "";
  return offset + gap.length < text.length ? offset + gap.length : offset;
}

/** Where the last of the nodes begins that begin before an offset and are such ones. */
function lastBefore(
  document: Document.Parsed,
  offset: number,
  isOne: (node: Node) => boolean,
): number | undefined {
  let found: number | undefined;
  visit(document, {
    Node: (_, node) => {
      const start = node.range?.[0];
      if (start !== undefined && start < offset && isOne(node)) found = Math.max(found ?? 0, start);
    },
  });
  return found;
}

function wordsFor({ code, message }: YAMLError): string {
  const words = WORDS[code];
  if (words === undefined) return otherwise(message);
  return typeof words === "string" ? words : words(message);
}

function missing(message: string): string {
  if (message.startsWith("Comments"))
    return `a comment needs a space before its #; if it is no comment, ${QUOTES}`;
  if (message.startsWith("Missing ,")) return COMMA;
  if (message.startsWith("Missing space after :")) return "a colon needs a space after it";
  if (message.startsWith("Implicit map keys"))
    return "a key needs a colon and a value: write it as KEY: VALUE";
  if (message.startsWith("Sequence item")) return "an item begins with a dash and a space";
  if (message.startsWith("Tags and anchors")) return "an anchor or tag needs a space after it";
  return otherwise(message);
}

function unexpected(message: string): string {
  if (message.startsWith("Block scalar header"))
    return `nothing may follow | or > in its line: begin a new line, or ${QUOTES}`;
  if (message.startsWith("Unexpected flow-map-end") || message.startsWith("Unexpected flow-seq-end"))
    return `a closing bracket that nothing has opened; if it is part of a value, ${QUOTES}`;
  if (message.startsWith("Unexpected ,") || message.startsWith("Unexpected empty item"))
    return "one comma too many: leave it out";
  if (message.includes(" at node end"))
    return `there is more text after the end of a value: put all of it into quotes`;
  return otherwise(message);
}

/** YAML's own words, of which it may quote as much as it likes. */
function otherwise(message: string): string {
  return `cannot be read as YAML: ${showVariables(message).replace(/\s+/g, " ").slice(0, 200)}`;
}
