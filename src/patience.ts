import { either } from "./signals.js";

/** How long a registry is waited for that says nothing, in milliseconds, where what is shown can do without it. */
export const PATIENCE_MS = 10_000;

/** Ends a wait in which nothing has happened for long. */
export class Patience {
  /** Aborted when it is at an end, or when the user has interrupted the work. */
  readonly signal: AbortSignal;
  readonly #ms: number;
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout;

  constructor(ms: number, interrupted: AbortSignal | undefined) {
    this.#ms = ms;
    this.signal = either(interrupted, this.#controller.signal);
    this.#timer = this.#begin();
  }

  /** Is it at an end? */
  get isOver(): boolean {
    return this.#controller.signal.aborted;
  }

  /** Something has happened. */
  renew(): void {
    clearTimeout(this.#timer);
    if (!this.isOver) this.#timer = this.#begin();
  }

  /** Nothing is waited for any longer. */
  end(): void {
    clearTimeout(this.#timer);
  }

  #begin(): NodeJS.Timeout {
    return setTimeout(() => {
      this.#controller.abort(new DOMException("no answer in time", "TimeoutError"));
    }, this.#ms);
  }
}
