import { setMaxListeners } from "node:events";
import { Readable } from "node:stream";
import { Pieces, TooLargeError } from "./connections.js";
import { decode, encodingOf } from "./contentEncoding.js";
import { shownUrl, type HttpRequest, type HttpResponse, type Send } from "./message.js";
import { ManifestError } from "../../errors.js";
import { createNetwork, type NetworkOptions } from "./network.js";
import { either } from "../../signals.js";
import { TransportError } from "./transportError.js";

/** The innermost layer: one request, one answer. */
export interface TransportOptions extends Omit<NetworkOptions, "timeout"> {
  readonly userAgent: string;
  readonly timeouts?: Partial<Timeouts>;
}

/** In milliseconds. */
export interface Timeouts {
  /** TCP and TLS. docker's is 30 s. */
  readonly connect: number;
  /** From the last byte sent to the first byte of the answer. */
  readonly headers: number;
  /** Between two pieces of a body. */
  readonly stall: number;
}

export const DEFAULT_TIMEOUTS: Timeouts = { connect: 30_000, headers: 60_000, stall: 60_000 };

const EMPTY = Buffer.alloc(0);

/** Manifests may have 4 MiB; nothing else that is read whole is larger. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

export interface Transport {
  readonly send: Send;
  /** Begins to open connections; see `Network.connectAhead`. */
  readonly connectAhead: (url: URL, count: number) => void;
  /** Does a server that speaks TLS answer there? */
  readonly speaksTls: (host: string) => Promise<boolean>;
  readonly close: () => Promise<void>;
}

/** Makes the innermost layer. `close` ends its connections. */
export function createTransport({ userAgent, timeouts, ...options }: TransportOptions): Transport {
  const { connect, headers: headersTimeout, stall: bodyTimeout } = { ...DEFAULT_TIMEOUTS, ...timeouts };
  const network = createNetwork({ ...options, timeout: connect });
  /** The hosts that have answered: their certificates are not the matter, whatever fails later. */
  const answered = new Set<string>();
  // Every connection that is being opened listens to the one signal; that many are no leak.
  if (options.signal !== undefined) setMaxListeners(0, options.signal);

  async function send(request: HttpRequest): Promise<HttpResponse> {
    const { url, method } = request;
    const signal = either(options.signal, request.signal);
    signal?.throwIfAborted();
    try {
      const connections = await network.connectionsTo(url, isBulk(request));
      const body = bodyOf(request);
      const maxBytes = request.stream === true ? undefined : (request.maxBytes ?? MAX_BODY_BYTES);
      const received = await connections.request({
        method,
        path: url.pathname + url.search,
        headers: headersOf(request, userAgent),
        headersTimeout,
        bodyTimeout,
        maxBytes,
        signal,
        onSent: request.onSent,
        ...(body !== undefined && { body }),
      });
      answered.add(url.host);
      const { statusCode: status, headers } = received;
      const answer = { status, headers, url, redirected: false };
      if (maxBytes === undefined && status < 300) {
        return { ...answer, body: EMPTY, stream: asStream(received.body) };
      }
      const encoding = method === "HEAD" ? undefined : encodingOf(answer);
      if (encoding === undefined && Buffer.isBuffer(received.body)) return { ...answer, body: received.body };
      const bytes = asStream(received.body);
      const decoded = encoding === undefined ? bytes : decode(bytes, encoding, url.host);
      return { ...answer, body: await readAll(decoded, maxBytes ?? MAX_BODY_BYTES) };
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof ManifestError) throw error;
      if (error instanceof TooLargeError) throw tooLarge(request);
      const cause = answered.has(url.host) ? error : await network.explain(url, error);
      throw new TransportError(method, url, cause);
    }
  }

  const { connectAhead, speaksTls, close } = network;
  return { send, connectAhead, speaksTls, close };
}

/** Does it send or fetch a blob, piece by piece? */
export function isBulk({ body, stream }: HttpRequest): boolean {
  return stream === true || (body !== undefined && typeof body !== "string" && !Buffer.isBuffer(body));
}

function lengthOf(body: NonNullable<HttpRequest["body"]>): number {
  if (typeof body === "string") return Buffer.byteLength(body);
  return Buffer.isBuffer(body) ? body.byteLength : body.length;
}

function bodyOf({ body }: HttpRequest): Buffer | string | Readable | undefined {
  if (body === undefined || typeof body === "string" || Buffer.isBuffer(body)) return body;
  const opened = body.open();
  return opened instanceof Readable ? opened : Readable.from(opened, { objectMode: false });
}

function headersOf({ body, headers }: HttpRequest, userAgent: string): Readonly<Record<string, string>> {
  const always = { "user-agent": userAgent, "accept-encoding": "identity" };
  return body === undefined
    ? { ...always, ...headers }
    : { ...always, "content-length": String(lengthOf(body)), ...headers };
}

function asStream(body: Buffer | Readable): Readable {
  return Buffer.isBuffer(body) ? Readable.from([body], { objectMode: false }) : body;
}

async function readAll(body: Readable, maxBytes: number): Promise<Buffer> {
  const pieces = new Pieces(maxBytes);
  // Whoever ends the loop ends the stream.
  for await (const piece of body) if (Buffer.isBuffer(piece)) pieces.add(piece);
  return pieces.whole();
}

function tooLarge({ method, url, maxBytes = MAX_BODY_BYTES }: HttpRequest): ManifestError {
  const where = shownUrl(url);
  return new ManifestError("LIMIT", `the answer is larger than ${maxBytes} bytes (${method} ${where})`, {
    subject: where,
    hint: "that is more than any manifest may have: check what the name stands for",
  });
}
