import { TransportError } from "../../http/transportError.js";
import { isSilence } from "../../retry/silence.js";

/**
 * Lets one go ahead while the others wait for what it finds out. Once it is open, all go at once.
 */
export class Gate {
  #isOpen = false;
  #first: Promise<TransportError | undefined> | undefined;

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /**
   * Runs the work when its turn has come. It opens the gate as soon as it knows that nobody needs to wait any more; if it
   * ends without, the next one goes ahead. Where nobody can be reached, those who were waiting fail alike: none of them
   * needs to find that out once more, with all the retries.
   *
   * @param isShared would it be the same for all who wait?
   */
  async pass<Result>(
    work: (open: () => void) => Promise<Result>,
    isShared: (failure: TransportError) => boolean = isUnreachable,
  ): Promise<Result> {
    while (!this.#isOpen && this.#first !== undefined) {
      const unreachable = await this.#first;
      if (unreachable !== undefined) throw unreachable;
    }
    if (this.#isOpen) return work(() => undefined);
    let end: (failure?: TransportError) => void = () => undefined;
    this.#first = new Promise((resolve) => (end = resolve));
    const open = (): void => {
      this.#isOpen = true;
      end();
    };
    let failure: TransportError | undefined;
    try {
      return await work(open);
    } catch (error) {
      if (error instanceof TransportError && isShared(error)) failure = error;
      throw error;
    } finally {
      this.#first = undefined;
      end(failure);
    }
  }
}

/** Would any other request fail the same way? A connection that breaks says nothing about others. */
function isUnreachable(failure: TransportError): boolean {
  return !isSilence(failure);
}
