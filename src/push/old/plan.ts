import { ManifestError } from "../../errors.js";
import { digestFault, digestLike, digestOf } from "../../oci/digest.js";
import type { Entry } from "../../list/entry.js";
import { compactJson, goString, indentJson } from "../../go/json.js";
import { encodeList, listItem, listMediaType } from "./list.js";
import { isForeignLayer } from "../../oci/mediaTypes.js";
import { formatReference, repositoryName, withDigest, type Reference } from "../../oci/reference.js";

/** A push as plain data, computed without any I/O: the executor has no decisions left to take. */
export interface PushPlan {
  readonly target: Reference;
  /** The images that come from other repositories, in list order. Those of the target's own are there already. */
  readonly children: readonly PlannedChild[];
  readonly list: PlannedList;
}

export interface PlannedChild {
  /** What docker prints: the target's name with the child's digest. */
  readonly ref: string;
  readonly source: Reference;
  readonly digest: string;
  readonly mediaType: string;
  readonly body: Buffer;
  /** Config first, then the layers. */
  readonly blobs: readonly PlannedBlob[];
  /** An image for Windows may have layers that no registry gives away: a refused mount is tolerated. */
  readonly toleratesRefusal: boolean;
}

export interface PlannedBlob {
  readonly digest: string;
  /** In bytes, as the manifest says. */
  readonly size: number;
  /** Its content may not be distributed: it is mounted where it can be, and never uploaded. */
  readonly foreign: boolean;
  /** Where it is now. */
  readonly from: Reference;
}

export interface PlannedList {
  readonly digest: string;
  readonly mediaType: string;
  readonly body: Buffer;
  /** A tag, or the list's digest for a target that has none. */
  readonly reference: string;
}

/**
 * Plans the push of a list. Throws docker's message for what docker refuses before its first request: a list without
 * entries, an entry without platform, of another registry (unless `anyRegistry`), or with bytes that are not its own.
 */
export function planPush(target: Reference, entries: readonly Entry[], anyRegistry = false): PushPlan {
  if (entries.length === 0)
    throw new ManifestError("MANIFEST_NOT_PUSHED", `${formatReference(target)} not found`);
  const items = entries.map((entry) => {
    const platform = entry.descriptor.platform;
    if (platform === undefined || platform.architecture === "" || platform.os === "") {
      throw new ManifestError(
        "MANIFEST_NOT_PUSHED",
        `manifest ${formatReference(entry.ref)} must have an OS and Architecture to be pushed to a registry`,
      );
    }
    return listItem(entry, target.domain, anyRegistry);
  });
  const body = encodeList(items);
  const digest = digestOf(body);
  return {
    target,
    children: entries
      .filter((entry) => repositoryName(entry.ref) !== repositoryName(target))
      .map((entry) => planChild(target, entry)),
    list: { digest, mediaType: listMediaType(items), body, reference: target.tag ?? digest },
  };
}

function planChild(target: Reference, entry: Entry): PlannedChild {
  const { manifest, descriptor } = entry;
  const name: Reference = { domain: target.domain, path: target.path };
  const ref = formatReference(withDigest(name, descriptor.digest));
  if (manifest === undefined) {
    throw new ManifestError(
      "MANIFEST_NOT_PUSHED",
      `failed to put manifest ${ref}: ${formatReference(entry.ref)} has no payload`,
    );
  }
  const blobs = manifest.blobs.map((blob) => {
    const fault = digestFault(blob.digest);
    if (fault !== undefined) {
      throw new ManifestError("MANIFEST_NOT_PUSHED", "invalid digest format", {
        hint: `${formatReference(entry.ref)} names a blob by ${goString(blob.digest)}: ${fault}`,
      });
    }
    return {
      digest: blob.digest,
      size: Number(blob.size),
      foreign: isForeignLayer(blob.mediaType),
      from: entry.ref,
    };
  });
  return {
    ref,
    source: entry.ref,
    digest: descriptor.digest,
    mediaType: manifest.mediaType,
    body: exactBytes(entry, manifest.bytes),
    blobs,
    toleratesRefusal: descriptor.platform?.os === "windows",
  };
}

/**
 * The bytes that have the entry's digest. An entry of an old docker version has only the re-encoded manifest; what
 * registries of its time stored was that, indented.
 */
function exactBytes(entry: Entry, stored: Buffer): Buffer {
  const expected = entry.descriptor.digest;
  const docker = (): Buffer => indentJson(compactJson(stored), "   ");
  const candidates =
    entry.raw === undefined ? [docker(), stored, indentJson(compactJson(stored), "  ")] : [entry.raw];
  const exact = candidates.find((bytes) => digestLike(expected, bytes) === expected);
  if (exact !== undefined) return exact;
  const got = digestLike(expected, candidates[0] ?? stored);
  throw new ManifestError(
    "MANIFEST_NOT_PUSHED",
    `internal digest mismatch for ${formatReference(entry.ref)}: expected ${expected}, got ${got}`,
  );
}
