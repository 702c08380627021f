import type { Socket } from "node:net";

/**
 * Connections that are opened before anybody asks for them. Who asks is given one of these first; none keeps the program
 * running that nobody has asked for.
 */
export class SpareSockets {
  readonly #open: () => Promise<Socket>;
  readonly #spares = new Set<Promise<Socket>>();

  /** @param open how a connection is opened */
  constructor(open: () => Promise<Socket>) {
    this.#open = open;
  }

  /** Begins to open so many more. One that fails is as if it had never been: whoever needs one meets the error. */
  open(count: number): void {
    for (let opened = 0; opened < count; opened++) {
      const opening = this.#open();
      opening.catch(() => {
        this.#spares.delete(opening);
      });
      this.add(opening);
    }
  }

  /** Adds one that is for who asks next, with its error if it fails. */
  add(opening: Promise<Socket> = this.#open()): void {
    this.#spares.add(opening);
    opening.then(
      (socket) => {
        if (this.#spares.has(opening)) socket.unref();
      },
      () => undefined,
    );
  }

  /** A connection: one that is there or on its way, or else a new one. */
  async take(): Promise<Socket> {
    for (const opening of this.#spares) {
      this.#spares.delete(opening);
      const socket = await opening;
      if (isAlive(socket)) return socket.ref();
    }
    return this.#open();
  }

  /** Ends those that nobody has taken. */
  close(): void {
    for (const opening of this.#spares) {
      this.#spares.delete(opening);
      opening.then(
        (socket) => socket.destroy(),
        () => undefined,
      );
    }
  }
}

/** The other side may have ended it while nobody listened. */
function isAlive(socket: Socket): boolean {
  return !socket.destroyed && !socket.readableEnded && socket.writable;
}
