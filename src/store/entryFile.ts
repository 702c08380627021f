import * as z from "zod/mini";
import { messageOf, ManifestError } from "../errors.js";
import { Descriptor, descriptor } from "../oci/descriptor.js";
import { digestOf } from "../oci/digest.js";
import { encodeEntry, type Entry } from "../list/entry.js";
import { goBytes, goString, goStruct, goText, issueOf, memberBytes, parseJson } from "../go/json.js";
import { parseImageManifest, type Manifest } from "../oci/manifest.js";
import { locationOf } from "../oci/location.js";
import { DOCKER_MANIFEST, OCI_MANIFEST } from "../oci/mediaTypes.js";
import { Platform } from "../oci/platform.js";
import { parseCanonical } from "../oci/reference.js";

/**
 * The file of one entry. `Digest` and `Platform` at the top are what docker wrote before it knew of `Descriptor`.
 * `TsmanifestRecord`, of which docker takes no notice, says which record is for the list: see `record.ts`.
 */
const EntryFile = goStruct({
  Ref: z.optional(z.string()),
  Descriptor: z._default(Descriptor, () => descriptor("", "", 0)),
  Raw: goBytes,
  SchemaV2Manifest: z.optional(z.unknown()),
  OCIManifest: z.optional(z.unknown()),
  Digest: goText,
  Platform: z.optional(Platform),
  TsmanifestRecord: goText,
});

export interface DecodedEntry {
  readonly entry: Entry;
  /** The record that is for the list; empty where the file does not say. */
  readonly recordId: string;
}

/** Reads the file of an entry. Throws a STORE error that names the file and what is wrong with it. */
export function decodeEntry(bytes: Buffer, file: string): DecodedEntry {
  try {
    const parsed = z.safeParse(EntryFile, parseJson(bytes));
    if (!parsed.success) throw new ManifestError("STORE", issueOf(parsed.error));
    const fields = parsed.data;
    if (fields.Ref === undefined) throw new ManifestError("STORE", "the entry has no Ref");
    const manifest = manifestOf(bytes, fields);
    const ref = parseCanonical(fields.Ref);
    const entry = {
      ref,
      source: locationOf(ref),
      descriptor:
        fields.Digest === "" ? fields.Descriptor : oldDescriptor(fields.Digest, fields.Platform, manifest),
      raw: fields.Raw.byteLength === 0 ? undefined : fields.Raw,
      manifest,
    };
    return { entry, recordId: fields.TsmanifestRecord };
  } catch (error) {
    throw new ManifestError("STORE", `${file}: ${messageOf(error)}`, { cause: error, subject: file });
  }
}

/** The file of an entry: docker's, and which record is for the list, if any is. */
export function encodeEntryFile(entry: Entry, recordId: string | undefined): Buffer {
  const bytes = encodeEntry(entry);
  if (recordId === undefined) return bytes;
  return Buffer.concat([bytes.subarray(0, -1), Buffer.from(`,"TsmanifestRecord":${goString(recordId)}}`)]);
}

/** docker reads a docker manifest before an OCI one, where some other program wrote both. */
function manifestOf(
  bytes: Buffer,
  fields: { readonly SchemaV2Manifest?: unknown; readonly OCIManifest?: unknown },
): Manifest | undefined {
  const read = (
    mediaType: typeof DOCKER_MANIFEST | typeof OCI_MANIFEST,
    member: string,
  ): Manifest | undefined => {
    const manifest = memberBytes(bytes, member);
    return manifest && parseImageManifest(mediaType, manifest);
  };
  const docker =
    fields.SchemaV2Manifest === undefined ? undefined : read(DOCKER_MANIFEST, "SchemaV2Manifest");
  const oci = fields.OCIManifest === undefined ? undefined : read(OCI_MANIFEST, "OCIManifest");
  return docker ?? oci;
}

function oldDescriptor(
  digest: string,
  platform: Platform | undefined,
  manifest: Manifest | undefined,
): Descriptor {
  if (manifest === undefined) throw new ManifestError("STORE", "the entry has no manifest");
  const actual = digestOf(manifest.bytes);
  if (actual !== digest)
    throw new ManifestError("STORE", `its manifest has the digest ${actual}, not ${digest}`);
  const plain = descriptor(manifest.mediaType, digest, manifest.bytes.byteLength);
  return platform === undefined ? plain : { ...plain, platform };
}
