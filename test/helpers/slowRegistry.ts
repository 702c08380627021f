import { createServer } from "node:http";
import { createTestRegistry, type TestRegistry, type TestRegistryOptions } from "../../src/testing/index.js";

/** A registry that sends no more than a part of each blob, until it is told to go on. */
export interface SlowRegistry {
  readonly registry: TestRegistry;
  /** `127.0.0.1:43211` */
  readonly host: string;
  /** Sends the rest of all blobs, and of those that are asked for from now on all at once. */
  goOn(): void;
  /** Waits until so many of the blobs have been asked for. */
  asked(count: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * @param share of a blob that is sent at first, 0 to 1
 * @param blobs the contents by their digests; others are sent whole
 */
export async function startSlowRegistry(
  share: number,
  blobs: ReadonlyMap<string, Uint8Array>,
  options: TestRegistryOptions = {},
): Promise<SlowRegistry> {
  const registry = createTestRegistry(options);
  let goOn = (): void => undefined;
  const isToGoOn = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  let count = 0;
  const waiting = new Set<() => void>();
  const asked = async (wanted: number): Promise<void> => {
    while (count < wanted) await new Promise<void>((resolve) => waiting.add(resolve));
  };
  const server = createServer((request, response) => {
    const digest = /\/blobs\/(sha256:[0-9a-f]{64})$/.exec(request.url ?? "")?.[1] ?? "";
    const content = request.method === "GET" ? blobs.get(digest) : undefined;
    if (content === undefined) {
      registry.handler(request, response);
      return;
    }
    count++;
    for (const look of waiting) look();
    waiting.clear();
    const part = Math.floor(content.byteLength * share);
    response.writeHead(200, { "content-length": content.byteLength });
    response.write(content.subarray(0, part));
    void isToGoOn.then(() => response.end(content.subarray(part)));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  return {
    registry,
    host: `127.0.0.1:${port}`,
    goOn: () => {
      goOn();
    },
    asked,
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => {
          resolve();
        });
      }),
  };
}
