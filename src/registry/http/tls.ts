import { once } from "node:events";
import type { Socket } from "node:net";
import {
  connect as tlsConnect,
  createSecureContext,
  rootCertificates,
  type ConnectionOptions,
  type SecureContext,
  type TLSSocket,
} from "node:tls";
import { setTimeout as sleep } from "node:timers/promises";
import { systemCode } from "../../errors.js";
import { hostnameOf, portOf, within, type Bounds } from "./sockets.js";
import { ClosedAfterHandshakeError } from "./causes.js";
import { isRefusedCertificate, isUntrusted } from "./transportError.js";

/** TLS: whom to trust, what to show, and connections by it. */

export interface TlsSettings {
  /** PEM; these are trusted besides Node's own. */
  readonly ca?: readonly string[];
  /** PEM of client certificates and their keys, in the same order. */
  readonly cert?: readonly string[];
  /** PEM of the keys of these, in the same order. */
  readonly key?: readonly string[];
  /** false: any certificate will do. */
  readonly verify: boolean;
}

/** What goes into `tls.connect`. The context is made once: it takes a while to read some hundred certificates. */
interface Trust {
  readonly rejectUnauthorized: boolean;
  readonly secureContext: SecureContext;
}

/** Opens the connection below TLS, where that is not a direct one. */
export type Dial = () => Promise<Socket>;

export interface Tls {
  /** Connects, by a protocol of this list if the server knows any. */
  readonly connect: (url: URL, protocols: readonly string[], dial?: Dial) => Promise<TLSSocket>;
  /** Does a server that speaks TLS answer there? */
  readonly speaks: (host: string) => Promise<boolean>;
  /**
   * Does the server refuse its clients for their certificate? It says so after the handshake, when a request is on its way
   * already, and the reset of the connection may overtake what it says. So this connects once more, and waits.
   */
  readonly refusal: (url: URL, dial?: Dial) => Promise<Error | undefined>;
}

export interface TlsOptions extends Bounds {
  readonly settings: (host: string) => Promise<TlsSettings>;
  readonly roots: () => Promise<readonly string[]>;
}

/** How long a server takes at most, in milliseconds, to say that it does not like a certificate. */
const REFUSAL_MS = 1_000;

/**
 * Trust is a union: the certificates for the host, Node's own list, the machine's. Reading all of them takes longer
 * than a push, so the likely ones are tried alone first: those for the host if there are any, else Node's list, which
 * is compiled in. All come in when that is not enough.
 */
export function createTls({ settings, roots, ...bounds }: TlsOptions): Tls {
  /** What has worked, by host, and the session to go on with. */
  const proven = new Map<string, Trust>();
  const sessions = new Map<string, Buffer>();

  async function connect(
    url: URL,
    protocols: readonly string[],
    dial?: Dial,
    onKeys?: () => void,
  ): Promise<TLSSocket> {
    const { host } = url;
    const by = async (trust: Trust): Promise<TLSSocket> => {
      const session = sessions.get(host);
      const options = { ...trust, ALPNProtocols: [...protocols], ...(session && { session }) };
      const socket = await connectTls(url, options, bounds, dial, onKeys);
      socket.on("session", (next) => sessions.set(host, next));
      proven.set(host, trust);
      return socket;
    };
    const known = proven.get(host);
    if (known !== undefined) {
      try {
        return await by(known);
      } catch (error) {
        // Certificates change while a client lives, on either side.
        proven.delete(host);
        sessions.delete(host);
        if (!isUntrusted(systemCode(error))) throw error;
      }
    }
    const own = await settings(host);
    try {
      return await by(trusting(own, own.ca ?? []));
    } catch (error) {
      if (!own.verify || !isUntrusted(systemCode(error))) throw error;
      const all = new Set([...rootCertificates, ...(await roots()), ...(own.ca ?? [])]);
      return by(trusting(own, [...all]));
    }
  }

  async function speaks(host: string): Promise<boolean> {
    try {
      const anybody = { rejectUnauthorized: false, secureContext: createSecureContext() };
      (await connectTls(new URL(`https://${host}/`), anybody, bounds)).destroy();
      return true;
    } catch {
      return false;
    }
  }

  async function refusal(url: URL, dial?: Dial): Promise<Error | undefined> {
    let socket: TLSSocket | undefined;
    const handshake = { hasKeys: false };
    try {
      socket = await connect(url, ["h2", "http/1.1"], dial, () => (handshake.hasKeys = true));
      // Its end is noticed only by who reads.
      socket.resume();
      const isOpen = await Promise.race([
        sleep(REFUSAL_MS, true, { ref: false }),
        once(socket, "close").then(() => false),
      ]);
      return isOpen ? undefined : new ClosedAfterHandshakeError();
    } catch (error) {
      if (error instanceof Error && isRefusedCertificate(systemCode(error))) return error;
      // By TLS 1.2 the client has shown its certificate before there are keys, and the server has the last word.
      const isClosed = socket !== undefined || (handshake.hasKeys && systemCode(error) === "ECONNRESET");
      return isClosed ? new ClosedAfterHandshakeError() : undefined;
    } finally {
      socket?.destroy();
    }
  }

  return { connect, speaks, refusal };
}

/** Trusts these authorities, or without any Node's own. */
function trusting({ verify, cert, key }: TlsSettings, ca: readonly string[]): Trust {
  const secureContext = createSecureContext({
    ...(verify && ca.length > 0 && { ca: [...ca] }),
    ...(cert !== undefined && { cert: [...cert] }),
    ...(key !== undefined && { key: [...key] }),
  });
  return { rejectUnauthorized: verify, secureContext };
}

async function connectTls(
  url: URL,
  options: ConnectionOptions,
  bounds: Bounds,
  dial?: Dial,
  onKeys?: () => void,
): Promise<TLSSocket> {
  const host = hostnameOf(url);
  const below = await dial?.();
  const socket = tlsConnect({
    ...options,
    ...(below && { socket: below }),
    host,
    port: portOf(url),
    // An IP address is no server name.
    ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
  });
  if (onKeys !== undefined) socket.once("keylog", onKeys);
  await within(socket, url.host, bounds, () => once(socket, "secureConnect"));
  return socket;
}
