import type { Repository } from "../content/repository.js";
import { isLoopback } from "../go/loopback.js";
import { limitTo } from "../limit.js";
import { withAuth } from "./auth/authorize/withAuth.js";
import type { Credentials } from "./auth/credentials.js";
import { newAuthSession } from "./auth/session.js";
import { apiHost, isHost, protocols, withProtocol } from "./http/endpoint.js";
import { NotNeededError, type Send } from "./http/message.js";
import { withRedirects } from "./http/redirects.js";
import { either } from "../signals.js";
import type { TlsSettings } from "./http/tls.js";
import { createTransport, isBulk, type Timeouts } from "./http/transport.js";
import { PutMemory } from "./putMemory.js";
import { createRepository } from "./repository.js";
import type { RetryLimits } from "./retry/backoff.js";
import { DEFAULT_RETRIES } from "./retry/classify.js";
import { withRetry } from "./retry/retry.js";
import { createScopes, type Access } from "./scopes.js";
import { until } from "./until.js";
import { withEvents, type RegistryEvent } from "./wireEvents.js";

export type { Access } from "./scopes.js";
export type { RegistryEvent } from "./wireEvents.js";

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
  /** Requests under way at once. */
  readonly concurrency?: number;
  /** How many tries may follow the first; 0 for none. */
  readonly retries?: number;
  readonly retryLimits?: RetryLimits;
  readonly timeouts?: Partial<Timeouts>;
  /** Ends everything at once, even what cleans up; a session has a signal of its own, which is gentler. */
  readonly signal?: AbortSignal | undefined;
  readonly userAgent?: string;
  readonly onEvent?: (event: RegistryEvent) => void;
}

/**
 * Enough to send the blobs of a usual list in one round trip (six images of five blobs), and no more than what a
 * registry or the proxy before it takes from one client without slowing it down. See docs/performance.md.
 */
export const DEFAULT_CONCURRENCY = 32;

/** Blobs copied at once: each keeps a download and an upload busy. */
const MAX_COPIES = 4;

/** A registry client with its connections and its tokens, for as many pieces of work as there are. */
export interface RegistryClient {
  /** Begins one piece of work. */
  session(work: SessionOptions): RegistrySession;
  /** Ends the connections; what is under way is given up. */
  close(): Promise<void>;
}

/** One piece of work, such as a push: one token for all that it needs; refusals are remembered within it only. */
export interface RegistrySession {
  /** @param path within the registry, such as `library/app` */
  repository(path: string): Repository;
}

export interface SessionOptions {
  /** All that the work will need; the target first, since some token servers read no more. */
  readonly access: readonly Access[];
  /** Ends the work. Uploads that it leaves open are still given up. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The client of one registry, composed of one layer a concern, innermost first: transport, log, limit, protocol,
 * redirects, retries, authentication. Nothing is sent, read or asked for before the first operation.
 */
export async function createRegistry(options: RegistryOptions): Promise<RegistryClient> {
  const {
    insecure = false,
    plainHttp = false,
    concurrency = DEFAULT_CONCURRENCY,
    retries = DEFAULT_RETRIES,
    retryLimits: limits,
  } = options;
  const over = new AbortController();
  const signal = either(options.signal, over.signal);
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
  const allowPlainHttp = insecure || plainHttp;
  const found = withProtocol(
    limited(withEvents(transport.send, options.onEvent), concurrency),
    host,
    protocols(host, { insecure, plainHttp, hasCertificates: hasAny(certificates) }),
    transport.speaksTls,
  );
  const retried = withRetry(withRedirects(withSurroundings(found), allowPlainHttp), {
    retries,
    limits,
    signal,
    onRetry: ({ method, url }, attempt, delayMs, outcome) => {
      const why = "status" in outcome ? outcome.status : (outcome.errorCode ?? "no answer");
      options.onEvent?.({ kind: "retry", method, url, attempt, delayMs, why });
    },
  });
  const send = withAuth(retried, {
    host,
    credentials: options.credentials ?? (() => Promise.resolve(undefined)),
    insecure: allowPlainHttp,
    // A registry on the machine itself, or of plain HTTP, for which the user has no credentials: it wants none.
    optimistic: (credentials) =>
      credentials === undefined && (plainHttp || isLoopback(new URL(`https://${host}`).hostname)),
  });
  const copyLimit = limitTo(Math.min(MAX_COPIES, concurrency));
  const settings = { retries, limits, copyLimit, memory: new PutMemory() };

  function session(work: SessionOptions): RegistrySession {
    const scopes = createScopes(work.access);
    const authSession = newAuthSession(scopes.all);
    return {
      repository: (path) =>
        createRepository(
          {
            location: { kind: "registry", domain: options.domain, path },
            send: until(send, work.signal),
            url: (below) => new URL(`https://${host}/v2/${path}/${below}`),
            auth: (action, source) => ({
              auth: { scopes: scopes.of(path, action, source), session: authSession },
            }),
            allowPlainHttp,
          },
          settings,
        ),
    };
  }

  return {
    session,
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

/** What goes around a request goes around each try, as close to it as can be: it may send requests of its own. */
function withSurroundings(send: Send): Send {
  return ({ around, ...request }) => (around === undefined ? send(request) : around(() => send(request)));
}

/**
 * Bounds the requests under way, which HTTP/2 would leave to the server. Those that carry blobs are not counted, since
 * they take long and are bounded by whoever copies. What turns out not to be needed does not take its turn.
 */
function limited(send: Send, concurrency: number): Send {
  const limit = limitTo(concurrency);
  return (request) => {
    if (isBulk(request)) return send(request);
    return limit(() => {
      if (request.isNeeded?.() === false) return Promise.reject(new NotNeededError());
      return send(request);
    });
  };
}
