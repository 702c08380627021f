import * as z from "zod/mini";
import { ManifestError } from "../errors.js";
import { goInteger, goStruct, goText, goTextMap, issueOf, parseJson } from "../go/json.js";
import {
  goAnyField,
  goField,
  goGetter,
  goIntValue,
  goMapValue,
  goNil,
  goSliceValue,
  goStringMapValue,
  goStringValue,
  goStructValue,
  type GoMethods,
  type GoStruct,
  type GoValue,
} from "../go/values.js";
import { Descriptor } from "../oci/descriptor.js";
import type { ImageConfig } from "../oci/imageConfig.js";
import { DOCKER_MANIFEST, isListType, OCI_MANIFEST } from "../oci/mediaTypes.js";
import { configPointer } from "./configValue.js";
import { descriptorValue, digestValue, zeroDescriptor } from "./descriptorValue.js";

/**
 * What the template of `docker buildx imagetools inspect --format` is given, with the names and types that it has there:
 * `.Name`, `.Manifest`, `.Image`, `.SBOM` and `.Provenance`. The last three are by platform where there are several.
 */
export interface ImageDetails {
  /** As the user wrote it. */
  readonly name: string;
  /** What it stands for. */
  readonly descriptor: Descriptor;
  /** What is in it, if it is an index or list. */
  readonly index: IndexContent | undefined;
  /** The images that are behind it, each of another platform. */
  readonly images: readonly PlatformDetails[];
}

/** https://github.com/opencontainers/image-spec/blob/main/image-index.md */
export const IndexContent = goStruct({
  schemaVersion: goInteger,
  mediaType: goText,
  /** Undefined where it has no list at all, which JSON shows as `null`. */
  manifests: z.optional(z.array(Descriptor)),
  annotations: goTextMap,
});
export type IndexContent = Readonly<z.infer<typeof IndexContent>>;

/** @throws INVALID_MANIFEST for what Go would not read */
export function parseIndexContent(bytes: Buffer): IndexContent {
  const parsed = z.safeParse(IndexContent, parseJson(bytes));
  if (parsed.success) return parsed.data;
  throw new ManifestError("INVALID_MANIFEST", `manifest: ${issueOf(parsed.error)}`);
}

export interface PlatformDetails {
  /** `linux/arm/v7` */
  readonly platform: string;
  /** Undefined where it has not been read, or is JSON's `null`. */
  readonly config: ImageConfig | undefined;
  /** The predicates of its attestations, or why they could not be read. */
  readonly sboms: PromiseSettledResult<readonly GoValue[]>;
  readonly provenance: PromiseSettledResult<GoValue | undefined>;
}

export function imageDetailsValue({ name, descriptor, index, images }: ImageDetails): GoStruct {
  const isMany = images.length > 1;
  const collect = isMany ? byPlatform : ofOne;
  const methods: GoMethods = new Map([
    ["SBOM", goGetter(() => collect(images, sbomOf, noSbom))],
    ["Provenance", goGetter(() => collect(images, provenanceOf, noProvenance))],
  ]);
  return goStructValue(
    isMany ? "imagetools.tplInputs" : "imagetools.tplInput",
    [
      goField("Name", "name,omitempty", goStringValue(name)),
      goAnyField("Manifest", "manifest,omitempty", manifestValue(descriptor, index)),
      goField("Image", "image,omitempty", isMany ? configsValue(images) : configPointer(images[0]?.config)),
    ],
    { methods },
  );
}

/** What nobody knows the type of is nil. */
function manifestValue(descriptor: Descriptor, index: IndexContent | undefined): GoValue {
  const { mediaType, digest, size } = descriptor;
  if (isListType(mediaType) && index !== undefined) {
    return goStructValue("struct { … }", [
      goField("SchemaVersion", "schemaVersion", goIntValue(index.schemaVersion)),
      goField("MediaType", "mediaType,omitempty", goStringValue(index.mediaType)),
      goField("Digest", "digest", digestValue(digest)),
      goField("Size", "size", goIntValue(size, "int64")),
      goField("Manifests", "manifests", goSliceValue(zeroDescriptor, index.manifests?.map(descriptorValue))),
      goField(
        "Annotations",
        "annotations,omitempty",
        goStringMapValue(Object.keys(index.annotations).length === 0 ? undefined : index.annotations),
      ),
    ]);
  }
  return mediaType === DOCKER_MANIFEST || mediaType === OCI_MANIFEST ? descriptorValue(descriptor) : goNil;
}

function configsValue(images: readonly PlatformDetails[]): GoValue {
  return goMapValue(
    configPointer(undefined),
    images.flatMap(({ platform, config }) =>
      config === undefined ? [] : [[platform, configPointer(config)] as const],
    ),
  );
}

type ValueOf = (image: PlatformDetails) => GoStruct | undefined;

/** @throws what kept one of them from being read */
function byPlatform(images: readonly PlatformDetails[], valueOf: ValueOf, zero: GoStruct): GoValue {
  return goMapValue(
    zero,
    images.flatMap((image) => {
      const value = valueOf(image);
      return value === undefined ? [] : [[image.platform, value] as const];
    }),
  );
}

/** The zero value where there is none, and as with buildx where it could not be read. */
function ofOne([image]: readonly PlatformDetails[], valueOf: ValueOf, zero: GoStruct): GoValue {
  if (image === undefined) return zero;
  try {
    return valueOf(image) ?? zero;
  } catch {
    return zero;
  }
}

function sbomOf({ sboms }: PlatformDetails): GoStruct | undefined {
  const [first, ...others] = valueOfSettled(sboms);
  return first === undefined ? undefined : sbomValue(first, others);
}

function sbomValue(spdx: GoValue, others: readonly GoValue[]): GoStruct {
  return goStructValue("imagetools.sbomStub", [
    goAnyField("SPDX", ",omitempty", spdx),
    goField("AdditionalSPDXs", ",omitempty", goSliceValue(goNil, others.length === 0 ? undefined : others)),
  ]);
}

function provenanceOf({ provenance }: PlatformDetails): GoStruct | undefined {
  const slsa = valueOfSettled(provenance);
  return slsa && provenanceValue(slsa);
}

function provenanceValue(slsa: GoValue): GoStruct {
  return goStructValue("imagetools.provenanceStub", [goAnyField("SLSA", ",omitempty", slsa)]);
}

function valueOfSettled<Value>(settled: PromiseSettledResult<Value>): Value {
  if (settled.status === "rejected") throw settled.reason;
  return settled.value;
}

const noSbom = sbomValue(goNil, []);
const noProvenance = provenanceValue(goNil);
