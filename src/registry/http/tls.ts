import type { Socket } from "node:net";
import {
  connect as tlsConnect,
  createSecureContext,
  rootCertificates,
  type SecureContext,
  type TLSSocket,
} from "node:tls";
import { buildConnector, errors as undiciErrors } from "undici";
import { systemCode } from "../../errors.js";
import { isUntrusted } from "./transportError.js";

/** TLS: whom to trust, what to show, and connections by it. */

export interface TlsSettings {
  /** PEM; these are trusted besides Node's own. */
  readonly ca?: readonly string[];
  /** PEM of client certificates and their keys, in the same order. */
  readonly cert?: readonly string[];
  readonly key?: readonly string[];
  /** false: any certificate will do. */
  readonly verify: boolean;
}

/** What goes into `tls.connect`. The context is made once: it takes a while to read some hundred certificates. */
export interface Trust {
  readonly rejectUnauthorized: boolean;
  readonly secureContext: SecureContext;
}

export interface TlsConnection {
  readonly socket: TLSSocket;
  /** By which it came about; further connections to the host can do with the same. */
  readonly trust: Trust;
}

export interface Tls {
  /** Connects, with a protocol of this list. */
  readonly connect: (url: URL, ALPNProtocols: string[]) => Promise<TlsConnection>;
  /** All that may be trusted for a host. */
  readonly trustingAll: (host: string) => Promise<Trust>;
  /** Does a server that speaks TLS answer there? */
  readonly speaks: (host: string) => Promise<boolean>;
}

export interface TlsOptions {
  readonly settings: (host: string) => Promise<TlsSettings>;
  readonly roots: () => Promise<readonly string[]>;
  /** For a connection, in milliseconds. */
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Trust is a union: the certificates for the host, Node's own list, the machine's. Reading all of them takes longer
 * than a push, so the likely ones are tried alone first: those for the host if there are any, else Node's list, which
 * is compiled in. All come in when that is not enough.
 */
export function createTls({ settings, roots, timeout, signal }: TlsOptions): Tls {
  const proven = new Map<string, Trust>();

  async function trustingAll(host: string): Promise<Trust> {
    const own = await settings(host);
    return trust(
      own,
      own.verify ? [...new Set([...rootCertificates, ...(await roots()), ...(own.ca ?? [])])] : [],
    );
  }

  async function connect(url: URL, ALPNProtocols: string[]): Promise<TlsConnection> {
    const own = await settings(url.host);
    const likely = proven.get(url.host) ?? trust(own, own.ca ?? []);
    const by = async (one: Trust): Promise<TlsConnection> => {
      const socket = await connectTls(url, { ...one, ALPNProtocols }, timeout, signal);
      proven.set(url.host, one);
      return { socket, trust: one };
    };
    try {
      return await by(likely);
    } catch (error) {
      if (!own.verify || proven.has(url.host) || !isUntrusted(systemCode(error))) throw error;
      return by(await trustingAll(url.host));
    }
  }

  async function speaks(host: string): Promise<boolean> {
    try {
      const anybody = { rejectUnauthorized: false, secureContext: createSecureContext() };
      const socket = await connectTls(new URL(`https://${host}/`), anybody, timeout, signal);
      socket.destroy();
      return true;
    } catch {
      return false;
    }
  }

  return { connect, trustingAll, speaks };
}

/** Trusts these authorities, or without any Node's own. */
function trust({ verify, cert, key }: TlsSettings, ca: readonly string[]): Trust {
  const secureContext = createSecureContext({
    ...(verify && ca.length > 0 && { ca: [...ca] }),
    ...(cert !== undefined && { cert: [...cert] }),
    ...(key !== undefined && { key: [...key] }),
  });
  return { rejectUnauthorized: verify, secureContext };
}

function connectTls(
  url: URL,
  options: Trust & { readonly ALPNProtocols?: string[] },
  timeout: number,
  signal?: AbortSignal,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const host = url.hostname.replace(/^\[|\]$/g, "");
    const socket = tlsConnect({
      ...options,
      host,
      port: url.port === "" ? 443 : Number(url.port),
      // An IP address is no server name.
      ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
    });
    const settled = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      socket.off("error", stop);
    };
    const stop = (error: Error): void => {
      settled();
      // What else the socket has to say of its end is of no interest.
      socket.on("error", () => undefined);
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(() => {
      stop(new undiciErrors.ConnectTimeoutError(`no connection to ${url.host} within ${timeout} ms`));
    }, timeout);
    const onAbort = (): void => {
      stop(new Error("aborted"));
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    socket.setNoDelay(true);
    socket.once("error", stop);
    socket.once("secureConnect", () => {
      settled();
      resolve(socket);
    });
  });
}

/** A connector that gives away an open connection first, and opens new ones after that. */
export function handingOver(
  first: TlsConnection,
  timeout: number,
  allowH2: boolean,
): buildConnector.connector {
  let waiting: Socket | undefined = first.socket;
  const connectNew = buildConnector({ ...first.trust, timeout, allowH2 });
  return (connectOptions, callback) => {
    const socket = waiting;
    waiting = undefined;
    if (socket === undefined || socket.destroyed) connectNew(connectOptions, callback);
    // Not before the caller is ready for it: undici overlooks what comes at once.
    else {
      queueMicrotask(() => {
        callback(null, socket);
      });
    }
  };
}
