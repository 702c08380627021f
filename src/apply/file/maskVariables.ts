/**
 * In `[app:${TAG}, b]` YAML sees the beginning of a mapping. So that variables can stand there as in any other shell-like
 * file, the braces of each are hidden from YAML, and put back in the texts that it makes. Only the name of a variable
 * is in the file: its value comes later, see `variables.ts`.
 */

/** Characters that Unicode has set aside for such use within a program: no text has them. */
const [OPEN, CLOSE] = ["\uFDD0", "\uFDD1"];
const VARIABLE = /\$\{([A-Za-z_][A-Za-z0-9_]*(?::-[^{}\n"',[\]]*)?)\}/g;

/** Is it a text that nothing can be hidden in? */
export function hasHidden(text: string): boolean {
  return text.includes(OPEN) || text.includes(CLOSE);
}

/** The text with the braces of its variables hidden: as long as before. */
export function hideVariables(text: string): string {
  return text.includes("${")
    ? text.replace(VARIABLE, (_, inside: string) => `$${OPEN}${inside}${CLOSE}`)
    : text;
}

/** What was hidden, put back. */
export function showVariables(text: string): string {
  return text.includes(OPEN) ? text.replaceAll(OPEN, "{").replaceAll(CLOSE, "}") : text;
}
