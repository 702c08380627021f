/** Some who wait, in the order in which they came. Whoever has gone meanwhile is passed over, at no cost to the others. */
export class Line<Waiting extends { readonly isGone: boolean }> {
  #waiting: Waiting[] = [];
  /** How many at the beginning are not in line any more. */
  #past = 0;

  get isEmpty(): boolean {
    return this.first() === undefined;
  }

  first(): Waiting | undefined {
    for (; this.#past < this.#waiting.length; this.#past++) {
      const first = this.#waiting[this.#past];
      if (first?.isGone === false) return first;
    }
    this.clear();
    return undefined;
  }

  add(one: Waiting): void {
    if (this.#past > 1000 && this.#past > this.#waiting.length / 2) {
      this.#waiting = this.#waiting.slice(this.#past);
      this.#past = 0;
    }
    this.#waiting.push(one);
  }

  all(): readonly Waiting[] {
    return this.#waiting.slice(this.#past).filter(({ isGone }) => !isGone);
  }

  clear(): void {
    if (this.#waiting.length > 0) this.#waiting = [];
    this.#past = 0;
  }
}
