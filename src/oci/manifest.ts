import * as z from "zod/mini";
import { ManifestError } from "../errors.js";
import { Descriptor } from "./descriptor.js";
import { goStruct, goText, issueOf, parseJson } from "../go/json.js";
import { baseType, DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from "./mediaTypes.js";

/**
 * A manifest of one image. `bytes` is the truth; the parsed fields are for reading.
 * https://distribution.github.io/distribution/spec/manifest-v2-2/
 * https://github.com/opencontainers/image-spec/blob/main/manifest.md
 */
export interface ImageManifest {
  readonly kind: "docker" | "oci";
  readonly mediaType: string;
  readonly bytes: Buffer;
  /** Config first, then the layers, in the manifest's order. */
  readonly blobs: readonly Descriptor[];
}

/** A list of manifests: a docker manifest list or an OCI index. */
export interface ManifestList {
  readonly kind: "list";
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly manifests: readonly Descriptor[];
}

const ImageFields = goStruct({
  mediaType: goText,
  config: z._default(Descriptor, () => Descriptor.parse({})),
  layers: z._default(z.array(Descriptor), []),
});

const ListFields = goStruct({
  mediaType: goText,
  manifests: z._default(z.array(Descriptor), []),
  config: z.optional(z.unknown()),
  layers: z.optional(z.unknown()),
});

const Head = goStruct({
  mediaType: z.optional(z.unknown()),
  manifests: z.optional(z.unknown()),
  config: z.optional(z.unknown()),
});

/** Reads the bytes of an image manifest of a known kind. Throws docker's message when they are not of that kind. */
export function parseImageManifest(kind: ImageManifest["kind"], bytes: Buffer): ImageManifest {
  const fields = read(ImageFields, bytes);
  const mediaType = kind === "docker" ? DOCKER_MANIFEST : OCI_MANIFEST;
  if (fields.mediaType !== mediaType && (kind === "docker" || fields.mediaType !== "")) {
    const condition = kind === "docker" ? "" : "if present, ";
    throw new ManifestError(
      `${condition}mediaType in manifest should be '${mediaType}' not '${fields.mediaType}'`,
    );
  }
  return { kind, mediaType, bytes, blobs: [fields.config, ...fields.layers] };
}

/** Reads the bytes of a manifest list or index. */
export function parseManifestList(mediaType: string, bytes: Buffer): ManifestList {
  const fields = read(ListFields, bytes);
  if (mediaType === OCI_INDEX && (fields.config !== undefined || fields.layers !== undefined)) {
    throw new ManifestError("ociindex: expected index but found manifest");
  }
  return { kind: "list", mediaType, bytes, manifests: fields.manifests };
}

/**
 * Reads whatever manifest a registry sent. Its Content-Type decides; where that says nothing, the manifest's own
 * mediaType, then its shape.
 */
export function parseManifest(contentType: string, bytes: Buffer): ImageManifest | ManifestList {
  const declared = baseType(contentType);
  const mediaType = isManifestType(declared) ? declared : guessType(bytes);
  switch (mediaType) {
    case DOCKER_MANIFEST:
      return parseImageManifest("docker", bytes);
    case OCI_MANIFEST:
      // docker checks this of what a registry sends, not of what is stored.
      if (read(Head, bytes).manifests !== undefined) {
        throw new ManifestError("ocimanifest: expected manifest but found index");
      }
      return parseImageManifest("oci", bytes);
    case DOCKER_LIST:
    case OCI_INDEX:
      return parseManifestList(mediaType, bytes);
    case undefined:
    default:
      throw new ManifestError(
        `unsupported manifest media type: ${declared === "" ? "none given" : declared}`,
      );
  }
}

function isManifestType(mediaType: string): boolean {
  return [DOCKER_MANIFEST, OCI_MANIFEST, DOCKER_LIST, OCI_INDEX].includes(mediaType);
}

function guessType(bytes: Buffer): string | undefined {
  const head = read(Head, bytes);
  if (typeof head.mediaType === "string" && isManifestType(head.mediaType)) return head.mediaType;
  if (head.mediaType !== undefined) return undefined;
  if (head.manifests !== undefined) return OCI_INDEX;
  return head.config === undefined ? undefined : OCI_MANIFEST;
}

function read<Schema extends z.ZodMiniType>(schema: Schema, bytes: Buffer): z.infer<Schema> {
  const result = z.safeParse(schema, parseJson(bytes));
  if (!result.success) throw new ManifestError(`manifest: ${issueOf(result.error)}`);
  return result.data;
}
