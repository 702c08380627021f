import { setMaxListeners } from "node:events";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import { Client, Pool, ProxyAgent, type Dispatcher } from "undici";
import { decode, encodingOf } from "./contentEncoding.js";
import type { HttpRequest, HttpResponse, Send } from "./message.js";
import { ManifestError } from "../../errors.js";
import { createTls, handingOver, type TlsSettings } from "./tls.js";
import { TransportError } from "./transportError.js";

/**
 * The innermost layer: one request on one connection, over undici. Connections are shared and kept alive; HTTP/2
 * where the server offers it.
 */
export interface TransportOptions {
  /**
   * Connections to a host over HTTP/1.1, and requests under way at once over HTTP/2. The bodies of blobs have connections
   * of their own: an upload that waits for a download must never keep it from going on.
   */
  readonly concurrency: number;
  /** What TLS should trust and show for a host (`name[:port]`). */
  readonly tls: (host: string) => Promise<TlsSettings>;
  /** What the machine trusts besides Node's own list, PEM. Asked when that list is not enough. */
  readonly roots: () => Promise<readonly string[]>;
  /** The proxy for a URL, if any. */
  readonly proxyFor: (url: URL) => URL | undefined;
  readonly userAgent: string;
  readonly signal?: AbortSignal | undefined;
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

/** Manifests may have 4 MiB; nothing else that is read whole is larger. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;
const MAX_HEADER_BYTES = 64 * 1024;
const KEEP_ALIVE_MS = 30_000;

export interface Transport {
  readonly send: Send;
  /** Does a server that speaks TLS answer there? */
  readonly speaksTls: (host: string) => Promise<boolean>;
  readonly close: () => Promise<void>;
}

/** Makes the innermost layer. `close` ends its connections. */
export function createTransport(options: TransportOptions): Transport {
  const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
  const dispatchers = new Map<string, Promise<Dispatcher>>();
  /** Those that were opened here; one that no request ever took is not the dispatchers' to close. */
  const opened: Socket[] = [];
  const tls = createTls({
    settings: options.tls,
    roots: options.roots,
    timeout: timeouts.connect,
    signal: options.signal,
  });
  // Every request under way listens to the one signal; that many are no leak.
  if (options.signal !== undefined) setMaxListeners(0, options.signal);

  const common = {
    maxHeaderSize: MAX_HEADER_BYTES,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
  };

  function dispatcherFor(url: URL, bulk: boolean): Promise<Dispatcher> {
    const name = bulk ? `bulk ${url.origin}` : url.origin;
    const known = dispatchers.get(name);
    if (known !== undefined) return known;
    const made = makeDispatcher(url, bulk);
    dispatchers.set(name, made);
    // A failed first connection must not be remembered: the next try makes its own.
    made.catch(() => dispatchers.delete(name));
    return made;
  }

  async function makeDispatcher(url: URL, bulk: boolean): Promise<Dispatcher> {
    const proxy = options.proxyFor(url);
    const secure = url.protocol === "https:";
    const connections = bulk ? null : options.concurrency;
    const timeout = timeouts.connect;
    if (proxy !== undefined) {
      return new ProxyAgent({
        ...common,
        uri: proxy.href,
        connections,
        proxyTunnel: secure,
        proxyTls: { timeout },
        ...(secure && { requestTls: { ...(await tls.trustingAll(url.host)), timeout } }),
      });
    }
    if (!secure) return new Pool(url.origin, { ...common, connections, connect: { timeout } });
    // The first connection tells whether the server speaks HTTP/2. Only then is it known how many are wanted.
    // undici sends a streamed body over HTTP/2 only when nothing else is under way: those go by HTTP/1.1.
    const first = await tls.connect(url, bulk ? ["http/1.1"] : ["h2", "http/1.1"]);
    opened.push(first.socket);
    if (first.socket.alpnProtocol === "h2") {
      return new Client(url.origin, {
        ...common,
        allowH2: true,
        pipelining: options.concurrency,
        maxConcurrentStreams: options.concurrency,
        connect: handingOver(first, timeout, true),
      });
    }
    return new Pool(url.origin, { ...common, connections, connect: handingOver(first, timeout, false) });
  }

  async function send(request: HttpRequest): Promise<HttpResponse> {
    const { url, method } = request;
    const signal = either(options.signal, request.signal);
    signal?.throwIfAborted();
    try {
      const dispatcher = await dispatcherFor(url, isBulk(request));
      const body = bodyOf(request);
      const response = await dispatcher.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method,
        headers: {
          "user-agent": options.userAgent,
          "accept-encoding": "identity",
          ...(request.body !== undefined && { "content-length": String(lengthOf(request.body)) }),
          ...request.headers,
        },
        // Here and not where connections are made, because a proxy's dispatcher does not pass them on.
        headersTimeout: timeouts.headers,
        bodyTimeout: timeouts.stall,
        ...(body !== undefined && { body }),
        ...(signal && { signal }),
        // Whether a request may be repeated is the retry layer's business. Here it only lets HTTP/2 send several
        // POSTs at once.
        idempotent: true,
        // undici would close the connection behind every HEAD, for the sake of servers that send a body there.
        reset: false,
      });
      const answer = { status: response.statusCode, headers: response.headers, url, redirected: false };
      if (request.stream === true && response.statusCode < 300) {
        return { ...answer, body: Buffer.alloc(0), stream: response.body };
      }
      const encoding = method === "HEAD" ? undefined : encodingOf(answer);
      const bytes = encoding === undefined ? response.body : decode(response.body, encoding, url.host);
      return { ...answer, body: await readAll(bytes, request.maxBytes ?? MAX_BODY_BYTES, request) };
    } catch (error) {
      signal?.throwIfAborted();
      throw error instanceof ManifestError ? error : new TransportError(method, url, error);
    }
  }

  async function close(): Promise<void> {
    const made = await Promise.allSettled(dispatchers.values());
    // Whatever is still under way is not wanted any more.
    await Promise.all(
      made.map(async (one) => {
        if (one.status === "fulfilled") await one.value.destroy();
      }),
    );
    for (const socket of opened) socket.destroy();
  }

  return { send, speaksTls: tls.speaks, close };
}

function either(one: AbortSignal | undefined, other: AbortSignal | undefined): AbortSignal | undefined {
  return one === undefined || other === undefined ? (one ?? other) : AbortSignal.any([one, other]);
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

async function readAll(body: Readable, maxBytes: number, request: HttpRequest): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of body) {
    if (!Buffer.isBuffer(piece)) continue;
    length += piece.byteLength;
    if (length > maxBytes) {
      body.destroy();
      throw new TransportError(
        request.method,
        request.url,
        undefined,
        `the answer is larger than ${maxBytes} bytes`,
      );
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
