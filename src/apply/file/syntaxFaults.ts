import type { YAMLError } from "yaml";
import { showVariables } from "./maskVariables.js";

/** What is wrong with the YAML of a file, in words for people who write it by hand, with the way out. */

type Words = string | ((message: string) => string);

export const TAB = "a tab cannot indent: use spaces";
const INDENTATION = "the indentation does not fit: what belongs together begins in the same column";
const QUOTES = "put the value into quotes";

/** One row for each code of https://eemeli.org/yaml/#errors that a file can have. */
const WORDS: Readonly<Partial<Record<YAMLError["code"], Words>>> = {
  ALIAS_PROPS: "an alias can have neither an anchor nor a tag",
  BAD_ALIAS: "an anchor or alias needs a name: write it as &name and *name",
  BAD_DIRECTIVE: "a directive that YAML 1.2 does not have: leave the line out",
  BAD_DQ_ESCAPE: (message) => `${message.toLowerCase()}: double the backslash, or take single quotes`,
  BAD_INDENT: (message) => unclosed(message) ?? INDENTATION,
  BAD_PROP_ORDER: "an anchor or tag is in the wrong place: it stands right before its value",
  BAD_SCALAR_START: (message) => `a value cannot begin with ${message.slice(-1)}: ${QUOTES}`,
  BLOCK_AS_IMPLICIT_KEY: `a second colon in one line: ${QUOTES}, or begin a new line for what is in it`,
  BLOCK_IN_FLOW: `in brackets and braces there is no block; if there is a { in a value, ${QUOTES}`,
  KEY_OVER_1024_CHARS: "a key of more than 1024 characters",
  MISSING_CHAR: missing,
  MULTILINE_IMPLICIT_KEY: `a key must be on one line; if it is no key, ${QUOTES}`,
  MULTIPLE_ANCHORS: "two anchors for one value",
  MULTIPLE_TAGS: "two tags for one value",
  TAB_AS_INDENT: TAB,
  UNEXPECTED_TOKEN: unexpected,
};

export function syntaxFault({ code, message }: YAMLError): string {
  const words = WORDS[code];
  if (words === undefined) return otherwise(message);
  return typeof words === "string" ? words : words(message);
}

function missing(message: string): string {
  const quote = /Missing closing (["'])/.exec(message)?.[1];
  if (quote !== undefined) return `a quoted text without its end: ${quote} is missing`;
  const end = unclosed(message);
  if (end !== undefined) return end;
  if (message.startsWith("Comments"))
    return `a comment needs a space before its #; if it is no comment, ${QUOTES}`;
  if (message.startsWith("Missing ,"))
    return `a comma is missing; if a value has { or } in it, put it into quotes`;
  if (message.startsWith("Missing space after :")) return "a colon needs a space behind it";
  if (message.startsWith("Implicit map keys"))
    return "a key needs a colon and a value: write it as KEY: VALUE";
  if (message.startsWith("Sequence item")) return "an item begins with a dash and a space";
  if (message.startsWith("Tags and anchors")) return "an anchor or tag needs a space behind it";
  return otherwise(message);
}

function unclosed(message: string): string | undefined {
  const end = /must (?:.* )?end with a ([\]}])/.exec(message)?.[1];
  return end === undefined ? undefined : `${end} is missing, or indented less than what it closes`;
}

function unexpected(message: string): string {
  if (message.startsWith("Block scalar header")) return "behind | and > comes a new line";
  if (message.startsWith("Unexpected flow-map-end") || message.startsWith("Unexpected flow-seq-end"))
    return `a closing bracket that nothing has opened; if it is part of a value, ${QUOTES}`;
  if (message.startsWith("Unexpected ,") || message.startsWith("Unexpected empty item"))
    return "a comma too many";
  if (message.includes(" at node end"))
    return `more text behind a value that has ended: ${QUOTES}, all of it`;
  return otherwise(message);
}

/** YAML's own words, of which it may quote as much as it likes. */
function otherwise(message: string): string {
  return `cannot be read as YAML: ${showVariables(message).replace(/\s+/g, " ").slice(0, 200)}`;
}
