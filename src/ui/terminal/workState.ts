import type { PushEvent } from "../../push/execute.js";
import { childrenOf, type Plan } from "../../push/plan.js";
import { Rate } from "./rate.js";
import { readableTime } from "./words.js";

/** How many of how many; of a `total` that is not known yet, undefined. */
export interface Count {
  readonly done: number;
  readonly total: number | undefined;
  /** One of them: `image` */
  readonly unit: string;
}

/** A blob that is being copied. Sizes are in bytes. */
export interface CopyView {
  readonly digest: string;
  readonly done: number;
  /** 0 where its manifest does not say. */
  readonly total: number;
  /** Is all of it on its way, and only the answer not there yet? What is sent may take a while to arrive. */
  readonly isSent: boolean;
  /** Bytes a second; undefined where that cannot be told yet, and where all is sent. */
  readonly rate: number | undefined;
  /** How long the rest takes at that, in milliseconds; undefined where that cannot be told. */
  readonly leftMs: number | undefined;
}

/** What a piece of work has come to at a moment. */
export interface WorkView {
  /** What is being done: `reading sources` */
  readonly what: string;
  readonly counts: readonly Count[];
  /** What is worth saying besides: `2 failed` */
  readonly notes: readonly string[];
  readonly elapsedMs: number;
  /** Those under way, in the order in which they began. */
  readonly copies: readonly CopyView[];
  /** All copies so far together, those that wait for their turn included; undefined where there are none. */
  readonly copying: (Omit<CopyView, "digest"> & { readonly blobs: Count }) | undefined;
}

/** Nobody would read of a shorter one, in milliseconds. */
const SHORTEST_WAIT_MS = 500;

type PushedBlob = Extract<PushEvent, { readonly kind: "bytes" }>["blob"];

interface Copying {
  readonly size: number;
  readonly rate: Rate;
  done: number;
  state: "waiting" | "under way" | "over";
}

/** Keeps what is known of a piece of work: what is being done, how far it is, and each copy. The clock is whoever calls. */
export class WorkState {
  readonly #begunMs: number;
  #what = "";
  #counted: Count | undefined;
  #notes: readonly string[] = [];
  #again: { readonly atMs: number; readonly why: number | string } = { atMs: -Infinity, why: "" };
  #images: Count | undefined;
  #blobs: Count | undefined;
  /** By the blob of a target: the same content may be on its way into two. */
  readonly #copies = new Map<PushedBlob, Copying>();
  /** Of all copies together, since the first has begun. */
  #rate: Rate | undefined;

  constructor(nowMs: number) {
    this.#begunMs = nowMs;
  }

  /** Something has to be asked again, in a while. */
  delay({ delayMs, why }: { readonly delayMs: number; readonly why: number | string }, nowMs: number): void {
    this.#again = { atMs: nowMs + delayMs, why };
  }

  /** What is done from now on, and how many there are of it. */
  step(what: string, counted?: { readonly total: number; readonly unit: string }): void {
    this.#what = what;
    this.#counted = counted && { done: 0, ...counted };
    this.#notes = [];
    this.#images = undefined;
    this.#blobs = undefined;
  }

  /** One more is done. */
  advance(notes: readonly string[] = this.#notes): void {
    this.#notes = notes;
    this.#counted = this.#counted && oneMore(this.#counted);
  }

  /** So many are done by now. */
  count(counted: Count): void {
    this.#counted = counted;
  }

  /** What a push is going to do, once that is known. */
  expect(plans: readonly Plan[]): void {
    const images = plans.reduce((sum, plan) => sum + childrenOf(plan).length, 0);
    const blobs = plans.reduce((sum, plan) => sum + plan.blobs.length, 0);
    this.#images = { done: 0, total: images, unit: "image" };
    this.#blobs = { done: Math.min(blobs, this.#blobs?.done ?? 0), total: blobs, unit: "blob" };
  }

  onEvent(event: PushEvent, nowMs: number): void {
    switch (event.kind) {
      case "child":
        this.#images = this.#images && oneMore(this.#images);
        break;
      case "queued":
        this.#copies.set(event.blob, newCopy(event.blob.size, "waiting", nowMs));
        break;
      case "copying":
        this.#rate ??= new Rate(nowMs);
        this.#copies.set(event.blob, newCopy(event.blob.size, "under way", nowMs));
        break;
      case "bytes": {
        const copy = this.#copies.get(event.blob);
        if (copy !== undefined) {
          copy.done = event.done;
          copy.rate.add(event.count, nowMs);
          this.#rate?.add(event.count, nowMs);
        }
        break;
      }
      case "blob":
        this.#endCopy(event.blob, event.outcome.kind === "copied");
        this.#blobs = oneMore(this.#blobs ?? { done: 0, total: undefined, unit: "blob" });
        break;
      case "kept":
      case "progress":
      case "tagging":
      case "tagged":
      case "unchanged":
        break;
    }
  }

  at(nowMs: number): WorkView {
    const all = [...this.#copies.values()];
    const underWay = [...this.#copies].filter(([, { state }]) => state === "under way");
    const sizes = {
      done: all.reduce((sum, { done }) => sum + done, 0),
      total: all.reduce((sum, { size }) => sum + size, 0),
    };
    const isSent = underWay.length > 0 && underWay.every(([, copy]) => isAllSent(copy));
    const isCounted = (count: Count | undefined): count is Count => count !== undefined && count.total !== 0;
    return {
      what: this.#what,
      counts: [this.#counted, this.#images, this.#images && this.#blobs].filter(isCounted),
      notes: [...this.#notes, ...this.#waits(nowMs)],
      elapsedMs: nowMs - this.#begunMs,
      copies: underWay.map(([{ digest }, { done, size, rate }]) => ({
        digest,
        done,
        total: size,
        isSent: isAllSent({ done, size }),
        ...speedOf(isAllSent({ done, size }) ? undefined : rate, { done, total: size }, nowMs),
      })),
      copying:
        all.length === 0
          ? undefined
          : {
              ...sizes,
              isSent,
              ...speedOf(underWay.length === 0 || isSent ? undefined : this.#rate, sizes, nowMs),
              blobs: {
                done: all.filter(({ state }) => state === "over").length,
                total: all.length,
                unit: "blob",
              },
            },
    };
  }

  /** `again in 4s (503)`, while that is worth saying. */
  #waits(nowMs: number): string[] {
    const { atMs, why } = this.#again;
    return atMs - nowMs < SHORTEST_WAIT_MS ? [] : [`again in ${readableTime(atMs - nowMs)} (${why})`];
  }

  /** What is there in the end after all needs no copy. */
  #endCopy(blob: PushedBlob, isCopied: boolean): void {
    const copy = this.#copies.get(blob);
    if (copy === undefined) return;
    if (!isCopied) this.#copies.delete(blob);
    copy.state = "over";
    copy.done = copy.size;
  }
}

function newCopy(size: number, state: Copying["state"], nowMs: number): Copying {
  return { size, rate: new Rate(nowMs), done: 0, state };
}

/** Of one whose size is not known, nobody can tell. */
function isAllSent({ done, size }: Pick<Copying, "done" | "size">): boolean {
  return size > 0 && done >= size;
}

function speedOf(
  rate: Rate | undefined,
  sizes: Pick<CopyView, "done" | "total">,
  nowMs: number,
): Pick<CopyView, "rate" | "leftMs"> {
  return { rate: rate?.at(nowMs), leftMs: rate?.leftMs(sizes, nowMs) };
}

function oneMore(count: Count): Count {
  const { done, total } = count;
  return { ...count, done: total === undefined ? done + 1 : Math.min(total, done + 1) };
}
