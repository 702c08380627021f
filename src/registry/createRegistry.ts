import type { Repository } from "../content/repository.js";
import { ManifestError } from "../errors.js";
import { isLoopback } from "../go/loopback.js";
import { limitTo } from "../limit.js";
import type { ChallengeMemory } from "./auth/authorize/recollection.js";
import { withAuth } from "./auth/authorize/withAuth.js";
import type { Credentials } from "./auth/credentials.js";
import { newAuthSession } from "./auth/session.js";
import { apiHost, isHost, protocols, withProtocol } from "./http/endpoint.js";
import type { HttpRequest, Send } from "./http/message.js";
import { withRedirects } from "./http/redirects.js";
import { either } from "../signals.js";
import type { TlsSettings } from "./http/tls.js";
import { createTransport, type Timeouts } from "./http/transport.js";
import { PutMemory } from "./putMemory.js";
import { createRepository } from "./repository.js";
import { DEFAULT_LIMITS, type RetryLimits } from "./retry/backoff.js";
import { DEFAULT_RETRIES } from "./retry/classify.js";
import { HostRates } from "./retry/hostRate.js";
import { withRetry, type RetryOptions } from "./retry/retry.js";
import { withHostRates } from "./retry/withHostRates.js";
import { createScopes, type Access } from "./scopes.js";
import { until } from "./until.js";
import { withEvents, type RegistryEvent } from "./wireEvents.js";

export type { ChallengeMemory } from "./auth/authorize/recollection.js";
export { HostRates } from "./retry/hostRate.js";
export type { Access } from "./scopes.js";
export type { RegistryEvent } from "./wireEvents.js";

/** How a registry is reached. Times are in milliseconds. */
export interface RegistryOptions {
  /** The domain of a reference: `docker.io`, `registry.example:5000`. */
  readonly domain: string;
  /** HTTPS without verification of certificates, then plain HTTP. Default: false. */
  readonly insecure?: boolean;
  /** Plain HTTP and nothing else. Default: false. */
  readonly plainHttp?: boolean;
  /** What the user has for this domain; anonymous without. */
  readonly credentials?: () => Promise<Credentials | undefined>;
  /** Certificates for a host (`name[:port]`), besides the usual ones. */
  readonly certificates?: (host: string) => Promise<Omit<TlsSettings, "verify">>;
  /** What the machine trusts, besides Node's own list: PEM. Asked only for HTTPS. */
  readonly roots?: () => Promise<readonly string[]>;
  /**
   * What earlier runs knew of where a registry's tokens are to be had; it is not used with `insecure` or `plainHttp`. Default:
   * nothing.
   */
  readonly memory?: ChallengeMemory | undefined;
  /** The proxy for a URL; undefined for none. Default: no proxies. */
  readonly proxyFor?: (url: URL) => URL | undefined;
  /**
   * The most requests under way at once to a host. Where `rates` are given, those decide. Default: what the host takes, up to
   * 64 over HTTP/1.1 and 256 over HTTP/2, 100 where the registry does not say.
   */
  readonly concurrency?: number | undefined;
  /**
   * How much each host is asked, for all clients that are given the same: what one of them is refused by a rate limit, all
   * take into account. Without, the client has its own.
   */
  readonly rates?: HostRates | undefined;
  /** How many tries may follow the first; 0 for none. Default: 5. */
  readonly retries?: number;
  /** How long tries may wait, in milliseconds. Default: 200 ms at first, 10 s at most, 5 minutes in all. */
  readonly retryLimits?: RetryLimits;
  /**
   * Waits as long as a busy host (429, or 503 with a `Retry-After`) asks, without using up `retries`; one that does not say
   * how long is asked again for 15 minutes. Without it, a longer wait than a minute is an error. Default: false.
   */
  readonly patient?: boolean;
  /** How long a server may be silent, in milliseconds. Default: 30 s to connect, 60 s for the answer to begin, 60 s between two pieces of it. */
  readonly timeouts?: Partial<Timeouts>;
  /** Ends everything at once, even what cleans up; a session has a signal of its own, which is gentler. */
  readonly signal?: AbortSignal | undefined;
  /** The `User-Agent` header. Default: `tsmanifest`; of the one-call functions, with the version. */
  readonly userAgent?: string;
  /** Called for every exchange, retry, wait and warning. */
  readonly onEvent?: (event: RegistryEvent) => void;
}

/** Blobs copied at once: each keeps a download and an upload busy. */
const MAX_COPIES = 4;

/** A registry client with its connections and its tokens, for as many pieces of work as there are. */
export interface RegistryClient extends AsyncDisposable {
  /** Begins one piece of work. */
  session(work: SessionOptions): RegistrySession;
  /**
   * Begins to open connections, by the protocol that comes first, while there is no request yet: for who is certain to send
   * some. Errors are met by the first request.
   * @param count how many at most; fewer where fewer requests go at once, and one over HTTP/2. Default: 1.
   */
  connect(count?: number): void;
  /** Ends the connections; what is under way is given up (STOPPED). `await using` does it at the end of a block. */
  close(): Promise<void>;
}

/** One piece of work, such as a push: one token for all that it needs; refusals are remembered within it only. */
export interface RegistrySession {
  /** @param path within the registry, such as `library/app` */
  repository(path: string): Repository;
}

/** What a piece of work is going to do. */
export interface SessionOptions {
  /** All that the work will need; the target first, since some token servers read no more. */
  readonly access: readonly Access[];
  /** Ends the work. Uploads that it leaves open are still given up. */
  readonly signal?: AbortSignal | undefined;
  /** How many tries may follow the first of each of its requests, in place of the client's number. */
  readonly retries?: number | undefined;
  /**
   * Is it several pieces of work, each with some of the repositories? Then a 401 to who asks for a token for all of them may
   * be about one of them alone, and is the credentials' fault only if they get no token for anything else. Default: false.
   */
  readonly isShared?: boolean;
}

/**
 * The client of one registry, composed of one layer a concern, innermost first: transport, log, rates, protocol,
 * redirects, retries, authentication. Nothing is sent, read or asked for before the first operation.
 * @example
 * await using client = await createRegistry({ domain: "registry.example" });
 * const session = client.session({ access: [{ path: "app", actions: ["pull"] }] });
 * await session.repository("app").resolve("v1");
 */
export async function createRegistry(options: RegistryOptions): Promise<RegistryClient> {
  const {
    insecure = false,
    plainHttp = false,
    concurrency,
    rates = new HostRates({ concurrency }),
    retries = DEFAULT_RETRIES,
    retryLimits: limits,
    patient = false,
  } = options;
  const over = new AbortController();
  const signal = either(options.signal, over.signal);
  const host = apiHost(options.domain);
  const certificates = await options.certificates?.(host);
  const transport = createTransport({
    onAccepted: (at, ms) => {
      rates.of(at).connected(ms);
    },
    onStreams: (at, allowed) => {
      rates.of(at).streams(allowed);
    },
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
  // What could be changed on the way is not recalled, nor does it change what is.
  const memory = allowPlainHttp ? undefined : options.memory;
  const possible = protocols(host, { insecure, plainHttp, hasCertificates: hasAny(certificates) });
  const found = withProtocol(
    withHostRates(withEvents(transport.send, options.onEvent), rates, {
      longestMs: patient ? Infinity : (limits ?? DEFAULT_LIMITS).longestRetryAfterMs,
      signal,
      onThrottled: (at, waitMs) => options.onEvent?.({ kind: "throttled", host: at, waitMs }),
    }),
    host,
    possible,
    transport.speaksTls,
  );
  const retryOptions: RetryOptions = {
    retries,
    limits,
    patient,
    signal,
    onRetry: ({ method, url }, attempt, delayMs, outcome) => {
      const why = "status" in outcome ? outcome.status : (outcome.errorCode ?? "no answer");
      options.onEvent?.({ kind: "retry", method, url, attempt, delayMs, why });
    },
  };
  const retried = withRetry(withRedirects(withSurroundings(found), allowPlainHttp), retryOptions);
  const authenticated = withAuth(retried, {
    host,
    credentials: options.credentials ?? (() => Promise.resolve(undefined)),
    insecure: allowPlainHttp,
    // A registry on the machine itself, or of plain HTTP, for which the user has no credentials: it wants none.
    optimistic: (credentials) =>
      credentials === undefined && (plainHttp || isLoopback(new URL(`https://${host}`).hostname)),
    memory,
    onRecalled: (url) => options.onEvent?.({ kind: "recalled", host, url }),
  });
  const send = withQuestions(authenticated, retryOptions);
  const copyLimit = limitTo(Math.min(MAX_COPIES, concurrency ?? MAX_COPIES));
  const puts = new PutMemory();

  function session(work: SessionOptions): RegistrySession {
    const own = work.retries ?? retries;
    const settings = { retries: own, limits, patient, copyLimit, memory: puts };
    const scopes = createScopes(work.access);
    const authSession = newAuthSession(scopes.all, work.isShared);
    return {
      repository: (path) =>
        createRepository(
          {
            location: { kind: "registry", domain: options.domain, path },
            send: until(withRetries(send, own), work.signal),
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

  function connect(count = 1): void {
    const url = new URL(`${possible[0]}//${host}/v2/`);
    transport.connectAhead(url, Math.min(count, rates.of(url.host).room));
    const recalled = memory?.challenge(host);
    const realm = recalled && new URL(recalled.realm);
    if (realm !== undefined && !isHost(realm, host)) transport.connectAhead(realm, 1);
  }

  async function close(): Promise<void> {
    // What waits for its next try must not wait in vain.
    over.abort(new ManifestError("STOPPED", `the client of ${options.domain} was closed`));
    await transport.close();
  }

  return { session, connect, close, [Symbol.asyncDispose]: close };
}

function hasAny(certificates: Omit<TlsSettings, "verify"> | undefined): boolean {
  return (certificates?.ca?.length ?? 0) > 0 || (certificates?.cert?.length ?? 0) > 0;
}

/** What goes around a request goes around each try, as close to it as can be: it may send requests of its own. */
function withSurroundings(send: Send): Send {
  return (request) => {
    if (request.around === undefined) return send(request);
    const { around, ...sent } = request;
    return around(() => send(sent));
  };
}

/**
 * A request that asks before it is tried again asks by way of all the layers, and may need what its own try holds up, such as
 * the first token: it is tried again from here, when its try is through with authentication.
 */
function withQuestions(send: Send, options: RetryOptions): Send {
  const again = withRetry((request) => send({ ...request, retries: 0 }), options);
  return (request) => (request.beforeRetry === undefined ? send(request) : again(request));
}

/** With so many retries, where a request does not say how many. */
function withRetries(send: Send, retries: number): Send {
  return (request: HttpRequest) => send({ ...request, retries: request.retries ?? retries });
}
