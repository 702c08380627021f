import { goQuote } from "../../go/quote.js";
import type { ScalarNode } from "./nodes.js";

/** Texts of a file in messages. */

const MAX_QUOTED = 64;

/** What the texts of a part of a file became when their variables were filled in, as far as they had any. */
export type FilledTexts = ReadonlyMap<number, string>;

/** A text in quotes, cut if it is long. */
export function quoted(text: string): string {
  return goQuote(text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text);
}

/** What a text became, which is what is read. */
export function filledText({ text, offset }: ScalarNode, filled: FilledTexts): string | undefined {
  return filled.get(offset) ?? text;
}

/**
 * What was read, and beside it what is written in the file, where that is something else.
 * @example
 * shownText("app:feature/foo", "app:${TAG}"); // "app:feature/foo" (written "app:${TAG}")
 */
export function shownText(read: string, written: string | undefined): string {
  return quoted(read) + writtenBeside(read, written);
}

/** Nothing, or what is written in the file, in brackets. */
export function writtenBeside(read: string, written: string | undefined): string {
  return written === undefined || written === read ? "" : ` (written ${quoted(written)})`;
}
