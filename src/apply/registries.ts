import type { Repository } from "../content/repository.js";
import { nextTurn } from "../nextTurn.js";
import { formatLocation, type Location } from "../oci/location.js";
import type { Access, RegistryClient, RegistrySession } from "../registry/createRegistry.js";
import type { RepositoryAccess } from "./accesses.js";

/** The repositories that a piece of work uses. */
export interface Repositories {
  /** The repository at a location; the same each time. */
  readonly open: (location: Location) => Repository;
}

/** How a piece of work differs from others. */
export interface WorkOptions {
  /** How many tries may follow the first, in place of the number that is usual. */
  readonly retries?: number | undefined;
  /** Is it the work of several lists, which one without rights must not keep from theirs? */
  readonly isShared?: boolean;
  /** Ends the work. */
  readonly signal?: AbortSignal | undefined;
}

/** Registries and layouts, for as many pieces of work as there are. */
export interface Registries {
  /** Begins a piece of work: one token for each registry does for all that it is going to do. */
  session(accesses: readonly RepositoryAccess[], options?: WorkOptions): Promise<Repositories>;
  /**
   * Begins to open connections to the registry of a location, for who is certain to send it something; see
   * `RegistryClient.connect`. Resolves when they have left.
   */
  connect(location: Location, count?: number): Promise<void>;
  close(): Promise<void>;
}

/** Registries whose clients are opened when they are first needed, and live until all is closed. */
export function registriesBy(openRegistry: (domain: string) => Promise<RegistryClient>): Registries {
  const clients = new Map<string, Promise<RegistryClient>>();
  const layouts = new Map<string, Repository>();

  const clientOf = (domain: string): Promise<RegistryClient> => {
    const known = clients.get(domain);
    if (known !== undefined) return known;
    const opened = openRegistry(domain);
    clients.set(domain, opened);
    // What could not be opened is opened again for the next piece of work.
    opened.catch(() => clients.delete(domain));
    return opened;
  };

  async function session(
    accesses: readonly RepositoryAccess[],
    { retries, isShared = false, signal }: WorkOptions = {},
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
      sessions.set(domain, client.session({ access, retries, isShared, signal }));
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

  async function connect(location: Location, count?: number): Promise<void> {
    if (location.kind !== "registry") return;
    (await clientOf(location.domain)).connect(count);
    await nextTurn();
  }

  return {
    session,
    connect,
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
