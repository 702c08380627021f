import { compactJson, goObject, goString } from "../go/json.js";
import { encodeDescriptor, type Descriptor } from "../oci/descriptor.js";
import type { Location } from "../oci/location.js";
import type { Manifest } from "../oci/manifest.js";
import { DOCKER_MANIFEST, OCI_MANIFEST } from "../oci/mediaTypes.js";
import { formatReference, type Reference } from "../oci/reference.js";

/** One manifest of a list, as docker keeps it: where it came from, what describes it, and the manifest itself. */
export interface Entry {
  /** The name it has in the list; docker keeps it under this. */
  readonly ref: Reference;
  /** Where its manifest and its blobs are. */
  readonly source: Location;
  /**
   * The indexes and layouts that it was taken from, as `create` was given them, in full: what one of them contributes no
   * more leaves when `create --amend` is given that again. Absent for what was named itself, and nowhere else.
   */
  readonly origins?: readonly string[] | undefined;
  /** Type, digest and size of the manifest, and the platform and annotations that the list will say. */
  readonly descriptor: Descriptor;
  /** The exact bytes of the manifest. Entries of old docker versions have none. */
  readonly raw: Buffer | undefined;
  /** The manifest as docker re-encodes it for reading; absent in an entry that some other program wrote. */
  readonly manifest: Manifest | undefined;
}

/**
 * An entry as one line of JSON, byte for byte what docker writes into its store.
 * @example
 * for (const entry of draft.entries) console.log(encodeEntry(entry).toString());
 */
export function encodeEntry(entry: Entry): Buffer {
  const { manifest } = entry;
  const json = manifest && compactJson(manifest.bytes).toString("latin1");
  const fields = goObject([
    ["Ref", utf8AsLatin1(goString(formatReference(entry.ref)))],
    ["Descriptor", utf8AsLatin1(encodeDescriptor(entry.descriptor))],
    ["Raw", entry.raw === undefined ? undefined : `"${entry.raw.toString("base64")}"`],
    ["SchemaV2Manifest", manifest?.mediaType === DOCKER_MANIFEST ? json : undefined],
    ["OCIManifest", manifest?.mediaType === OCI_MANIFEST ? json : undefined],
  ]);
  return Buffer.from(fields, "latin1");
}

/** The manifest is kept as bytes, which need not be valid UTF-8; latin1 carries bytes through strings unharmed. */
function utf8AsLatin1(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}
