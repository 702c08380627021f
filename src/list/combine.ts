import * as z from "zod/mini";
import { ManifestError } from "../errors.js";
import {
  goInteger,
  goObject,
  goString,
  goStringMap,
  goStringOrOmit,
  goStruct,
  goText,
  goTextMap,
  indentJson,
  parseJson,
} from "../go/json.js";
import { Descriptor, encodeDescriptor } from "../oci/descriptor.js";
import { digestOf } from "../oci/digest.js";
import { DOCKER_LIST, isListType, OCI_INDEX } from "../oci/mediaTypes.js";
import type { Platform } from "../oci/platform.js";
import { platformKey } from "../oci/platformMatcher.js";
import { applyAnnotations, type ListAnnotation } from "./annotationFlags.js";
import { checkImage, chooseByPlatform, noManifestMatches } from "./choose.js";

/**
 * Makes one manifest of several as `docker buildx imagetools create` does, to the byte. Where buildx chooses by chance (the
 * order of what it reads from a map), the order here is that of the list.
 * https://github.com/docker/buildx/blob/master/docs/reference/buildx_imagetools_create.md
 */

/** A source, read. */
export interface CombinedSource {
  /** Its type, digest and size; its annotations and platform where they were given with it, or found in its config. */
  readonly descriptor: Descriptor;
  /** Its bytes. */
  readonly bytes: Buffer;
}

/** An entry of what was made. */
export interface CombinedEntry {
  /** What the list says of it. */
  readonly descriptor: Descriptor;
  /** Which of the sources have it, by their places among them; the last that named it comes first. */
  readonly sources: readonly number[];
}

/** What is to be put under the tags. */
export interface Combined {
  /** Its type, digest and size. */
  readonly descriptor: Descriptor;
  /** The manifest itself. */
  readonly bytes: Buffer;
  /** Undefined where one manifest, which is no list, is carried over. */
  readonly entries: readonly CombinedEntry[] | undefined;
  /** What was asked for, and docker's list has no room for: `annotations`, `a subject`, `an artifact type`. */
  readonly drops: readonly string[];
}

/** How sources are combined. */
export interface CombineOptions {
  /** Of the list and of its entries; empty for none. */
  readonly annotations: readonly ListAnnotation[];
  /** A single image is put into a list of its own. */
  readonly preferIndex: boolean;
  /** The format of the list. Default: `auto`, docker's where all manifests are docker's. */
  readonly type?: "auto" | "docker" | "oci";
  /** What the list refers to. */
  readonly subject?: Descriptor | undefined;
  /** What the index is, as a media type. Default: none. */
  readonly artifactType?: string | undefined;
  /** One image for several platforms is several entries; buildx makes one of them, for the last. */
  readonly keepsPlatforms?: boolean;
}

const IndexFile = goStruct({
  schemaVersion: goInteger,
  mediaType: goText,
  artifactType: goText,
  manifests: z._default(z.array(Descriptor), []),
  subject: z.optional(Descriptor),
  annotations: goTextMap,
});

type IndexFile = z.infer<typeof IndexFile>;

/**
 * Puts sources together, before platforms are chosen.
 * @throws USAGE for annotations that no list can have, INVALID_MANIFEST for a list that cannot be read
 * @example
 * const { descriptor, bytes } = combine([amd64, arm64], { annotations: [], preferIndex: true });
 * parseManifest(descriptor.mediaType, bytes); // the index of both
 */
export function combine(sources: readonly CombinedSource[], options: CombineOptions): Combined {
  const {
    annotations,
    preferIndex,
    type = "auto",
    subject,
    artifactType = "",
    keepsPlatforms = false,
  } = options;
  const [only] = sources;
  const saysNothing = annotations.length === 0 && subject === undefined && artifactType === "";
  if (only !== undefined && sources.length === 1 && saysNothing) {
    const { descriptor, bytes } = only;
    if (isListType(descriptor.mediaType) && isOfType(descriptor, type)) {
      const entries = readIndex(bytes).manifests.map((child) => ({ descriptor: child, sources: [0] }));
      return { descriptor, bytes, entries, drops: [] };
    }
    if (!isListType(descriptor.mediaType) && !preferIndex) {
      return { descriptor, bytes, entries: undefined, drops: [] };
    }
  }
  const entries = distinctEntries(sources, keepsPlatforms);
  const isDocker =
    type === "auto"
      ? entries.every(({ descriptor }) => descriptor.mediaType.startsWith("application/vnd.docker."))
      : type === "docker";
  const mediaType = isDocker ? DOCKER_LIST : OCI_INDEX;
  const annotated = isDocker
    ? { annotations: {}, descriptors: entries.map(({ descriptor }) => descriptor) }
    : applyAnnotations(
        entries.map(({ descriptor }) => descriptor),
        annotations,
      );
  const manifests = [...annotated.descriptors];
  const bytes = encodeIndexFile({
    schemaVersion: 2,
    mediaType,
    artifactType: isDocker ? "" : artifactType,
    manifests,
    subject: isDocker ? undefined : subject,
    annotations: annotated.annotations,
  });
  return {
    descriptor: describe(mediaType, bytes),
    bytes,
    entries: entries.map((entry, index) => ({ ...entry, descriptor: manifests[index] ?? entry.descriptor })),
    drops: isDocker ? saidBy(options) : [],
  };
}

function isOfType({ mediaType }: Descriptor, type: NonNullable<CombineOptions["type"]>): boolean {
  return type === "auto" || mediaType === (type === "docker" ? DOCKER_LIST : OCI_INDEX);
}

/** What only an OCI index can say. */
function saidBy({ annotations, subject, artifactType = "" }: CombineOptions): string[] {
  return [
    ...(annotations.length > 0 ? ["annotations"] : []),
    ...(subject === undefined ? [] : ["a subject"]),
    ...(artifactType === "" ? [] : ["an artifact type"]),
  ];
}

/** A source with other entries than it lists, such as some of them; as it is, if it is no list or nothing changes. */
export function withChildren<Source extends CombinedSource>(
  source: Source,
  choose: (children: readonly Descriptor[]) => readonly Descriptor[],
): Source {
  if (!isListType(source.descriptor.mediaType)) return source;
  const index = readIndex(source.bytes);
  const manifests = [...choose(index.manifests)];
  const isSame = manifests.every((child, at) => child === index.manifests[at]);
  if (isSame && manifests.length === index.manifests.length) return source;
  const bytes = encodeIndexFile({ ...index, manifests });
  const { digest, size } = describe("", bytes);
  return { ...source, bytes, descriptor: { ...source.descriptor, digest, size } };
}

/** If several sources have the same manifest, it becomes one entry, at its first position, with what all of them say. */
function distinctEntries(sources: readonly CombinedSource[], keepsPlatforms: boolean): CombinedEntry[] {
  const entries = new Map<string, CombinedEntry>();
  const keyOf = ({ digest, platform }: Descriptor): string =>
    keepsPlatforms && platform !== undefined ? `${digest} ${platformKey(platform)}` : digest;
  const add = (descriptor: Descriptor, source: number): void => {
    const key = keyOf(descriptor);
    const old = entries.get(key);
    if (old === undefined) {
      entries.set(key, { descriptor, sources: [source] });
      return;
    }
    const { mediaType, platform, annotations } = old.descriptor;
    entries.set(key, {
      descriptor: {
        ...old.descriptor,
        mediaType: mediaType === "" ? descriptor.mediaType : mediaType,
        platform: descriptor.platform ?? platform,
        annotations: { ...annotations, ...descriptor.annotations },
      },
      sources: [source, ...old.sources],
    });
  };
  sources.forEach(({ descriptor, bytes }, index) => {
    const all = isListType(descriptor.mediaType) ? readIndex(bytes).manifests : [descriptor];
    for (const one of all) add(one, index);
  });
  return [...entries.values()];
}

/** The entries of a list that stay when platforms are chosen, and those of them for which an attestation may be found. */
export interface ChosenEntries {
  readonly kept: readonly CombinedEntry[];
  /** In the order of the list; each may have an attestation that only refers to it. */
  readonly unattested: readonly CombinedEntry[];
  /** The digests of the attestations that the list has for what was chosen. */
  readonly attestations: ReadonlySet<string>;
}

/**
 * Chooses by platforms: what has one of them, what has none, and the attestations of what is chosen.
 * @throws NO_MATCH where nothing is left
 */
export function choosePlatforms(combined: Combined, platforms: readonly Platform[]): ChosenEntries {
  const { entries } = combined;
  if (entries === undefined) {
    checkImage(combined.descriptor, { platforms });
    return { kept: [], unattested: [], attestations: new Set() };
  }
  const { kept, subjects, isWanted } = chooseByPlatform(entries, platforms);
  if (kept.length === 0) {
    throw noManifestMatches(
      platforms,
      entries.map(({ descriptor }) => descriptor),
    );
  }
  const attested = new Set(subjects.values());
  const unattested = kept.filter(
    ({ descriptor }) =>
      isWanted(descriptor) && !subjects.has(descriptor.digest) && !attested.has(descriptor.digest),
  );
  return {
    kept,
    unattested: [...new Map(unattested.map((one) => [one.descriptor.digest, one])).values()],
    attestations: new Set(subjects.keys()),
  };
}

/**
 * The list of what was chosen: the bytes as they were where that is all, and no attestation is added.
 * @param found by the digest of an image, what refers to it as its attestation; the first that the list does not have
 *   as such becomes an entry
 */
export function withChosen(
  combined: Combined,
  { kept, unattested, attestations: listed }: ChosenEntries,
  found: ReadonlyMap<string, readonly Descriptor[]>,
): Combined {
  if (combined.entries === undefined) return combined;
  const added = unattested.flatMap(({ descriptor, sources }): CombinedEntry[] => {
    const attestation = found.get(descriptor.digest)?.find((one) => !listed.has(one.digest));
    return attestation === undefined
      ? []
      : [{ descriptor: asEntry(attestation, descriptor.digest), sources }];
  });
  if (kept.length === combined.entries.length && added.length === 0) return combined;
  const entries = [...kept, ...added];
  const manifests = entries.map(({ descriptor }) => descriptor);
  const bytes = encodeIndexFile({ ...readIndex(combined.bytes), manifests });
  const { mediaType, annotations } = combined.descriptor;
  return { ...combined, descriptor: { ...describe(mediaType, bytes), annotations }, bytes, entries };
}

/** How BuildKit lists an attestation. */
function asEntry(referrer: Descriptor, image: string): Descriptor {
  return {
    ...referrer,
    artifactType: "",
    platform: { architecture: "unknown", os: "unknown", "os.version": "", "os.features": [], variant: "" },
    annotations: {
      ...referrer.annotations,
      "vnd.docker.reference.type": "attestation-manifest",
      "vnd.docker.reference.digest": image,
    },
  };
}

function describe(mediaType: string, bytes: Buffer): Descriptor {
  return {
    mediaType,
    digest: digestOf(bytes),
    size: bytes.byteLength,
    urls: [],
    annotations: {},
    data: Buffer.alloc(0),
    artifactType: "",
  };
}

function readIndex(bytes: Buffer): IndexFile {
  const parsed = z.safeParse(IndexFile, parseJson(bytes));
  if (parsed.success) return parsed.data;
  throw new ManifestError("INVALID_MANIFEST", "not a list of manifests", { cause: parsed.error });
}

function encodeIndexFile(file: IndexFile): Buffer {
  const json = goObject([
    ["schemaVersion", String(file.schemaVersion)],
    ["mediaType", goStringOrOmit(file.mediaType)],
    ["artifactType", goStringOrOmit(file.artifactType)],
    ["manifests", `[${file.manifests.map(encodeDescriptor).join(",")}]`],
    ["subject", file.subject && encodeDescriptor(file.subject)],
    ["annotations", goStringMap(file.annotations)],
  ]);
  return indentJson(Buffer.from(json), "  ");
}

/** What is written into a metadata file. Two spaces, no final newline. */
export function encodeMetadata(root: Descriptor, names: readonly string[]): Buffer {
  const json = goObject([
    ["containerimage.descriptor", encodeDescriptor(root)],
    ["image.name", goString(names.join(","))],
  ]);
  return indentJson(Buffer.from(json), "  ");
}
