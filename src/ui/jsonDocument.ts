import { escapeControls } from "./text.js";

/**
 * A result as `--format json` prints it: indented, with a line end, and with nothing in it that a terminal would obey.
 * Within the strings of JSON the escapes mean what they stand for.
 */
export function jsonDocument(result: object): string {
  return `${escapeControls(JSON.stringify(result, undefined, 2))}\n`;
}
