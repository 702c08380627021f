import type { Repository } from "../content/repository.js";
import type { Context } from "../context.js";
import { certsFolders, readRegistryCertificates } from "../docker/certs.js";
import { createCredentials } from "../docker/credentials.js";
import { readCaFile } from "../docker/pem.js";
import { proxyFor } from "../docker/proxies.js";
import { systemRoots } from "../docker/systemRoots.js";
import { formatLocation, type Location } from "../oci/location.js";
import { createRegistry, type RegistryClient, type RegistryEvent } from "../registry/createRegistry.js";
import type { TlsSettings } from "../registry/http/tls.js";
import { escapeControls } from "../ui/text.js";
import { wireLogLine } from "../ui/wireLog.js";
import { VERSION } from "../version.js";
import type { NetworkFlags } from "./networkFlags.js";

/** The repositories that a command works with, set up as the user and the flags say. */
export interface Session {
  /** The repository at a location; the same each time. */
  readonly open: (location: Location) => Repository;
  readonly close: () => Promise<void>;
}

/** What the command is going to do where; one token for each registry then does for all of it. The target comes first. */
export interface RepositoryAccess {
  readonly location: Location;
  readonly actions: readonly ("pull" | "push")[];
}

/** To push to targets, and to pull from whatever else there is; each repository once. */
export function pushAndPull(
  targets: readonly Location[],
  others: readonly Location[],
): readonly RepositoryAccess[] {
  const accesses = new Map<string, RepositoryAccess>();
  for (const location of others) accesses.set(formatLocation(location), { location, actions: ["pull"] });
  const pushed = new Map<string, RepositoryAccess>();
  for (const location of targets) {
    accesses.delete(formatLocation(location));
    pushed.set(formatLocation(location), { location, actions: ["pull", "push"] });
  }
  // The targets first: some token servers read no more than the first scope.
  return [...pushed.values(), ...accesses.values()];
}

export async function openSession(
  context: Context,
  flags: NetworkFlags,
  accesses: readonly RepositoryAccess[],
): Promise<Session> {
  const openRegistry = await registryOpener(context, flags);
  const clients = new Map<string, RegistryClient>();
  const repositories = new Map<string, Repository>();
  const domains = new Set(
    accesses.flatMap(({ location }) => (location.kind === "registry" ? [location.domain] : [])),
  );
  const sessions = new Map<string, ReturnType<RegistryClient["session"]>>();
  for (const domain of domains) {
    const access = accesses.flatMap(({ location, actions }) =>
      location.kind === "registry" && location.domain === domain ? [{ path: location.path, actions }] : [],
    );
    const client = await openRegistry(domain);
    clients.set(domain, client);
    sessions.set(domain, client.session({ access, signal: context.signal }));
  }
  const openLayout = await layoutOpener(accesses);

  const openNew = (location: Location): Repository => {
    if (location.kind === "layout") return openLayout(location.folder);
    const session = sessions.get(location.domain);
    if (session === undefined) throw new Error(`no client was opened for ${location.domain}`);
    return session.repository(location.path);
  };
  return {
    open: (location) => {
      const name = formatLocation(location);
      const repository = repositories.get(name) ?? openNew(location);
      repositories.set(name, repository);
      return repository;
    },
    close: async () => {
      await Promise.all([...clients.values()].map((client) => client.close()));
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
  flags: NetworkFlags,
): Promise<(domain: string) => Promise<RegistryClient>> {
  const warn = (message: string): void => {
    context.stderr.write(`WARNING: ${escapeControls(message)}\n`);
  };
  const ca = flags.caFile === "" ? [] : await readCaFile(flags.caFile);
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
  return (domain) =>
    createRegistry({
      domain,
      insecure: flags.insecure,
      plainHttp: flags.plainHttp,
      credentials: () => credentialsFor(domain, context.signal),
      certificates,
      roots: () => (roots ??= systemRoots(context)),
      proxyFor: (url) => proxyFor(url, context.env),
      concurrency: flags.concurrency,
      retries: flags.retries,
      ...context.waits,
      userAgent: `tsmanifest/${VERSION}`,
      onEvent: (event) => {
        report(event, flags.debug, context, warn);
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
  else if (debug) context.stderr.write(`${escapeControls(wireLogLine(event))}\n`);
}
