import type { Context } from "../context.js";
import type { Location } from "../oci/location.js";
import { readCaFile } from "../docker/pem.js";
import { readDockerSetup } from "../docker/setup.js";
import { createRegistry, type RegistryClient, type RegistryEvent } from "../registry/createRegistry.js";
import { HostRates } from "../registry/retry/hostRate.js";
import { escapeControls } from "../ui/text.js";
import { warnOn } from "../ui/warn.js";
import { warningText, wireLogLine } from "../ui/wireLog.js";
import { VERSION } from "../version.js";
import type { AccessGroup, RepositoryAccess } from "./accesses.js";
import { registriesBy, type Registries, type Repositories } from "./registries.js";

/** How registries are reached. */
export interface NetworkSettings {
  readonly insecure: boolean;
  readonly plainHttp: boolean;
  /** A PEM file of CAs; none for an empty text. */
  readonly caFile: string;
  /** How many tries may follow the first. */
  readonly retries: number;
  /** Requests under way at once at most, for each registry; 0 where the user does not say. */
  readonly concurrency: number;
  /** Every request is told on stderr. */
  readonly debug: boolean;
  /** Registries that ask to be left alone are waited for, however long that takes. */
  readonly patient?: boolean;
  /** Told all that happens on the wire. */
  readonly onWire?: (event: RegistryEvent) => void;
}

/** The only piece of work of a command. */
export interface Session extends Repositories {
  /** Begins to open connections, for who is certain to send something; see `Registries.connect`. */
  readonly connect: (location: Location, count?: number) => Promise<void>;
  readonly close: () => Promise<void>;
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
  return {
    open,
    connect: (location, count) => registries.connect(location, count),
    close: () => registries.close(),
  };
}

/** Reads what the user has set up. Nothing is sent before the first operation on a repository. */
export async function openRegistries(context: Context, settings: NetworkSettings): Promise<Registries> {
  const registries = registriesBy(await registryOpener(context, settings));
  return {
    session: (accesses, options) => registries.session(accesses, { signal: context.signal, ...options }),
    connect: (location, count) => registries.connect(location, count),
    close: () => registries.close(),
  };
}

async function registryOpener(
  context: Context,
  settings: NetworkSettings,
): Promise<(domain: string) => Promise<RegistryClient>> {
  const warn = warnOn(context.stderr);
  const ca = settings.caFile === "" ? [] : await readCaFile(settings.caFile);
  const docker = readDockerSetup(context, warn);
  const concurrency = settings.concurrency === 0 ? undefined : settings.concurrency;
  const rates = new HostRates({ concurrency });
  return (domain) =>
    createRegistry({
      domain,
      insecure: settings.insecure,
      plainHttp: settings.plainHttp,
      credentials: () => docker.credentials(domain, context.signal),
      certificates: async (host) => {
        const found = await docker.certificates(host);
        return { ...found, ca: [...ca, ...found.ca] };
      },
      roots: () => docker.roots(),
      memory: docker.memory,
      proxyFor: (url) => docker.proxyFor(url),
      concurrency,
      rates,
      // Who wants nothing tried again does not want to wait either.
      patient: settings.patient === true && settings.retries > 0,
      retries: settings.retries,
      ...context.waits,
      userAgent: `tsmanifest/${VERSION}`,
      onEvent: (event) => {
        report(event, settings.debug, context, warn);
        settings.onWire?.(event);
      },
    });
}

function report(
  event: RegistryEvent,
  debug: boolean,
  context: Context,
  warn: (message: string) => void,
): void {
  const warning = warningText(event);
  if (warning !== undefined) warn(warning);
  else if (debug) context.stderr.write(`${escapeControls(wireLogLine(event))}\n`);
}
