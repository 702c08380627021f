import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";

/** A request as the routes see it: the same for HTTP/1.1 and HTTP/2. */
export interface Call {
  readonly method: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
  /** `https://host:port` as the client addressed this server. */
  readonly origin: string;
}

/** The bytes announced by Content-Length, if it was sent. */
export function contentLength(call: Call): number | undefined {
  const value = call.headers["content-length"];
  return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;
}
