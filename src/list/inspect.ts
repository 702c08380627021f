import { encodeEntry, type Entry } from "./entry.js";
import { indentJson } from "../go/json.js";
import { encodeDockerList } from "./encode.js";
import type { Descriptor } from "../oci/descriptor.js";

/** What `inspect` prints, newline included. */

const NEWLINE = Buffer.from("\n");

/** One manifest, indented with tabs. */
export function showManifest(bytes: Buffer): Buffer {
  return Buffer.concat([indentJson(bytes, "\t"), NEWLINE]);
}

/** One entry with all that is kept of it (`-v`). */
export function showEntry(entry: Entry): Buffer {
  return Buffer.concat([indentJson(encodeEntry(entry), "\t"), NEWLINE]);
}

/** The entries of a list with all that is kept of them (`-v`). */
export function showEntries(entries: readonly Entry[]): Buffer {
  const array = [
    "[",
    ...entries.flatMap((entry, index) => (index === 0 ? [encodeEntry(entry)] : [",", encodeEntry(entry)])),
    "]",
  ];
  return Buffer.concat([
    indentJson(
      Buffer.concat(array.map((piece) => (typeof piece === "string" ? Buffer.from(piece) : piece))),
      "\t",
    ),
    NEWLINE,
  ]);
}

/** The bytes of a list, as `push` would put them. */
export function showList(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, NEWLINE]);
}

/** A list of a registry, as docker shows it: by its own rules, whatever the registry's bytes are. */
export function showDockerList(descriptors: readonly Descriptor[]): Buffer {
  return showList(encodeDockerList(descriptors));
}
