import type { Readable } from "node:stream";
import type { Method } from "./message.js";

/** What both versions of HTTP do for the transport: a request goes out, the head and the body of its answer come back. */

/** A request to one origin. */
export interface Sent {
  readonly method: Method;
  /** With its query. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer | string | Readable;
  readonly signal?: AbortSignal;
  /** Until the answer begins, and between two pieces of its body; in milliseconds. */
  readonly headersTimeout: number;
  readonly bodyTimeout: number;
}

export interface Received {
  readonly statusCode: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Errs if the answer is cut short. */
  readonly body: Readable;
}

/** The connections to one origin. */
export interface Connections {
  request(sent: Sent): Promise<Received>;
  /** Ends them; what is under way is given up. */
  destroy(): Promise<void>;
}
