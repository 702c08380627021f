/** What the puts of one client have to know of each other, for as long as the client is there. */
export class PutMemory {
  #knowsTags = true;
  readonly #last = new Map<string, Promise<void>>();

  /** Does the registry set tags that are in the query of a PUT by digest (`?tag=`), as far as is known? */
  get knowsTagParameter(): boolean {
    return this.#knowsTags;
  }

  /** It does not. */
  forgoTagParameter(): void {
    this.#knowsTags = false;
  }

  /** One piece of work after another for each key. */
  async inTurn(key: string, work: () => Promise<void>): Promise<void> {
    const turn = (this.#last.get(key) ?? Promise.resolve()).then(work, work);
    this.#last.set(key, turn);
    try {
      await turn;
    } finally {
      if (this.#last.get(key) === turn) this.#last.delete(key);
    }
  }
}
