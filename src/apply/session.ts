import type { Repository } from "../content/repository.js";
import type { Context } from "../context.js";
import { certsFolders, readRegistryCertificates } from "../docker/certs.js";
import { createCredentials } from "../docker/credentials.js";
import { readCaFile } from "../docker/pem.js";
import { proxyFor } from "../docker/proxies.js";
import { systemRoots } from "../docker/systemRoots.js";
import { formatLocation, type Location } from "../oci/location.js";
import {
  createRegistry,
  type Access,
  type RegistryClient,
  type RegistryEvent,
  type RegistrySession,
} from "../registry/createRegistry.js";
import type { TlsSettings } from "../registry/http/tls.js";
import { HostRates } from "../registry/retry/hostRate.js";
import { escapeControls } from "../ui/text.js";
import { warnOn } from "../ui/warn.js";
import { wireLogLine } from "../ui/wireLog.js";
import { VERSION } from "../version.js";
import type { AccessGroup, RepositoryAccess } from "./accesses.js";

/** How registries are reached. */
export interface NetworkSettings {
  readonly insecure: boolean;
  readonly plainHttp: boolean;
  /** A PEM file of CAs; none for an empty text. */
  readonly caFile: string;
  /** How many tries may follow the first. */
  readonly retries: number;
  /** Requests under way at once, for each registry. */
  readonly concurrency: number;
  /** Every request is told on stderr. */
  readonly debug: boolean;
  /** Registries that ask to be left alone are waited for, however long that takes. */
  readonly patient?: boolean;
}

/** The repositories that a piece of work uses. */
export interface Repositories {
  /** The repository at a location; the same each time. */
  readonly open: (location: Location) => Repository;
}

/** The only piece of work of a command. */
export interface Session extends Repositories {
  readonly close: () => Promise<void>;
}

/** How a piece of work differs from others. */
export interface WorkOptions {
  /** How many tries may follow the first, in place of the number that the user gave. */
  readonly retries?: number | undefined;
  /** Is it the work of several lists, which one without rights must not keep from theirs? */
  readonly isShared?: boolean;
}

/** The registries that a command works with, set up as the user and the flags say, for as many pieces of work as there are. */
export interface Registries {
  /** Begins a piece of work: one token for each registry does for all that it is going to do. */
  session(accesses: readonly RepositoryAccess[], options?: WorkOptions): Promise<Repositories>;
  close(): Promise<void>;
}

/** The repositories of groups: opened when the first list of each begins, and forgotten when the last one is done. */
export class Sessions {
  readonly #registries: Registries;
  readonly #left = new Map<AccessGroup, number>();
  readonly #opened = new Map<AccessGroup, Promise<Repositories>>();

  constructor(registries: Registries, lists: readonly { readonly group: AccessGroup }[]) {
    this.#registries = registries;
    for (const { group } of lists) this.#left.set(group, (this.#left.get(group) ?? 0) + 1);
  }

  /** Runs the work of one list of a group. */
  async use<Result>(
    group: AccessGroup,
    work: (repositories: Repositories) => Promise<Result>,
  ): Promise<Result> {
    const { accesses, retries } = group;
    const opened =
      this.#opened.get(group) ?? this.#registries.session(accesses.all, { retries, isShared: true });
    this.#opened.set(group, opened);
    try {
      return await work(await opened);
    } finally {
      const left = (this.#left.get(group) ?? 1) - 1;
      this.#left.set(group, left);
      if (left === 0) this.#opened.delete(group);
    }
  }
}

/** Begins the only piece of work of a command. */
export async function openSession(
  context: Context,
  settings: NetworkSettings,
  accesses: readonly RepositoryAccess[],
): Promise<Session> {
  const registries = await openRegistries(context, settings);
  const { open } = await registries.session(accesses);
  return { open, close: () => registries.close() };
}

/** Reads what the user has set up. Nothing is sent before the first operation on a repository. */
export async function openRegistries(context: Context, settings: NetworkSettings): Promise<Registries> {
  const openRegistry = await registryOpener(context, settings);
  const clients = new Map<string, Promise<RegistryClient>>();
  const layouts = new Map<string, Repository>();

  const clientOf = (domain: string): Promise<RegistryClient> => {
    const client = clients.get(domain) ?? openRegistry(domain);
    clients.set(domain, client);
    return client;
  };

  async function session(
    accesses: readonly RepositoryAccess[],
    { retries, isShared = false }: WorkOptions = {},
  ): Promise<Repositories> {
    const byDomain = new Map<string, Access[]>();
    for (const { location, actions } of accesses) {
      if (location.kind !== "registry") continue;
      const access = byDomain.get(location.domain) ?? [];
      access.push({ path: location.path, actions });
      byDomain.set(location.domain, access);
    }
    const sessions = new Map<string, RegistrySession>();
    for (const [domain, access] of byDomain) {
      const client = await clientOf(domain);
      sessions.set(domain, client.session({ access, retries, isShared, signal: context.signal }));
    }
    const openLayout = await layoutOpener(accesses);
    const repositories = new Map<string, Repository>();

    const openNew = (location: Location): Repository => {
      if (location.kind === "layout") {
        const layout = layouts.get(location.folder) ?? openLayout(location.folder);
        layouts.set(location.folder, layout);
        return layout;
      }
      const own = sessions.get(location.domain);
      if (own === undefined) throw new Error(`no client was opened for ${location.domain}`);
      return own.repository(location.path);
    };
    return {
      open: (location) => {
        const name = formatLocation(location);
        const repository = repositories.get(name) ?? openNew(location);
        repositories.set(name, repository);
        return repository;
      },
    };
  }

  return {
    session,
    close: async () => {
      await Promise.all([...clients.values()].map(async (client) => (await client).close()));
    },
  };
}

/** Imported only where there is one: a push to a registry need not wait for it. */
async function layoutOpener(accesses: readonly RepositoryAccess[]): Promise<(folder: string) => Repository> {
  if (accesses.every(({ location }) => location.kind === "registry")) {
    return (folder) => {
      throw new Error(`nothing was said of the layout in ${folder}`);
    };
  }
  const { openLayout } = await import("../content/layout.js");
  return openLayout;
}

async function registryOpener(
  context: Context,
  settings: NetworkSettings,
): Promise<(domain: string) => Promise<RegistryClient>> {
  const warn = warnOn(context.stderr);
  const ca = settings.caFile === "" ? [] : await readCaFile(settings.caFile);
  const credentialsFor = createCredentials({
    env: context.env,
    home: context.home,
    platform: context.platform,
    warn,
  });
  const certificates = async (host: string): Promise<Omit<TlsSettings, "verify">> => {
    const found = await readRegistryCertificates(host, certsFolders(context), context.platform, warn);
    const { clients } = found;
    return {
      ca: [...ca, ...found.ca],
      ...(clients.length > 0 && {
        cert: clients.map(({ cert }) => cert),
        key: clients.map(({ key }) => key),
      }),
    };
  };
  let roots: Promise<string[]> | undefined;
  const rates = new HostRates({ concurrency: settings.concurrency });
  return (domain) =>
    createRegistry({
      domain,
      insecure: settings.insecure,
      plainHttp: settings.plainHttp,
      credentials: () => credentialsFor(domain, context.signal),
      certificates,
      roots: () => (roots ??= systemRoots(context)),
      proxyFor: (url) => proxyFor(url, context.env),
      concurrency: settings.concurrency,
      rates,
      // Who wants nothing tried again does not want to wait either.
      patient: settings.patient === true && settings.retries > 0,
      retries: settings.retries,
      ...context.waits,
      userAgent: `tsmanifest/${VERSION}`,
      onEvent: (event) => {
        report(event, settings.debug, context, warn);
      },
    });
}

function report(
  event: RegistryEvent,
  debug: boolean,
  context: Context,
  warn: (message: string) => void,
): void {
  if (event.kind === "warning") warn(`${event.host}: ${event.text}`);
  else if (event.kind === "throttled")
    warn(`${event.host}: asks to wait ${Math.round(event.waitMs / 1000)} s`);
  else if (debug) context.stderr.write(`${escapeControls(wireLogLine(event))}\n`);
}
