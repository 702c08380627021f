import { digestOf } from "../../../src/oci/digest.js";
import type { Random } from "../generator.js";
import {
  aBrokenOne,
  anArtifact,
  anImage,
  anIndex,
  aReferrer,
  ATTESTATION,
  attachReferrers,
  type Content,
} from "./contents.js";

/** What there is before a session begins: the same bytes on both sides. */
export interface World {
  readonly placements: readonly Placement[];
  readonly layouts: readonly PlacedInLayout[];
}

export interface Placement {
  /** `{host}/team/app` */
  readonly repository: string;
  readonly tag: string;
  readonly content: Content;
  /** Without one of its children, as after a careless clean-up. */
  readonly without?: string | undefined;
}

export interface PlacedInLayout {
  /** `{folder}/layout` */
  readonly folder: string;
  readonly tag: string;
  readonly content: Content;
}

/** Registries are `{host}` and `{other}`; the last has a path in common with the first. */
export const REPOSITORIES = [
  "{host}/team/app",
  "{host}/team/base",
  "{host}/lib",
  "{other}/team/app",
] as const;

/** A folder with a layout, and one where there is none yet. */
export const LAYOUTS = ["{folder}/layout", "{folder}/new/layout"] as const;

export function newWorld(random: Random): World {
  const images = Array.from({ length: 4 + random.below(4) }, () => anImage(random));
  const artifacts = random.chance(0.4) ? [anArtifact(random)] : [];
  const singles = [...images, ...artifacts];
  const indexes = Array.from({ length: 2 + random.below(2) }, () => anIndex(random, singles));
  if (random.chance(0.3)) indexes.push(anIndex(random, [...indexes, ...images]));
  for (const content of [...random.some(images, 0.4), ...random.some(indexes, 0.15)]) {
    attachReferrers(random, content);
  }
  if (random.chance(0.15)) {
    // An image with attestations that say different things.
    const image = random.pick(images);
    image.referrers.push(aReferrer(random, image, ATTESTATION), aReferrer(random, image, ATTESTATION));
  }
  const contents = [...singles, ...indexes];
  return { placements: placementsOf(random, contents), layouts: layoutOf(random, contents) };
}

function placementsOf(random: Random, contents: readonly Content[]): Placement[] {
  const placements: Placement[] = [];
  for (const repository of REPOSITORIES) {
    const share = repository === "{host}/team/app" ? 0.7 : 0.35;
    const held = random.some(contents, share);
    for (const content of held) {
      const tag = `${content.kind}${placements.length}`;
      const without =
        content.children.length > 0 && random.chance(0.03) ? random.pick(content.children).digest : undefined;
      placements.push({ repository, tag, content, without });
      if (random.chance(0.2)) placements.push({ repository, tag: "latest", content, without });
    }
  }
  const latest = { repository: REPOSITORIES[0], tag: "latest", content: random.pick(contents) };
  const broken = { repository: REPOSITORIES[0], tag: "broken", content: aBrokenOne(random) };
  return [...placements, latest, ...(random.chance(0.1) ? [broken] : [])];
}

function layoutOf(random: Random, contents: readonly Content[]): PlacedInLayout[] {
  return (
    random
      .some(contents, 0.35)
      // Which of several attestations of one image buildx takes from a layout is random.
      .filter((content) => [content, ...content.children].every(hasOneAttestation))
      .map((content, index) => ({ folder: LAYOUTS[0], tag: index === 0 ? "latest" : `l${index}`, content }))
  );
}

function hasOneAttestation({ referrers }: Content): boolean {
  return referrers.filter(({ body }) => body.includes("docker.attestation.manifest")).length <= 1;
}

/** Everything that comes with a manifest, in an order in which a registry takes it. */
export function withParts(content: Content): Content[] {
  return [...content.children.flatMap(withParts), content, ...content.referrers.flatMap(withParts)];
}

/** The digests of all configs: read where an image is a source, for its platform. */
export function configsOf({ placements }: World): ReadonlySet<string> {
  const singles = placements.map(({ content }) => content).filter(({ kind }) => kind !== "index");
  return new Set(singles.flatMap(({ blobs }) => blobs.slice(0, 1)).map(digestOf));
}
