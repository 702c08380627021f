/** A name out of a file or from the command line, for a message: quoted, in ASCII, not endless. */
export function printable(name: string): string {
  const text = name.length > 200 ? `${name.slice(0, 200)}…` : name;
  return JSON.stringify(text).replace(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
