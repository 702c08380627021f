/** What came longer ago says nothing about now, in milliseconds. */
const WINDOW_MS = 5_000;
/** In less time than this nothing can be told. */
const SHORTEST_MS = 300;

const SAMPLE_MS = 100;

/** How fast bytes go through, over the last seconds. */
export class Rate {
  /** When, and how many until then. */
  #samples: (readonly [atMs: number, bytes: number])[];
  #bytes = 0;

  constructor(nowMs: number) {
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

  /** The last one before the window is where the window begins. */
  #forget(nowMs: number): void {
    while ((this.#samples[1]?.[0] ?? Infinity) <= nowMs - WINDOW_MS) this.#samples.shift();
    const [first] = this.#samples;
    if (first === undefined || first[0] >= nowMs - WINDOW_MS) return;
    this.#samples[0] = [nowMs - WINDOW_MS, first[1]];
  }
}
