import { formatLocation, type Location } from "../oci/location.js";
import type { PushEvent } from "../push/execute.js";
import type { Plan } from "../push/plan.js";
import { readableSize } from "./terminal/words.js";
import { counted } from "./text.js";

/** What is worth saying of pushes when they are over, on a terminal or not. */
export class TransferSummary {
  readonly #isQuiet: boolean;
  readonly #isSeen: () => boolean;
  readonly #unchanged: Location[] = [];
  readonly #copied: { readonly size: number; readonly from: Location }[] = [];
  readonly #kept: string[] = [];
  #targets: readonly Location[] = [];

  /**
   * @param isQuiet warnings alone
   * @param isSeen does a person look at it, who would wonder why it was over so soon?
   */
  constructor({ isQuiet, isSeen }: { readonly isQuiet: boolean; readonly isSeen: () => boolean }) {
    this.#isQuiet = isQuiet;
    this.#isSeen = isSeen;
  }

  expect(plans: readonly Plan[]): void {
    this.#targets = [...this.#targets, ...plans.map(({ target }) => target)];
  }

  onEvent(event: PushEvent): void {
    if (event.kind === "kept") this.#kept.push(event.tag);
    if (event.kind === "unchanged") this.#unchanged.push(event.target);
    if (event.kind !== "blob" || event.outcome.kind !== "copied") return;
    this.#copied.push({ size: event.blob.size, from: event.outcome.source });
  }

  /**
   * Tags that were left as they are; what was copied, since that takes what a mount does not: time and traffic; and, to a
   * person, that there was nothing to do.
   */
  get text(): string | undefined {
    const lines = this.#kept.map(
      (tag) => `WARNING: ${tag} is something else in the target already, and was left as it is`,
    );
    if (this.#copied.length > 0 && !this.#isQuiet) {
      const size = readableSize(this.#copied.reduce((sum, blob) => sum + blob.size, 0));
      const from = [...new Set(this.#copied.map((blob) => formatLocation(blob.from)))].join(", ");
      const count = counted(this.#copied.length, "blob");
      lines.push(
        `copied ${count} (${size})${this.#couldMount ? " that could not be mounted" : ""}, from ${from}`,
      );
    }
    if (this.#unchanged.length > 0 && !this.#isQuiet && this.#isSeen())
      lines.push(`${this.#unchanged.map(formatLocation).join(", ")}: unchanged, everything was there`);
    return lines.length === 0 ? undefined : lines.join("\n");
  }

  /** Was everything copied within one registry, where a mount would have done? */
  get #couldMount(): boolean {
    const places = [...this.#targets, ...this.#copied.map(({ from }) => from)];
    const domains = places.map((place) => (place.kind === "registry" ? place.domain : undefined));
    return domains.every((domain) => domain !== undefined && domain === domains[0]);
  }
}
