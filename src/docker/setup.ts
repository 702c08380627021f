import type { Credentials } from "../registry/auth/credentials.js";
import { certsFolders, readRegistryCertificates } from "./certs.js";
import { openMemory, type Memory } from "../memory/memory.js";
import { createCredentials } from "./credentials.js";
import type { Surroundings } from "./environment.js";
import { proxyFor } from "./proxies.js";
import { systemRoots } from "./systemRoots.js";

/** How registries are reached, as the user has set it up for docker. Nothing is read or run before it is asked for. */
export interface DockerSetup {
  /** Out of `DOCKER_AUTH_CONFIG`, config.json or a credential helper; undefined where there are none for this domain. */
  credentials(domain: string, signal?: AbortSignal): Promise<Credentials | undefined>;
  /** What the `certs.d` folders hold for a host (`name[:port]`), as PEM: CAs, and client certificates with their keys. */
  certificates(host: string): Promise<SetupCertificates>;
  /** What the machine trusts besides Node's own list, as PEM. */
  roots(): Promise<readonly string[]>;
  /** By `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`. */
  proxyFor(url: URL): URL | undefined;
  /** What earlier runs of this user have seen, in a cache folder: hints that save questions. Default: nothing. */
  readonly memory?: Memory | undefined;
}

/** Certificates and keys for one host, as PEM. */
export interface SetupCertificates {
  /** Certificates of authorities that are trusted besides the usual ones; may be empty. */
  readonly ca: readonly string[];
  /** Certificates that the client shows. */
  readonly cert?: readonly string[];
  /** In the order of `cert`. */
  readonly key?: readonly string[];
}

/**
 * Reads the set-up of docker out of these surroundings.
 * @param warn told, in one line without secrets, of what cannot be used
 */
export function readDockerSetup(
  { env, home, platform }: Surroundings,
  warn: (text: string) => void,
): DockerSetup {
  const surroundings = { env, home, platform };
  const credentials = createCredentials({ ...surroundings, warn });
  const folders = certsFolders(surroundings);
  let roots: Promise<string[]> | undefined;
  return {
    credentials,
    certificates: async (host) => {
      const { ca, clients } = await readRegistryCertificates(host, folders, platform, warn);
      if (clients.length === 0) return { ca };
      return { ca, cert: clients.map(({ cert }) => cert), key: clients.map(({ key }) => key) };
    },
    roots: () => (roots ??= systemRoots(surroundings)),
    proxyFor: (url) => proxyFor(url, env),
    memory: openMemory(surroundings),
  };
}
