import { ManifestError } from "../../errors.js";
import { formatFilePlace, type FilePlace } from "./fileOrder.js";

/** So many are shown. A variable that is not set may be one for each of thousands of lists. */
const MAX_SHOWN = 100;
/** So many are kept to find the first ones of. */
const MAX_KEPT = 100_000;

interface Fault {
  /** Which of the files, in the order in which they were named. */
  readonly rank: number;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** All that is wrong with some files. */
export class Faults {
  readonly #found = new Map<string, Fault>();
  readonly #ranks = new Map<string, number>();
  #dropped = 0;

  get isEmpty(): boolean {
    return this.#found.size === 0;
  }

  /** A fault in a file, told once, however often what is wrong there is used. */
  add(at: FilePlace, message: string): void {
    this.#keep(at, `${formatFilePlace(at)}: ${message}`);
  }

  /** A fault of a whole file. */
  addFile(file: string, message: string): void {
    this.#keep({ file, line: 0, column: 0 }, `${file}: ${message}`);
  }

  #keep({ file, line, column }: FilePlace, text: string): void {
    // Each is one line, whatever it quotes.
    const message = text.replace(/[\r\n]+/g, " ");
    if (this.#found.has(message)) return;
    if (this.#found.size >= MAX_KEPT) {
      this.#dropped++;
      return;
    }
    const rank = this.#ranks.get(file) ?? this.#ranks.size;
    this.#ranks.set(file, rank);
    this.#found.set(message, { rank, line, column, message });
  }

  /** @throws INVALID_FILE, with a line for each fault, in the order of the files */
  throwIfAny(): void {
    if (this.isEmpty) return;
    const sorted = [...this.#found.values()].sort(
      (one, other) => one.rank - other.rank || one.line - other.line || one.column - other.column,
    );
    const lines = sorted.slice(0, MAX_SHOWN).map(({ message }) => message);
    const more = sorted.length + this.#dropped - lines.length;
    if (more > 0) lines.push(`and ${more} more`);
    throw new ManifestError("INVALID_FILE", lines.join("\n"), { hint: "nothing was sent" });
  }
}
