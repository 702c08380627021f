import type { Location } from "../../src/oci/location.js";
import { parseManifest, type Manifest } from "../../src/oci/manifest.js";
import { OCI_INDEX } from "../../src/oci/mediaTypes.js";
import type { PlanItem } from "../../src/push/plan.js";
import type { Built, ImageOptions } from "../../src/testing/index.js";
import type { Peer } from "./peer.js";
import type { Random } from "./seededRandom.js";

/** Trees of manifests in registries, to be pushed somewhere else. */

export const manifestOfBuilt = ({ mediaType, body }: Pick<Built, "mediaType" | "body">): Manifest =>
  parseManifest(mediaType, body);

export function repositoryOf({ host }: Peer, path: string): Location {
  return { kind: "registry", domain: host, path };
}

const ARCHITECTURES = ["amd64", "arm64", "s390x", "riscv64"];

/** An index of manifests, which need not be anywhere: one for each of some platforms. */
export function indexOf(children: readonly Manifest[], more: object = {}): Manifest {
  const manifests = children.map(({ mediaType, digest, bytes }, index) => ({
    mediaType,
    digest,
    size: bytes.byteLength,
    platform: { os: "linux", architecture: ARCHITECTURES[index % ARCHITECTURES.length] },
  }));
  const json = { schemaVersion: 2, mediaType: OCI_INDEX, manifests, ...more };
  return parseManifest(OCI_INDEX, Buffer.from(JSON.stringify(json)));
}

export function subjectOf({ mediaType, digest, bytes }: Manifest): {
  mediaType: string;
  digest: string;
  size: number;
} {
  return { mediaType, digest, size: bytes.byteLength };
}

/** An image that a repository of a registry has, as an item of a plan. */
export function imageItem(peer: Peer, path: string, options: ImageOptions = {}): PlanItem {
  return {
    manifest: manifestOfBuilt(peer.putImage(path, { kind: "oci", ...options })),
    role: "child",
    sources: [repositoryOf(peer, path)],
    toleratesRefusal: options.os === "windows",
  };
}

/** Something that is attached to another item. */
export function referrerItem(
  peer: Peer,
  path: string,
  subject: PlanItem,
  { tags = [], ...options }: ImageOptions & { readonly tags?: readonly string[] } = {},
): PlanItem {
  const artifact = { artifactType: "application/vnd.example.signature", ...options };
  const item = imageItem(peer, path, {
    ...artifact,
    ...(tags.length === 0 && { subject: subjectOf(subject.manifest) }),
  });
  return { ...item, role: "referrer", tags };
}

/** What a random tree is made of. */
export interface Tree {
  readonly items: readonly PlanItem[];
  readonly root: Manifest;
  readonly rootSources: readonly Location[];
}

export interface TreeLimits {
  /** Have images of Windows, with layers that no registry has. */
  readonly windows: boolean;
}

/** Images, indexes of those, what is attached to either, and a root, which may be any of the three. */
export function randomTree(peers: readonly Peer[], random: Random, { windows }: TreeLimits): Tree {
  const upTo = (count: number): number => Math.floor(random() * count);
  const pick = <Value>(values: readonly Value[]): Value => values[upTo(values.length)]!;
  const layers = (): string[] => Array.from({ length: upTo(3) }, () => `layer ${upTo(6)}`);
  let count = 0;
  const image = (): PlanItem => {
    const os = windows && random() < 0.2 ? "windows" : "linux";
    const options = { os, layers: layers(), seed: String(count), variant: String(count++) };
    const foreign = os === "windows" ? { foreignLayers: upTo(2) } : {};
    const [one, other] = [pick(peers), pick(peers)];
    const item = imageItem(one, `src/${upTo(3)}`, { ...options, ...foreign });
    if (random() < 0.7) return item;
    return {
      ...item,
      sources: [...item.sources, ...imageItem(other, "src/other", { ...options, ...foreign }).sources],
    };
  };
  const images = Array.from({ length: 1 + upTo(4) }, image);
  const indexes: PlanItem[] = [];
  for (let depth = upTo(3); depth > 0; depth--) {
    const children = [...images, ...indexes].filter(() => random() < 0.6);
    if (children.length === 0) continue;
    const manifest = indexOf(
      children.map((child) => child.manifest),
      { annotations: { depth: String(depth) } },
    );
    const sources = [repositoryOf(pick(peers), "src/index")];
    indexes.push({ manifest, role: "child", sources, toleratesRefusal: false });
  }
  const children = [...images, ...indexes];
  const referrers = Array.from({ length: upTo(4) }, (_, index): PlanItem => {
    const subject = pick(children);
    const tags = [".sig", ".att"].map((suffix) => `${subject.manifest.digest.replace(":", "-")}${suffix}`);
    return referrerItem(pick(peers), "src/attached", subject, {
      seed: `referrer ${index}`,
      variant: String(index),
      tags: pick([[], [], tags.slice(0, 1), tags]),
    });
  });
  const items = [...children, ...referrers];
  const shuffled = items.map((item) => ({ item, at: random() })).sort((one, other) => one.at - other.at);
  const own = image();
  const more = random() < 0.3 ? { subject: subjectOf(pick(images).manifest) } : {};
  return {
    items: shuffled.map(({ item }) => item),
    ...(random() < 0.3
      ? { root: own.manifest, rootSources: own.sources }
      : {
          root: indexOf(
            children.map(({ manifest }) => manifest),
            more,
          ),
          rootSources: [],
        }),
  };
}
