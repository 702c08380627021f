import * as z from "zod/mini";
import { ManifestError } from "../errors.js";
import { Descriptor } from "./descriptor.js";
import { goStruct, goText, goTextMap, issueOf, parseJson } from "../go/json.js";
import { digestOf } from "./digest.js";
import {
  baseType,
  DOCKER_LIST,
  DOCKER_MANIFEST,
  IMAGE_CONFIGS,
  MANIFEST_TYPES,
  OCI_INDEX,
  OCI_MANIFEST,
} from "./mediaTypes.js";

/**
 * A manifest: of an image, of an artifact, or an index (docker's manifest list is one too). `bytes` is the truth; what
 * was parsed is for reading.
 * https://github.com/opencontainers/image-spec/blob/main/manifest.md
 * https://github.com/opencontainers/image-spec/blob/main/image-index.md
 * https://distribution.github.io/distribution/spec/manifest-v2-2/
 */
export interface Manifest {
  /** `artifact`: what is no image although it looks like one, such as a signature or an attestation without a config. */
  readonly kind: "image" | "index" | "artifact";
  /** Its media type. */
  readonly mediaType: string;
  /** The manifest as it is stored. */
  readonly bytes: Buffer;
  /** Of the bytes, by sha256. */
  readonly digest: string;
  /** Config first, then the layers, in the manifest's order. */
  readonly blobs: readonly Descriptor[];
  /** The manifests of an index, in its order. */
  readonly children: readonly Descriptor[];
  /** What it refers to, if it refers to anything. */
  readonly subject: Descriptor | undefined;
  /** Empty where it says none. */
  readonly artifactType: string;
  /** Its annotations; empty where it has none. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** What docker's programs do not read must not keep them from being read here. */
const oddities = {
  subject: z.catch(z.optional(Descriptor), undefined),
  artifactType: z.catch(goText, ""),
  annotations: z.catch(goTextMap, {}),
};

const ImageFields = goStruct({
  mediaType: goText,
  config: z._default(Descriptor, () => Descriptor.parse({})),
  layers: z._default(z.array(Descriptor), []),
  ...oddities,
});

const IndexFields = goStruct({
  mediaType: goText,
  manifests: z._default(z.array(Descriptor), []),
  config: z.optional(z.unknown()),
  layers: z.optional(z.unknown()),
  ...oddities,
});

const Head = goStruct({
  mediaType: z.optional(z.unknown()),
  manifests: z.optional(z.unknown()),
  config: z.optional(z.unknown()),
});

/**
 * Reads the bytes of an image manifest of a known format.
 * @throws ManifestError with docker's message when they are not of that format
 */
export function parseImageManifest(
  mediaType: typeof DOCKER_MANIFEST | typeof OCI_MANIFEST,
  bytes: Buffer,
): Manifest {
  const fields = read(ImageFields, bytes);
  const isDocker = mediaType === DOCKER_MANIFEST;
  if (fields.mediaType !== mediaType && (isDocker || fields.mediaType !== "")) {
    const condition = isDocker ? "" : "if present, ";
    throw new ManifestError(
      "INVALID_MANIFEST",
      `${condition}mediaType in manifest should be '${mediaType}' not '${fields.mediaType}'`,
    );
  }
  const { config, layers, subject, artifactType, annotations } = fields;
  const isArtifact = artifactType !== "" || (config.mediaType !== "" && !IMAGE_CONFIGS.has(config.mediaType));
  const kind = isArtifact && !isDocker ? "artifact" : "image";
  return withBytes(bytes, {
    kind,
    mediaType,
    blobs: [config, ...layers],
    children: [],
    subject,
    artifactType,
    annotations,
  });
}

/** Reads the bytes of a manifest list or index. */
export function parseIndex(mediaType: typeof DOCKER_LIST | typeof OCI_INDEX, bytes: Buffer): Manifest {
  const fields = read(IndexFields, bytes);
  if (mediaType === OCI_INDEX && (fields.config !== undefined || fields.layers !== undefined)) {
    throw new ManifestError("INVALID_MANIFEST", "ociindex: expected index but found manifest");
  }
  const { manifests, subject, artifactType, annotations } = fields;
  return withBytes(bytes, {
    kind: "index",
    mediaType,
    blobs: [],
    children: manifests,
    subject,
    artifactType,
    annotations,
  });
}

/** The digest is computed when it is asked for, once: a manifest that comes with one needs none. */
function withBytes(bytes: Buffer, fields: Omit<Manifest, "bytes" | "digest">): Manifest {
  let digest: string | undefined;
  return {
    ...fields,
    bytes,
    get digest() {
      return (digest ??= digestOf(bytes));
    },
  };
}

/**
 * Reads whatever manifest a registry sent. Its Content-Type decides; where that says nothing, the manifest's own
 * mediaType, then its shape.
 * @example
 * parseManifest(index.mediaType, index.bytes).children.length; // 2
 */
export function parseManifest(contentType: string, bytes: Buffer): Manifest {
  const declared = baseType(contentType);
  const mediaType = isManifestType(declared) ? declared : guessType(bytes);
  switch (mediaType) {
    case DOCKER_MANIFEST:
      return parseImageManifest(mediaType, bytes);
    case OCI_MANIFEST:
      // docker checks this of what a registry sends, not of what is stored.
      if (read(Head, bytes).manifests !== undefined) {
        throw new ManifestError("INVALID_MANIFEST", "ocimanifest: expected manifest but found index");
      }
      return parseImageManifest(mediaType, bytes);
    case DOCKER_LIST:
    case OCI_INDEX:
      return parseIndex(mediaType, bytes);
    case undefined:
    default:
      throw new ManifestError(
        "UNSUPPORTED_MANIFEST",
        `unsupported manifest media type: ${declared === "" ? "none given" : declared}`,
      );
  }
}

/** A manifest that was read in another layout, with the bytes that have its digest. */
export function withExactBytes(manifest: Manifest, bytes: Buffer, digest: string): Manifest {
  // One by one: to spread it would compute the digest of the bytes that it had.
  const { kind, mediaType, blobs, children, subject, artifactType, annotations } = manifest;
  return { kind, mediaType, blobs, children, subject, artifactType, annotations, bytes, digest };
}

type ManifestType = typeof DOCKER_MANIFEST | typeof OCI_MANIFEST | typeof DOCKER_LIST | typeof OCI_INDEX;

function isManifestType(mediaType: string): mediaType is ManifestType {
  return MANIFEST_TYPES.includes(mediaType);
}

function guessType(bytes: Buffer): ManifestType | undefined {
  const head = read(Head, bytes);
  if (typeof head.mediaType === "string" && isManifestType(head.mediaType)) return head.mediaType;
  if (head.mediaType !== undefined) return undefined;
  if (head.manifests !== undefined) return OCI_INDEX;
  return head.config === undefined ? undefined : OCI_MANIFEST;
}

function read<Schema extends z.ZodMiniType>(schema: Schema, bytes: Buffer): z.infer<Schema> {
  const result = z.safeParse(schema, parseJson(bytes));
  if (!result.success) throw new ManifestError("INVALID_MANIFEST", `manifest: ${issueOf(result.error)}`);
  return result.data;
}
