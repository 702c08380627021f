import * as z from "zod/mini";
import {
  goBytes,
  goInteger,
  goObject,
  goString,
  goStringMap,
  goStringOrOmit,
  goStrings,
  goStruct,
  goText,
  goTextMap,
  goTexts,
} from "../go/json.js";
import { encodePlatform, Platform } from "./platform.js";

/**
 * What points at content: its type, digest and size, and more.
 * https://github.com/opencontainers/image-spec/blob/main/descriptor.md
 */
export const Descriptor = goStruct({
  mediaType: goText,
  digest: goText,
  size: goInteger,
  urls: goTexts,
  annotations: goTextMap,
  data: goBytes,
  platform: z.optional(Platform),
  artifactType: goText,
});
export type Descriptor = Readonly<z.infer<typeof Descriptor>>;

const NO_DATA = Buffer.alloc(0);

/**
 * A descriptor of nothing but type, digest and size.
 * @example
 * descriptor(index.mediaType, index.digest, index.bytes.byteLength).annotations; // {}
 */
export function descriptor(mediaType: string, digest: string, size: number): Descriptor {
  return { mediaType, digest, size, urls: [], annotations: {}, data: NO_DATA, artifactType: "" };
}

/** A descriptor in the order of an entry's file: mediaType, digest, size. */
export function encodeDescriptor(item: Descriptor): string {
  return goObject([
    ["mediaType", goString(item.mediaType)],
    ["digest", goString(item.digest)],
    ["size", String(item.size)],
    ["urls", goStrings(item.urls)],
    ["annotations", goStringMap(item.annotations)],
    ["data", goStringOrOmit(item.data.toString("base64"))],
    ["platform", item.platform && encodePlatform(item.platform)],
    ["artifactType", goStringOrOmit(item.artifactType)],
  ]);
}
