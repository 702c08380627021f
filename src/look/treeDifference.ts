import type { EntryChange, ImageChange, ValueChange } from "../list/difference.js";
import type { LookOrigin, LookProblem, TreeBlob } from "./listTree.js";

/**
 * How one list differs from another: by platform, and for changed images down to their layers and configs. Digests are whole,
 * sizes in bytes.
 */
export interface TreeDifference {
  /** Undefined where there was nothing: all of `to` is new. */
  readonly from: ComparedSide | undefined;
  /** The new image or list. */
  readonly to: ComparedSide;
  /** Have both the same digest? Lists with equal entries may still differ, such as in their order. */
  readonly isSame: boolean;
  /** Images that are not as they were: in the order of the new list, then those that have left it. */
  readonly images: readonly ImageDifference[];
  /** How many images are as they were. */
  readonly unchanged: number;
  /** What is neither an image nor its attestation: indexes within the index, artifacts. */
  readonly others: readonly EntryChange[];
  /** Of the list itself. */
  readonly annotations: readonly ValueChange[];
  /** `mediaType`, `artifactType` and `subject` of the list itself. */
  readonly fields: readonly ValueChange[];
  /** What could not be read, each reason once. */
  readonly problems: readonly LookProblem[];
}

/** One of the two that are compared. */
export interface ComparedSide {
  /** In full. */
  readonly name: string;
  /** Where it was read. */
  readonly origin: LookOrigin;
  /** The digest of the image or list. */
  readonly digest: string;
  /** Its media type. */
  readonly mediaType: string;
  /** Of the manifest or list itself. */
  readonly size: number;
}

/** An image that is not as it was. */
export interface ImageDifference extends ImageChange {
  /** What the lists say of it differently: `platform`, `artifactType`, `annotation …`. */
  readonly entry: readonly ValueChange[];
  /** Digests of its attestations in the old list and in the new one. */
  readonly attestations: {
    /** Those in the old list. */
    readonly from: readonly string[];
    /** Those in the new list. */
    readonly to: readonly string[];
  };
  /** Of a changed image; undefined where one of the two could not be read. */
  readonly content: ContentDifference | undefined;
}

/** How one image differs from the one that it takes the place of. */
export interface ContentDifference {
  /** Config and layers together, compressed, each blob once. */
  readonly bytes: {
    /** Of the old image. */
    readonly from: number;
    /** Of the new image. */
    readonly to: number;
  };
  /** Which layers were added, removed, moved or kept. */
  readonly layers: LayersDifference;
  /**
   * By what it is about: `Entrypoint`, `Env PATH`, `Label org.example.a`, `ExposedPort 80/tcp`, `created`. Empty where neither
   * has a config of an image.
   */
  readonly config: readonly ValueChange[];
  /** What the manifests say of themselves. */
  readonly annotations: readonly ValueChange[];
  /** `mediaType`, `artifactType` and `subject` of the manifests. */
  readonly fields: readonly ValueChange[];
}

/** Layers that came, went, or stayed. */
export interface LayersDifference {
  /** How many layers are the same from the bottom up: a common base. */
  readonly base: number;
  /** Those of both, in the order of the new image; the first `base` of them are the base. */
  readonly kept: readonly TreeBlob[];
  /** Layers that are only in the new image, in its order. */
  readonly added: readonly TreeBlob[];
  /** Layers that are only in the old image, in its order. */
  readonly removed: readonly TreeBlob[];
}
