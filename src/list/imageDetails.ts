import * as z from "zod/mini";
import { ManifestError } from "../errors.js";
import { goInteger, goStruct, goText, goTextMap, issueOf, parseJson } from "../go/json.js";
import {
  compareBytes,
  goAnyField,
  goBoolValue,
  goBytesValue,
  goEmbedded,
  goField,
  goGetter,
  goIntValue,
  goMapValue,
  goNil,
  goNilPointer,
  goPointerTo,
  goSliceValue,
  goStringMapValue,
  goStringsValue,
  goStringValue,
  goStructValue,
  type GoMethods,
  type GoPointer,
  type GoStruct,
  type GoValue,
} from "../go/values.js";
import { goTimeValue, zeroTime, type GoTime } from "../go/time.js";
import { descriptor as descriptorOf, Descriptor } from "../oci/descriptor.js";
import { ImageConfig } from "../oci/imageConfig.js";
import { DOCKER_MANIFEST, isListType, OCI_MANIFEST } from "../oci/mediaTypes.js";
import { NO_PLATFORM, type Platform } from "../oci/platform.js";

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
  const methods: GoMethods = new Map([
    ["SBOM", goGetter(() => (isMany ? byPlatform(images, sbomOf, noSbom) : ofOne(images, sbomOf, noSbom)))],
    [
      "Provenance",
      goGetter(() =>
        isMany ? byPlatform(images, provenanceOf, noProvenance) : ofOne(images, provenanceOf, noProvenance),
      ),
    ],
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
      goField("Annotations", "annotations,omitempty", goStringMapValue(index.annotations)),
    ]);
  }
  return mediaType === DOCKER_MANIFEST || mediaType === OCI_MANIFEST ? descriptorValue(descriptor) : goNil;
}

function descriptorValue(item: Descriptor): GoStruct {
  const { mediaType, digest, size, urls, annotations, data, platform, artifactType } = item;
  return goStructValue("v1.Descriptor", [
    goField("MediaType", "mediaType", goStringValue(mediaType)),
    goField("Digest", "digest", digestValue(digest)),
    goField("Size", "size", goIntValue(size, "int64")),
    goField("URLs", "urls,omitempty", goStringsValue(urls)),
    goField("Annotations", "annotations,omitempty", goStringMapValue(annotations)),
    goField("Data", "data,omitempty", goBytesValue(data)),
    goField(
      "Platform",
      "platform,omitempty",
      platform === undefined
        ? goNilPointer(platformValue(NO_PLATFORM))
        : goPointerTo(platformValue(platform)),
    ),
    goField("ArtifactType", "artifactType,omitempty", goStringValue(artifactType)),
  ]);
}

function platformValue(platform: Platform): GoStruct {
  return goStructValue("v1.Platform", [
    goField("Architecture", "architecture", goStringValue(platform.architecture)),
    goField("OS", "os", goStringValue(platform.os)),
    goField("OSVersion", "os.version,omitempty", goStringValue(platform["os.version"])),
    goField("OSFeatures", "os.features,omitempty", goStringsValue(platform["os.features"])),
    goField("Variant", "variant,omitempty", goStringValue(platform.variant)),
  ]);
}

/** https://pkg.go.dev/github.com/opencontainers/go-digest#Digest, with those of its methods that have a text. */
function digestValue(digest: string): GoValue {
  const colon = digest.indexOf(":");
  const part = (end: string): ReturnType<typeof goGetter> =>
    goGetter(() => {
      if (colon === -1) throw new Error(`no ':' separator in digest "${digest}"`);
      return goStringValue(end);
    });
  const encoded = part(digest.slice(colon + 1));
  const methods: GoMethods = new Map([
    ["Algorithm", part(digest.slice(0, colon))],
    ["Encoded", encoded],
    ["Hex", encoded],
    ["String", goGetter(() => goStringValue(digest))],
  ]);
  return goStringValue(digest, "digest.Digest", methods);
}

function configsValue(images: readonly PlatformDetails[]): GoValue {
  return goMapValue(
    configPointer(undefined),
    images.flatMap(({ platform, config }) =>
      config === undefined ? [] : [[platform, configPointer(config)] as const],
    ),
  );
}

function configPointer(config: ImageConfig | undefined): GoPointer {
  return config === undefined ? goNilPointer(zeroConfig()) : goPointerTo(configValue(config));
}

/** https://github.com/opencontainers/image-spec/blob/main/specs-go/v1/config.go */
function configValue(image: ImageConfig): GoStruct {
  const { created, author, config, rootfs, history } = image;
  return goStructValue("v1.Image", [
    goField("Created", "created,omitempty", timePointer(created)),
    goField("Author", "author,omitempty", goStringValue(author)),
    goEmbedded("Platform", platformValue(image)),
    goField("Config", "config,omitempty", executionValue(config)),
    goField(
      "RootFS",
      "rootfs",
      goStructValue("v1.RootFS", [
        goField("Type", "type", goStringValue(rootfs.type)),
        goField(
          "DiffIDs",
          "diff_ids",
          goSliceValue(
            digestValue(""),
            rootfs.diff_ids?.map((digest) => digestValue(digest ?? "")),
          ),
        ),
      ]),
    ),
    goField(
      "History",
      "history,omitempty",
      goSliceValue(historyValue(NO_HISTORY), history.map(historyValue)),
    ),
  ]);
}

function executionValue(config: ImageConfig["config"]): GoStruct {
  return goStructValue("v1.ImageConfig", [
    goField("User", "User,omitempty", goStringValue(config.User)),
    goField("ExposedPorts", "ExposedPorts,omitempty", setValue(config.ExposedPorts)),
    goField("Env", "Env,omitempty", goStringsValue(config.Env)),
    goField("Entrypoint", "Entrypoint,omitempty", goStringsValue(config.Entrypoint)),
    goField("Cmd", "Cmd,omitempty", goStringsValue(config.Cmd)),
    goField("Volumes", "Volumes,omitempty", setValue(config.Volumes)),
    goField("WorkingDir", "WorkingDir,omitempty", goStringValue(config.WorkingDir)),
    goField("Labels", "Labels,omitempty", goStringMapValue(config.Labels)),
    goField("StopSignal", "StopSignal,omitempty", goStringValue(config.StopSignal)),
    goField("ArgsEscaped", "ArgsEscaped,omitempty", goBoolValue(config.ArgsEscaped)),
  ]);
}

type HistoryEntry = ImageConfig["history"][number];

const NO_HISTORY: HistoryEntry = {
  created: undefined,
  created_by: "",
  author: "",
  comment: "",
  empty_layer: false,
};

function historyValue(entry: HistoryEntry): GoStruct {
  return goStructValue("v1.History", [
    goField("Created", "created,omitempty", timePointer(entry.created)),
    goField("CreatedBy", "created_by,omitempty", goStringValue(entry.created_by)),
    goField("Author", "author,omitempty", goStringValue(entry.author)),
    goField("Comment", "comment,omitempty", goStringValue(entry.comment)),
    goField("EmptyLayer", "empty_layer,omitempty", goBoolValue(entry.empty_layer)),
  ]);
}

function timePointer(time: GoTime | undefined): GoPointer {
  return time === undefined ? goNilPointer(zeroTime) : goPointerTo(goTimeValue(time));
}

/** A map[string]struct{} */
function setValue(members: Readonly<Record<string, unknown>>): GoValue {
  const empty = goStructValue("struct {}", []);
  return goMapValue(
    empty,
    Object.keys(members).map((name) => [name, empty] as const),
  );
}

type ValueOf = (image: PlatformDetails) => GoStruct | undefined;

/** @throws what kept one of them from being read */
function byPlatform(images: readonly PlatformDetails[], valueOf: ValueOf, zero: GoStruct): GoValue {
  const sorted = [...images].sort((a, b) => compareBytes(a.platform, b.platform));
  return goMapValue(
    zero,
    sorted.flatMap((image) => {
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

const zeroDescriptor = descriptorValue(descriptorOf("", "", 0));
const noSbom = sbomValue(goNil, []);
const noProvenance = provenanceValue(goNil);

function zeroConfig(): GoStruct {
  return configValue(ImageConfig.parse({}));
}
