import type { FilePlace } from "./fileOrder.js";

/** The text of a file, and where in it an offset is. */
export class FileText {
  readonly file: string;
  readonly text: string;
  readonly #lineStarts: number[] = [0];

  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
    for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1))
      this.#lineStarts.push(at + 1);
  }

  /** The place of an offset, which may be behind the end. */
  placeOf(offset: number): FilePlace {
    const at = Math.min(offset, this.text.length);
    let [low, high] = [0, this.#lineStarts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#lineStarts[middle] ?? 0) <= at) low = middle;
      else high = middle - 1;
    }
    return { file: this.file, line: low + 1, column: at - (this.#lineStarts[low] ?? 0) + 1 };
  }
}
