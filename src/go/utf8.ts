import { isUtf8 } from "node:buffer";
import { ByteWriter } from "./byteWriter.js";

/** U+FFFD as UTF-8. */
const REPLACEMENT = "\u00ef\u00bf\u00bd";

/**
 * Bytes to text; every byte that is not part of valid UTF-8 becomes one U+FFFD, as in Go. (The web's decoders put one
 * for several such bytes.)
 */
export function decodeUtf8(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString("utf8");
  const out = new ByteWriter(bytes.length + 64);
  let start = 0;
  let at = 0;
  while (at < bytes.length) {
    const length = sequenceLength(bytes, at);
    if (length > 0) {
      at += length;
      continue;
    }
    out.copy(bytes, start, at);
    out.text(REPLACEMENT);
    at += 1;
    start = at;
  }
  out.copy(bytes, start, bytes.length);
  return out.take().toString("utf8");
}

/** Length of the valid sequence that starts here, or 0. https://www.unicode.org/versions/latest/ table 3-7 */
function sequenceLength(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  const second = bytes[at + 1] ?? 0;
  const lowest = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const highest = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < lowest || second > highest) return 0;
  for (let next = at + 2; next < at + length; next++) {
    if (((bytes[next] ?? 0) & 0xc0) !== 0x80) return 0;
  }
  return length;
}
