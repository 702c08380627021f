import { pipeline, type Readable, type Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { ManifestError } from "../../errors.js";
import { header, type HttpResponse } from "./message.js";

/**
 * Bodies that a server or a proxy on the way has compressed although nobody asked for it. A digest is that of the
 * decoded bytes.
 * https://www.rfc-editor.org/rfc/rfc9110#section-8.4
 */

const DECODERS = new Map<string, () => Transform>([
  ["gzip", () => createGunzip()],
  ["x-gzip", () => createGunzip()],
  ["deflate", () => createInflate()],
  ["br", () => createBrotliDecompress()],
]);

/** How an answer's body is encoded, in lower case; undefined where it is as it should be. */
export function encodingOf(response: Pick<HttpResponse, "headers">): string | undefined {
  const encoding = header(response, "content-encoding")?.trim().toLowerCase() ?? "";
  return encoding === "" || encoding === "identity" ? undefined : encoding;
}

/**
 * The decoded bytes. The caller must limit how many it reads: a few encoded bytes can stand for very many.
 * @throws ManifestError for an encoding that is not known, or that is several in one another
 */
export function decode(body: Readable, encoding: string, host: string): Readable {
  const decoder = DECODERS.get(encoding)?.();
  if (decoder === undefined) {
    // It tells of its end as of an error, which nobody listens for.
    body.on("error", () => undefined).destroy();
    throw new ManifestError(
      "INVALID_ANSWER",
      `${host} sent a body that is encoded as ${JSON.stringify(encoding.slice(0, 40))}`,
    );
  }
  // Whoever reads the decoder learns of either's error.
  return pipeline(body, decoder, () => undefined);
}
