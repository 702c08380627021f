/**
 * What is behind a name: a list with its images, and everything that is attached to each of them. Plain data without
 * `undefined` where JSON would drop it; digests are whole, sizes in bytes.
 */
export interface ListTree {
  /** In full: `registry.example/team/app:v1`, `oci-layout:///work/out:v1`. */
  readonly name: string;
  /** Where it was read. */
  readonly origin: LookOrigin;
  /** The image or list itself, with all that is below it. */
  readonly root: TreeNode;
  /** The sums of the whole tree. */
  readonly totals: TreeTotals;
  /** What could not be read, each reason once. Where there is any, the tree has gaps. */
  readonly problems: readonly LookProblem[];
}

/** `local`: a list on this machine; `registry`: what a registry has; `layout`: what an OCI layout has. */
export type LookOrigin = "local" | "registry" | "layout";

/** Something that could not be read, or is not what it should be. */
export interface LookProblem {
  /** An `ErrorCode`. */
  readonly code: string;
  /** Complete: it can be shown alone. */
  readonly message: string;
}

/** A manifest, with what is below it and what is attached to it. */
export interface TreeNode {
  /** `unknown`: what could not be read, or is no manifest at all. */
  readonly kind: "index" | "image" | "artifact" | "unknown";
  /** The digest of the manifest. */
  readonly digest: string;
  /** The media type of the manifest. */
  readonly mediaType: string;
  /** Of the manifest itself. */
  readonly size: number;
  /** `linux/arm/v7`, `windows(10.0.17763.1)/amd64`; missing for what runs on no machine. */
  readonly platform?: string;
  /** What a local list calls it. */
  readonly name?: string;
  /** The repository that it is in, if that is not the one that the tree is named by: `registry.example/team/base`. */
  readonly repository?: string;
  /** Of an artifact: its own type, or else that of its config. */
  readonly artifactType?: string;
  /** What the index that lists it says of it. */
  readonly annotations: Readonly<Record<string, string>>;
  /** What it says of itself; empty where it could not be read. */
  readonly ownAnnotations: Readonly<Record<string, string>>;
  /** How it was found, if it is attached to the node above: listed in the index, named by its subject, or by cosign's tag. */
  readonly foundBy?: "list" | "subject" | "tag";
  /** The tag that it was found by. */
  readonly tag?: string;
  /** What its statements are about, each once: `https://slsa.dev/provenance/v1`. */
  readonly predicateTypes: readonly string[];
  /** Of an image or artifact. */
  readonly config?: TreeBlob;
  /** Of an image or artifact, lowest first. */
  readonly layers: readonly TreeBlob[];
  /** Config and layers together, compressed as they are stored, each blob once. Foreign layers are counted. */
  readonly bytes: number;
  /** What an index names, in its order, without what is attached to another of them. */
  readonly children: readonly TreeNode[];
  /** Attestations, signatures and other referrers. */
  readonly attached: readonly TreeNode[];
  /** Why it could not be read, or what is wrong with it. */
  readonly problem?: LookProblem;
}

/** A config or a layer. */
export interface TreeBlob {
  /** The digest of the blob. */
  readonly digest: string;
  /** The media type of the blob. */
  readonly mediaType: string;
  /** In bytes. */
  readonly size: number;
}

/** What the images of a tree have in common. What is attached to them is not counted. */
export interface TreeTotals {
  /** Images, each once. */
  readonly images: number;
  /** Layers of all images, each once. */
  readonly layers: number;
  /** Configs and layers of all images, each blob once: what a registry stores. */
  readonly bytes: number;
  /** The part of `bytes` that belongs to more than one image. */
  readonly sharedBytes: number;
  /** Layers of more than one image, the largest first. */
  readonly sharedLayers: readonly SharedLayer[];
}

/** A layer of more than one image. */
export interface SharedLayer extends TreeBlob {
  /** Digests of the images that have it, in the order of the tree. */
  readonly images: readonly string[];
}
