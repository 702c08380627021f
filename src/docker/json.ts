/**
 * JSON as Go's decoder reads it, for files and answers that docker takes: key names in any case, and whatever follows
 * the first value ignored.
 * https://pkg.go.dev/encoding/json#Unmarshal
 */

/**
 * The first JSON value of a text, undefined for an empty text.
 * @throws SyntaxError; its message may quote the text, so it is not for people. {@link jsonFault} is.
 */
export function parseFirst(text: string): unknown {
  // Windows editors put a byte order mark in front.
  const json = text.replace(/^\ufeff/, "").trim();
  if (json === "") return undefined;
  try {
    return JSON.parse(json);
  } catch (error) {
    const end = endOfObject(json);
    if (end === undefined) throw error;
    return JSON.parse(json.slice(0, end));
  }
}

/** Where the object at the start of the text ends, if more follows it. */
function endOfObject(text: string): number | undefined {
  if (!text.startsWith("{")) return undefined;
  let depth = 0;
  for (const { 0: piece, index } of text.matchAll(/[{}]|"(?:[^"\\]|\\[^])*(?:"|\\?$)/g)) {
    if (piece === "{") depth++;
    if (piece === "}" && --depth === 0) return index + 1 < text.length ? index + 1 : undefined;
  }
  return undefined;
}

/** Where a text stops being JSON, without quoting it: it may hold passwords. */
export function jsonFault(error: unknown): string {
  const position =
    error instanceof Error ? /line \d{1,9} column \d{1,9}/.exec(error.message)?.[0] : undefined;
  return position === undefined ? "not valid JSON" : `not valid JSON at ${position}`;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The named fields of an object, found in any case; the last one counts, null means absent. */
export function knownFields<Name extends string>(
  value: Readonly<Record<string, unknown>>,
  names: readonly Name[],
): Partial<Record<Name, unknown>> {
  const fields: Partial<Record<Name, unknown>> = {};
  for (const [key, field] of Object.entries(value)) {
    const name = names.find((known) => known.toLowerCase() === key.toLowerCase());
    if (name !== undefined && field !== null) fields[name] = field;
  }
  return fields;
}
