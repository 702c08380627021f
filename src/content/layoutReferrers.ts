import { hasCode, ManifestError } from "../errors.js";
import type { Descriptor } from "../oci/descriptor.js";
import type { Manifest } from "../oci/manifest.js";
import { mayBeManifest } from "../oci/mediaTypes.js";
import { MAX_NESTING } from "./bounds.js";
import { subjectOf, type LayoutIndex } from "./layoutIndex.js";
import { referrerDescriptor } from "./referrer.js";

const MAX_MANIFESTS = 100_000;

export interface LayoutReferrer {
  /** As a registry would describe it. */
  readonly descriptor: Descriptor;
  /** As index.json or the index above it lists it, which may say less. */
  readonly listed: Descriptor;
}

/** By the digest of what they refer to. */
type Referrers = ReadonlyMap<string, readonly LayoutReferrer[]>;

/**
 * Finds what refers to a manifest, among the manifests of a layout's index.json and those below them: nothing in a layout
 * lists it. Everything is read once for each state of the index.json.
 */
export class ReferrerScan {
  readonly #read: (digest: string) => Promise<Manifest | undefined>;
  readonly #done = new WeakMap<LayoutIndex, Referrers>();

  /** @param read a manifest; undefined if it is not there, which a layout allows */
  constructor(read: (digest: string) => Promise<Manifest | undefined>) {
    this.#read = read;
  }

  async of(index: LayoutIndex, digest: string): Promise<readonly LayoutReferrer[]> {
    const found = this.#done.get(index) ?? (await this.#scan(index));
    this.#done.set(index, found);
    return found.get(digest) ?? [];
  }

  async #scan({ entries }: LayoutIndex): Promise<Referrers> {
    const subjects = new Map(entries.map((entry) => [entry.descriptor.digest, subjectOf(entry)]));
    const found = new Map<string, LayoutReferrer[]>();
    const seen = new Set<string>();
    const visit = async (descriptor: Descriptor, depth: number): Promise<void> => {
      const { mediaType, digest } = descriptor;
      if (!mayBeManifest(mediaType) || seen.has(digest)) return;
      seen.add(digest);
      if (seen.size > MAX_MANIFESTS)
        throw new ManifestError("LIMIT", `a layout of more than ${MAX_MANIFESTS} manifests`);
      const manifest = await this.#readKnown(digest);
      const subject = manifest?.subject?.digest ?? subjects.get(digest);
      if (manifest === undefined) return;
      if (subject !== undefined) {
        const others = found.get(subject) ?? [];
        found.set(subject, others);
        others.push({ descriptor: referrerDescriptor(manifest), listed: descriptor });
      }
      if (depth === MAX_NESTING) return;
      for (const child of manifest.children) await visit(child, depth + 1);
    };
    for (const entry of entries) await visit(entry.descriptor, 0);
    return found;
  }

  async #readKnown(digest: string): Promise<Manifest | undefined> {
    try {
      return await this.#read(digest);
    } catch (error) {
      if (hasCode(error, "UNSUPPORTED_MANIFEST")) return undefined;
      throw error;
    }
  }
}
