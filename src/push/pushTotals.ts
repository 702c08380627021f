import type { BlobOutcome } from "../content/repository.js";
import type { Location } from "../oci/location.js";
import { childrenOf, type Plan } from "./plan.js";

/** So many of so many. */
export interface PartDone {
  /** What is done. */
  readonly done: number;
  /** All that is to be done. */
  readonly total: number;
}

/** How much of a plan is done: what was there already counts as done. */
export interface PlanProgress {
  /** `progress`. */
  readonly kind: "progress";
  /** Where the plan goes. */
  readonly target: Location;
  /** Manifests below the root. */
  readonly children: PartDone;
  /** Blobs that are in the target. */
  readonly blobs: PartDone;
  /** Of the blobs. Those of a copy that has to be begun again count once: `done` may go back. */
  readonly bytes: PartDone;
}

/** Keeps count of one push. */
export class PushTotals {
  readonly #target: Location;
  #children: ReadonlySet<string> = new Set();
  #sizes: ReadonlyMap<string, number> = new Map();
  readonly #doneChildren = new Set<string>();
  readonly #doneBlobs = new Set<string>();
  /** Of each blob. */
  readonly #bytes = new Map<string, number>();
  #counts = { children: 0, blobs: 0, bytes: 0, total: 0 };

  constructor(target: Location) {
    this.#target = target;
  }

  /** This is all there is to do. What was done before it was known counts as far as it is part of it. */
  expect(plan: Plan): void {
    this.#children = new Set(childrenOf(plan).map(({ manifest }) => manifest.digest));
    this.#sizes = new Map(plan.blobs.map(({ digest, size }) => [digest, size]));
    this.#counts = {
      children: [...this.#doneChildren].filter((digest) => this.#children.has(digest)).length,
      blobs: [...this.#doneBlobs].filter((digest) => this.#sizes.has(digest)).length,
      bytes: sum([...this.#bytes].map(([digest, bytes]) => (this.#sizes.has(digest) ? bytes : 0))),
      total: sum([...this.#sizes.values()]),
    };
  }

  childDone(digest: string): void {
    if (this.#children.has(digest) && !this.#doneChildren.has(digest)) this.#counts.children++;
    this.#doneChildren.add(digest);
  }

  /** What was given up is not done. */
  blobDone({ digest, size }: SizedBlob, outcome: BlobOutcome["kind"]): void {
    if (outcome === "stopped") return;
    if (this.#sizes.has(digest) && !this.#doneBlobs.has(digest)) this.#counts.blobs++;
    this.#doneBlobs.add(digest);
    this.#setBytes(digest, size);
  }

  /** So many bytes of a copy have gone through. */
  copied({ digest, size }: SizedBlob, bytes: number): void {
    if (!this.#doneBlobs.has(digest)) this.#setBytes(digest, Math.min(size, bytes));
  }

  get progress(): PlanProgress {
    const { children, blobs, bytes, total } = this.#counts;
    return {
      kind: "progress",
      target: this.#target,
      children: { done: children, total: this.#children.size },
      blobs: { done: blobs, total: this.#sizes.size },
      bytes: { done: bytes, total },
    };
  }

  #setBytes(digest: string, bytes: number): void {
    if (this.#sizes.has(digest)) this.#counts.bytes += bytes - (this.#bytes.get(digest) ?? 0);
    this.#bytes.set(digest, bytes);
  }
}

interface SizedBlob {
  readonly digest: string;
  readonly size: number;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
