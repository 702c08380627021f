/** What came longer ago says nothing about now, in milliseconds. */
const WINDOW_MS = 5_000;
/** In less time than this nothing can be told. */
const SHORTEST_MS = 300;

const SAMPLE_MS = 100;

/** Small blobs come first, and connections are slow at first: before this, a time would be a guess, */
const SOON_MS = 1_000;
/** and until the whole window is known, also before so much of all there is has come. */
const LEAST_SHARE = 0.01;

/** How fast bytes go through, over the last seconds. */
export class Rate {
  /** When, and how many until then. */
  #samples: (readonly [atMs: number, bytes: number])[];
  #bytes = 0;
  readonly #begunMs: number;

  constructor(nowMs: number) {
    this.#begunMs = nowMs;
    this.#samples = [[nowMs, 0]];
  }

  add(bytes: number, nowMs: number): void {
    this.#bytes += bytes;
    const [before, last] = this.#samples.slice(-2);
    // A sample a tenth of a second is enough, however small the pieces are.
    if (before !== undefined && last !== undefined && last[0] - before[0] < SAMPLE_MS) this.#samples.pop();
    this.#samples.push([nowMs, this.#bytes]);
    this.#forget(nowMs);
  }

  /** Bytes a second; undefined where that cannot be told yet. */
  at(nowMs: number): number | undefined {
    this.#forget(nowMs);
    const [first] = this.#samples;
    if (first === undefined || nowMs - first[0] < SHORTEST_MS) return undefined;
    return ((this.#bytes - first[1]) / (nowMs - first[0])) * 1000;
  }

  /** How long the rest takes at that, in milliseconds; undefined where there is none, or where that cannot be told yet. */
  leftMs(
    { done, total }: { readonly done: number; readonly total: number },
    nowMs: number,
  ): number | undefined {
    const rate = this.at(nowMs);
    const ms = nowMs - this.#begunMs;
    const isEarly = ms < SOON_MS || (ms < WINDOW_MS && done < total * LEAST_SHARE);
    if (rate === undefined || rate <= 0 || total <= done || isEarly) return undefined;
    return ((total - done) / rate) * 1000;
  }

  /** The last one before the window is where the window begins. */
  #forget(nowMs: number): void {
    while ((this.#samples[1]?.[0] ?? Infinity) <= nowMs - WINDOW_MS) this.#samples.shift();
    const [first] = this.#samples;
    if (first === undefined || first[0] >= nowMs - WINDOW_MS) return;
    this.#samples[0] = [nowMs - WINDOW_MS, first[1]];
  }
}
