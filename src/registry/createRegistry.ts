import { isLoopback } from "../go/loopback.js";
import type { Credentials } from "./auth/credentials.js";
import { limitTo } from "../limit.js";
import { withAuth } from "./auth/auth.js";
import { apiHost, isHost, protocols, withProtocol } from "./http/endpoint.js";
import { headers, type Method, type Send } from "./http/message.js";
import { registryOperations, type Registry } from "./api.js";
import { withRedirects } from "./http/redirects.js";
import { withRetry } from "./retry/retry.js";
import { DEFAULT_RETRIES, type RetryLimits } from "./retry/retryDelay.js";
import type { TlsSettings } from "./http/tls.js";
import { createTransport, isBulk, type Timeouts } from "./http/transport.js";
import { TransportError } from "./http/transportError.js";

export interface RegistryOptions {
  /** The domain of a reference: `docker.io`, `registry.example:5000`. */
  readonly domain: string;
  /** HTTPS without verification, then plain HTTP. */
  readonly insecure?: boolean;
  /** Plain HTTP and nothing else. */
  readonly plainHttp?: boolean;
  /** What the user has for this domain; anonymous without. */
  readonly credentials?: () => Promise<Credentials | undefined>;
  /** Certificates for a host (`name[:port]`), besides the usual ones. */
  readonly certificates?: (host: string) => Promise<Omit<TlsSettings, "verify">>;
  /** What the machine trusts, besides Node's own list: PEM. Asked only for HTTPS. */
  readonly roots?: () => Promise<readonly string[]>;
  readonly proxyFor?: (url: URL) => URL | undefined;
  /** All scopes that the run will need, target first, so that one token does. */
  readonly scopes?: readonly string[];
  /** Requests under way at once. */
  readonly concurrency?: number;
  /** How many tries may follow the first; 0 for none. */
  readonly retries?: number;
  readonly retryLimits?: RetryLimits;
  readonly timeouts?: Partial<Timeouts>;
  readonly signal?: AbortSignal | undefined;
  readonly userAgent?: string;
  readonly onEvent?: (event: RegistryEvent) => void;
}

/**
 * What happens below the operations, for a log and for warnings. No headers and no bodies, where tokens and passwords
 * are; the URLs are as they were sent, and some are signed: show them by `shownUrl`.
 */
export type RegistryEvent =
  | {
      readonly kind: "exchange";
      readonly method: Method;
      readonly url: URL;
      readonly ms: number;
      /** The status of the answer, or why there is none. */
      readonly result: number | Error;
    }
  | {
      readonly kind: "retry";
      readonly method: Method;
      readonly url: URL;
      readonly attempt: number;
      readonly delayMs: number;
      /** The status of the answer, or the code of the error. */
      readonly why: number | string;
    }
  /** The text of a `Warning: 299` header. */
  | { readonly kind: "warning"; readonly host: string; readonly text: string };

/**
 * Enough to send the blobs of a usual list in one round trip (six images of five blobs), and no more than what a
 * registry or the proxy before it takes from one client without slowing it down. See docs/performance.md.
 */
export const DEFAULT_CONCURRENCY = 32;

/** A registry client with its connections. */
export interface RegistryClient extends Registry {
  /** Ends the connections; what is under way is given up. */
  close(): Promise<void>;
}

/**
 * The client of one registry, composed of one layer a concern, innermost first: transport, log, protocol, redirects,
 * retries, authentication. Nothing is sent, read or asked for before the first operation.
 */
export async function createRegistry(options: RegistryOptions): Promise<RegistryClient> {
  const { insecure = false, plainHttp = false } = options;
  const over = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, over.signal]) : over.signal;
  const concurrency = options.concurrency ?? DEFAULT_CONCURRENCY;
  const host = apiHost(options.domain);
  const certificates = await options.certificates?.(host);
  const transport = createTransport({
    concurrency,
    tls: async (at) => {
      const own = isHost(new URL(`https://${at}`), host) ? certificates : await options.certificates?.(at);
      return { ...own, verify: !insecure };
    },
    roots: options.roots ?? (() => Promise.resolve([])),
    proxyFor: options.proxyFor ?? (() => undefined),
    userAgent: options.userAgent ?? "tsmanifest",
    signal,
    ...(options.timeouts && { timeouts: options.timeouts }),
  });
  const logged = withEvents(limited(transport.send, concurrency), options.onEvent);
  const found = withProtocol(
    logged,
    host,
    protocols(host, { insecure, plainHttp, hasCertificates: hasAny(certificates) }),
    transport.speaksTls,
  );
  const retried = withRetry(withRedirects(found, insecure || plainHttp), {
    retries: options.retries ?? DEFAULT_RETRIES,
    limits: options.retryLimits,
    signal,
    onRetry: (request, attempt, delayMs, outcome) =>
      options.onEvent?.({
        kind: "retry",
        method: request.method,
        url: request.url,
        attempt,
        delayMs,
        why: "status" in outcome ? outcome.status : (outcome.errorCode ?? "no answer"),
      }),
  });
  const send = withAuth(retried, {
    host,
    credentials: options.credentials ?? (() => Promise.resolve(undefined)),
    scopes: options.scopes ?? [],
    insecure: insecure || plainHttp,
    // A registry on the machine itself, or of plain HTTP, for which the user has no credentials: it wants none.
    optimistic: (credentials) =>
      credentials === undefined && (plainHttp || isLoopback(new URL(`https://${host}`).hostname)),
  });
  return {
    ...registryOperations(host, send, { allowPlainHttp: insecure || plainHttp }),
    close: async () => {
      // What waits for its next try must not wait in vain.
      over.abort();
      await transport.close();
    },
  };
}

function hasAny(certificates: Omit<TlsSettings, "verify"> | undefined): boolean {
  return (certificates?.ca?.length ?? 0) > 0 || (certificates?.cert?.length ?? 0) > 0;
}

/** Bounds the requests under way, which HTTP/2 would leave to the server. Whoever copies blobs bounds that. */
function limited(send: Send, concurrency: number): Send {
  const limit = limitTo(concurrency);
  return (request) => (isBulk(request) ? send(request) : limit(() => send(request)));
}

/** The layer that tells what was sent and what came back, and passes on the server's warnings, once each. */
function withEvents(send: Send, onEvent: RegistryOptions["onEvent"]): Send {
  if (onEvent === undefined) return send;
  const told = new Set<string>();
  return async (request) => {
    // Not performance.now(): what that loads delays the first request.
    const start = Date.now();
    const tell = (result: number | Error): void => {
      onEvent({ kind: "exchange", method: request.method, url: request.url, ms: Date.now() - start, result });
    };
    try {
      const response = await send(request);
      tell(response.status);
      for (const text of headers(response, "warning").flatMap(warningText)) {
        if (told.size < MAX_WARNINGS && !told.has(text))
          onEvent({ kind: "warning", host: request.url.host, text });
        told.add(text);
      }
      return response;
    } catch (error) {
      if (error instanceof TransportError) tell(error);
      throw error;
    }
  };
}

const MAX_WARNINGS = 20;

/** https://github.com/opencontainers/distribution-spec/blob/main/spec.md#warnings */
function warningText(value: string): string[] {
  const text = /^299 - "((?:[^"\\]|\\.)*)"/.exec(value)?.[1];
  return text === undefined ? [] : [text.replaceAll(/\\(.)/g, "$1").slice(0, 512)];
}
