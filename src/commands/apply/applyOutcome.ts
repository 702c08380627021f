import { targetName } from "../../apply/results.js";
import type { PreparedList } from "../../apply/prepareLists.js";
import { ManifestError } from "../../errors.js";
import { failedTable } from "../../ui/failedTable.js";
import type { ListResult } from "../../ui/listResult.js";
import { counted } from "../../ui/text.js";

/** What became of all lists together. */
export class ApplyOutcome {
  readonly #total: number;
  /** By the target of a list, which of the file it is. */
  readonly #places: ReadonlyMap<string, number>;
  readonly #results: ListResult[] = [];
  readonly #failed: ListResult[] = [];
  #done = 0;

  constructor(lists: readonly PreparedList[]) {
    this.#total = lists.length;
    this.#places = new Map(lists.map(({ order, place }) => [targetName(order.targets), place]));
  }

  /** @param isKept for {@link results}: of thousands of lists only what somebody asks for */
  add(result: ListResult, isKept: boolean): void {
    if (isKept) this.#results.push(result);
    if (result.status === "failed") this.#failed.push(result);
    else this.#done++;
  }

  /** In the order in which they were done. */
  get results(): readonly ListResult[] {
    return this.#results;
  }

  /** Undefined where all lists are as they should be. */
  failure(notBegun: number): ManifestError | undefined {
    const { length: count } = this.#failed;
    if (count === 0) return undefined;
    const lines = [
      `${count} of ${counted(this.#total, "list")} failed:`,
      failedTable(this.#inFileOrder()),
      ...(notBegun === 0 ? [] : [`${notBegun} were not begun (--fail-fast)`]),
    ];
    return new ManifestError("LISTS_FAILED", lines.join("\n"), { hint: this.#rest() });
  }

  /** How far it came until the user stopped it. */
  interruption(): ManifestError {
    const moving = this.#failed.filter(
      ({ error }) => error?.code === "INTERRUPTED" && error.hint !== undefined,
    );
    const others = moving.map(({ target }) => `\n  ${target}: the tags were about to move`);
    const message = `${this.#done} of ${counted(this.#total, "list")} are as they should be${others.join("")}`;
    return new ManifestError("STOPPED", message);
  }

  #rest(): string {
    if (this.#done === 0) return "when that is fixed, run it again";
    const rest = this.#done === 1 ? "1 list is as it should be" : `${this.#done} lists are as they should be`;
    return `${rest}: when that is fixed, run it again, and it goes on with the others`;
  }

  #inFileOrder(): readonly ListResult[] {
    const placeOf = ({ target }: ListResult): number => this.#places.get(target) ?? 0;
    return [...this.#failed].sort((one, other) => placeOf(one) - placeOf(other));
  }
}
