/**
 * Text from elsewhere (arguments, registries, files) on its way to a terminal.
 */

/** C0 but for tab and line feed, DEL, C1, and what reorders the text around it: a terminal may obey any of them. */
// eslint-disable-next-line no-control-regex -- finding control characters is the point
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** The text with everything a terminal could take for a command spelled out (`\u001b`). Line ends and tabs stay. */
export function escapeControls(text: string): string {
  return text.replace(UNSAFE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The same in one line: what somebody wrote into a name or a value must not begin another line. */
export function oneLine(text: string): string {
  return escapeControls(text).replace(/\n/g, "\\n").replace(/\t/g, "\\t");
}

/** `1 list`, `12 lists` */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
