import {
  goBytesValue,
  goField,
  goGetter,
  goIntValue,
  goNilPointer,
  goPointerTo,
  goStringMapValue,
  goStringsValue,
  goStringValue,
  goStructValue,
  type GoMethods,
  type GoStruct,
  type GoValue,
} from "../go/values.js";
import { descriptor, type Descriptor } from "../oci/descriptor.js";
import { NO_PLATFORM, type Platform } from "../oci/platform.js";

/** A descriptor as Go has it: https://pkg.go.dev/github.com/opencontainers/image-spec/specs-go/v1#Descriptor */
export function descriptorValue(item: Descriptor): GoStruct {
  const { mediaType, digest, size, urls, annotations, data, platform, artifactType } = item;
  return goStructValue("v1.Descriptor", [
    goField("MediaType", "mediaType", goStringValue(mediaType)),
    goField("Digest", "digest", digestValue(digest)),
    goField("Size", "size", goIntValue(size, "int64")),
    goField("URLs", "urls,omitempty", goStringsValue(orNil(urls))),
    goField(
      "Annotations",
      "annotations,omitempty",
      goStringMapValue(Object.keys(annotations).length === 0 ? undefined : annotations),
    ),
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

/** https://pkg.go.dev/github.com/opencontainers/image-spec/specs-go/v1#Platform */
export function platformValue(platform: Platform): GoStruct {
  return goStructValue("v1.Platform", [
    goField("Architecture", "architecture", goStringValue(platform.architecture)),
    goField("OS", "os", goStringValue(platform.os)),
    goField("OSVersion", "os.version,omitempty", goStringValue(platform["os.version"])),
    goField("OSFeatures", "os.features,omitempty", goStringsValue(orNil(platform["os.features"]))),
    goField("Variant", "variant,omitempty", goStringValue(platform.variant)),
  ]);
}

/** https://pkg.go.dev/github.com/opencontainers/go-digest#Digest, with those of its methods that have a text. */
export function digestValue(digest: string): GoValue {
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

/** What a list of descriptors has for none. */
export const zeroDescriptor = descriptorValue(descriptor("", "", 0));

/** What JSON does not say is nil to Go, and so says `json` of it. */
export function orNil<Item>(items: readonly Item[]): readonly Item[] | undefined {
  return items.length === 0 ? undefined : items;
}
