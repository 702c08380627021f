import type { Readable } from "node:stream";

/** The client went away before its request was complete; there is nobody to answer. */
export class ClientGone extends Error {
  override readonly name = "ClientGone";
}

/**
 * Hands every chunk of a request's body to `onChunk`. What `onChunk` throws ends the reading, and the rest of the
 * body is read and dropped, so that the connection stays usable (leaving a `for await` would destroy it).
 */
export function readChunks(body: Readable, onChunk: (chunk: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      body.off("data", take).off("end", end).off("aborted", gone).off("close", gone);
      act();
    };
    const take = (chunk: Buffer): void => {
      try {
        onChunk(chunk);
      } catch (error) {
        settle(() => {
          body.resume();
          reject(error instanceof Error ? error : new Error(String(error)));
        });
      }
    };
    const end = (): void => {
      settle(resolve);
    };
    const gone = (): void => {
      settle(() => {
        reject(new ClientGone("the client closed the connection"));
      });
    };
    body.on("error", gone).on("aborted", gone).on("close", gone).on("end", end).on("data", take);
  });
}

/** The whole body, or undefined when it is longer than `limit` bytes. */
export async function readBody(body: Readable, limit: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  await readChunks(body, (chunk) => {
    size += chunk.byteLength;
    if (size <= limit) chunks.push(chunk);
  });
  return size > limit ? undefined : Buffer.concat(chunks, size);
}
