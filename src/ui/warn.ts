import type { Output } from "../context.js";
import { escapeControls } from "./text.js";

/** Writes a line. */
export function tellOn(stderr: Output): (text: string) => void {
  return (text) => {
    stderr.write(`${escapeControls(text)}\n`);
  };
}

/** Says what is odd, and stops nobody. */
export function warnOn(stderr: Output): (text: string) => void {
  return (text) => {
    stderr.write(`WARNING: ${escapeControls(text)}\n`);
  };
}
