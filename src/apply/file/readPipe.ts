import { close, constants, open } from "node:fs";
import { Socket } from "node:net";
import type { Readable } from "node:stream";
import { promisify } from "node:util";

/**
 * Opens a FIFO, as `mkfifo` and `<(…)` make them, and does not wait for somebody who writes to it: that would be done in a
 * thread that no signal ends, and the process with it. Its end is where the last one who writes has closed it; nothing
 * is read until the first one has come.
 * @throws Node's errors if it cannot be opened
 */
export async function openPipe(path: string): Promise<Readable> {
  const fd = await promisify(open)(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return new Socket({ fd, readable: true, writable: false });
  } catch (error) {
    await promisify(close)(fd);
    throw error;
  }
}
