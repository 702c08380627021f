import type { Place } from "../content/place.js";
import type { SourceText } from "../content/sourceText.js";
import type { ListAnnotation } from "../list/annotationFlags.js";
import type { Platform } from "../oci/platform.js";

/** One list that is to be made: read and checked as far as that goes without any request. */
export interface ListOrder {
  /** What it is called: its own name first, then all others, in the same repository or elsewhere. */
  readonly targets: readonly Place[];
  readonly sources: readonly OrderSource[];
  /** Folders of digests and metadata files of builds, as `--from` takes them. */
  readonly from: readonly string[];
  /** Only these are taken of the sources; all, if there are none. */
  readonly platforms: readonly Platform[];
  /** The list's own, and those of its entries. */
  readonly annotations: readonly ListAnnotation[];
  /** What becomes of the list that the first target names: replaced, begun with, or merged with. */
  readonly onto: "nothing" | "append" | "merge";
  readonly attestations: "keep" | "drop";
  readonly type: "auto" | "docker" | "oci";
  /** A single image is put into a list of its own. */
  readonly preferIndex: boolean;
  /** Exactly these platforms, each once; anything, if there are none. */
  readonly expect: readonly string[];
  /** What would be a warning is an error. */
  readonly strict: boolean;
  /** Take along all that is attached to the images. */
  readonly referrers: boolean;
  /** An image, or a digest in the repository of the list. */
  readonly subject?: string | undefined;
  readonly artifactType?: string | undefined;
}

export interface OrderSource {
  /** As it was given, for messages. */
  readonly text: string;
  readonly source: SourceText;
  /** What the list says of it, over what its registry says. */
  readonly says?: { readonly platform?: Platform; readonly annotations?: Readonly<Record<string, string>> };
  /** The platform is no more than what its name was made of: the image itself must agree. */
  readonly isPlatformChecked?: true;
  /** What the platform leaves open is that of the image's config: its variant, version and features. */
  readonly isPlatformOpen?: true;
}

/** What only an OCI index can say makes it one. */
export function listTypeOf(
  {
    type,
    annotations,
    subject,
    artifactType,
  }: Pick<ListOrder, "type" | "annotations" | "subject" | "artifactType">,
  isEntryAnnotated: boolean,
): ListOrder["type"] {
  const saysMore =
    isEntryAnnotated || annotations.length > 0 || subject !== undefined || artifactType !== undefined;
  return type === "auto" && saysMore ? "oci" : type;
}
