import { ManifestError } from "../errors.js";

/**
 * Valid JSON taken apart into pieces of its own bytes, for a document of somebody else's in which one thing is changed:
 * the rest stays as it is, with the order of its keys, its numbers and what nobody here has heard of.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);
const COMMA = 0x2c;

export interface Member {
  readonly key: string;
  readonly value: Buffer;
}

/**
 * The elements of an array, which must be compact (see `compactJson`).
 * @throws LIMIT if there are more than `most`
 */
export function elementsOf(array: Buffer, most = Infinity): Buffer[] {
  const pieces: Buffer[] = [];
  let depth = 0;
  let start = 1;
  for (let at = 0; at < array.length; at++) {
    const byte = array[at] ?? 0;
    if (byte === QUOTE) at = endOfString(array, at);
    else if (OPENING.has(byte)) depth++;
    else if (CLOSING.has(byte)) depth--;
    const isEnd = depth === 0 || (depth === 1 && byte === COMMA);
    if (!isEnd) continue;
    if (at > start) pieces.push(array.subarray(start, at));
    if (pieces.length > most) throw new ManifestError("LIMIT", `more than ${most} elements`);
    start = at + 1;
  }
  return pieces;
}

/** The members of an object, which must be compact. */
export function membersOf(object: Buffer): Member[] {
  return elementsOf(object).map((member) => {
    const end = endOfString(member, 0) + 1;
    const key: unknown = JSON.parse(member.toString("utf8", 0, end));
    return { key: String(key), value: member.subarray(end + 1) };
  });
}

/** The index of the quote that ends the string which begins at this one. */
function endOfString(bytes: Buffer, at: number): number {
  let end = at + 1;
  while (end < bytes.length && bytes[end] !== QUOTE) end += bytes[end] === BACKSLASH ? 2 : 1;
  return end;
}

export function joinElements(elements: readonly Buffer[]): Buffer {
  return joined("[", elements, "]");
}

export function joinMembers(members: readonly Member[]): Buffer {
  return joined(
    "{",
    members.map(({ key, value }) => Buffer.concat([Buffer.from(`${JSON.stringify(key)}:`), value])),
    "}",
  );
}

function joined(open: string, pieces: readonly Buffer[], close: string): Buffer {
  const comma = Buffer.from(",");
  return Buffer.concat([
    Buffer.from(open),
    ...pieces.flatMap((piece, index) => (index === 0 ? [piece] : [comma, piece])),
    Buffer.from(close),
  ]);
}
