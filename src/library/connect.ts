import type { RepositoryAccess } from "../apply/accesses.js";
import { registriesBy, type Registries, type Repositories } from "../apply/registries.js";
import type { Repository } from "../content/repository.js";
import type { CredentialsFor } from "../docker/credentials.js";
import type { DockerSetup } from "../docker/setup.js";
import { ManifestError, usageError } from "../errors.js";
import {
  createRegistry,
  HostRates,
  type RegistryClient,
  type RegistryEvent,
  type RegistryOptions,
} from "../registry/createRegistry.js";
import { warningText } from "../ui/wireLog.js";
import { VERSION } from "../version.js";
import { readName } from "./names.js";
import { checkOptions, CONNECT_OPTIONS, REPOSITORY_OPTIONS } from "./options.js";

/** How registries are reached. Default: anonymously, without proxies, over HTTPS (over plain HTTP where a local registry speaks nothing else). */
export interface ConnectOptions extends Pick<
  RegistryOptions,
  "retries" | "concurrency" | "patient" | "timeouts" | "retryLimits" | "userAgent"
> {
  /** What the user has set up for docker: `userDocker()`. Default: nothing. */
  readonly docker?: DockerSetup | undefined;
  /** The credentials for a domain (`docker.io`, `registry.example:5000`); where it gives none, those of `docker` are used. Default: none. */
  readonly credentials?: CredentialsFor | undefined;
  /** HTTPS without verification of certificates, then plain HTTP: for all registries, or for these domains. Default: false. */
  readonly insecure?: boolean | readonly string[] | undefined;
  /** Plain HTTP and nothing else: for all registries, or for these domains. Default: false. */
  readonly plainHttp?: boolean | readonly string[] | undefined;
  /** Certificates of authorities, as PEM, that are trusted besides the usual ones. Default: none. */
  readonly ca?: string | readonly string[] | undefined;
  /** Called for every request, retry and wait, for a log. No headers or bodies; show a URL without its query, which may be signed. */
  readonly onRequest?: ((event: RegistryEvent) => void) | undefined;
  /** Called with a line that people should know: what a registry says in a `Warning`, and when it asks to wait. */
  readonly onWarning?: ((text: string) => void) | undefined;
}

/** Options of all functions that talk to registries. */
export interface CallOptions extends ConnectOptions {
  /** An open connection, in place of one for this call; the options of `connect` that it was opened with apply. Default: one for this call. */
  readonly connection?: Connection | undefined;
  /** Aborts the call, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Registries and OCI layouts: what several calls have in common, such as TCP connections, tokens, and the rate at which each
 * host may be asked.
 */
export interface Connection extends AsyncDisposable {
  /**
   * One repository, for what there is no function for.
   * @param name `registry.example/team/app`, `oci-layout://out`
   * @param options which rights are asked for, and a way to stop
   * @throws INVALID_REFERENCE, USAGE; STOPPED where the connection is closed
   */
  repository(
    name: string,
    options?: {
      /** Asks for the right to push, too. Default: false. */
      readonly push?: boolean;
      /** Aborts what is under way in the repository, which then rejects with the signal's reason. */
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<Repository>;
  /** Ends all connections; what is under way, and what is begun later, rejects (STOPPED). `await using` does it at the end of a block. */
  close(): Promise<void>;
}

/**
 * Opens a connection that several calls share. Nothing is sent before the first of them.
 * @throws USAGE for an option that there is not, or whose value is none
 * @example
 * await using connection = connect({ docker: userDocker() });
 * await copy("registry.example/app:v1", "mirror.example/app:v1", { connection });
 * await copy("registry.example/app:v2", "mirror.example/app:v2", { connection });
 */
export function connect(options: ConnectOptions = {}): Connection {
  checkOptions(CONNECT_OPTIONS, options);
  return new OpenConnection(options);
}

class OpenConnection implements Connection {
  readonly #registries: Registries;
  #isClosed = false;

  constructor(options: ConnectOptions, signal?: AbortSignal) {
    const openRegistry = opener(options, signal);
    this.#registries = registriesBy(async (domain) => {
      this.#ensureOpen();
      return openRegistry(domain);
    });
  }

  /** Begins a piece of work: one token for each registry does for all of it. */
  async begin(accesses: readonly RepositoryAccess[], signal: AbortSignal | undefined): Promise<Repositories> {
    this.#ensureOpen();
    return this.#registries.session(accesses, { signal });
  }

  async repository(
    name: string,
    options: { readonly push?: boolean; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Repository> {
    checkOptions(REPOSITORY_OPTIONS, options);
    const { push = false, signal } = options;
    const { location } = readName(name, "the name of a repository");
    const { open } = await this.begin([{ location, actions: push ? ["pull", "push"] : ["pull"] }], signal);
    return open(location);
  }

  #ensureOpen(): void {
    if (this.#isClosed)
      throw new ManifestError("STOPPED", "the connection is closed: open another by connect()");
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#registries.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** What a function works with. */
export interface CallTools extends Repositories {
  readonly signal: AbortSignal;
  readonly warn: (text: string) => void;
  /** How far a push came that stopped halfway. It is told as a warning. */
  readonly tell: (text: string) => void;
}

/** Runs what a function does over the connection that it was given, or over one of its own, which is closed in the end. */
export async function overConnection<Result>(
  options: CallOptions,
  accesses: readonly RepositoryAccess[],
  run: (tools: CallTools) => Promise<Result>,
): Promise<Result> {
  const { connection, signal = new AbortController().signal, onWarning } = options;
  signal.throwIfAborted();
  const open = connection ?? new OpenConnection(options, signal);
  if (!(open instanceof OpenConnection)) throw usageError("connection is not what connect() gives");
  try {
    const repositories = await open.begin(accesses, options.signal);
    const warn = (text: string): void => onWarning?.(text);
    return await run({ ...repositories, signal, warn, tell: warn });
  } finally {
    if (connection === undefined) await open.close();
  }
}

function opener(
  options: ConnectOptions,
  signal: AbortSignal | undefined,
): (domain: string) => Promise<RegistryClient> {
  const { docker, credentials, insecure, plainHttp, concurrency } = options;
  const { retries, patient, timeouts, retryLimits, userAgent = `tsmanifest/${VERSION}` } = options;
  const ca = typeof options.ca === "string" ? [options.ca] : (options.ca ?? []);
  const rates = new HostRates({ concurrency });
  return (domain) =>
    createRegistry({
      domain,
      insecure: isMeant(insecure, domain),
      plainHttp: isMeant(plainHttp, domain),
      credentials: async () => (await credentials?.(domain, signal)) ?? docker?.credentials(domain, signal),
      certificates: async (host) => {
        const found = await docker?.certificates(host);
        return { ...found, ca: [...ca, ...(found?.ca ?? [])] };
      },
      roots: () => docker?.roots() ?? Promise.resolve([]),
      memory: docker?.memory,
      proxyFor: (url) => docker?.proxyFor(url),
      concurrency,
      rates,
      ...(retries !== undefined && { retries }),
      ...(patient !== undefined && { patient }),
      ...(timeouts !== undefined && { timeouts }),
      ...(retryLimits !== undefined && { retryLimits }),
      userAgent,
      onEvent: (event) => {
        options.onRequest?.(event);
        const warning = warningText(event);
        if (warning !== undefined) options.onWarning?.(warning);
      },
    });
}

function isMeant(those: boolean | readonly string[] | undefined, domain: string): boolean {
  return typeof those === "object" ? those.includes(domain) : those === true;
}
