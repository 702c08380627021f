import type { Context } from "../context.js";
import { certsFolders, readRegistryCertificates } from "../docker/certs.js";
import { createCredentials } from "../docker/credentials.js";
import { readCaFile } from "../docker/pem.js";
import { proxyFor } from "../docker/proxies.js";
import { systemRoots } from "../docker/systemRoots.js";
import { ManifestError } from "../errors.js";
import type { Entry } from "../list/entry.js";
import { formatReference, type Reference } from "../oci/reference.js";
import { createRegistry, type RegistryClient, type RegistryEvent } from "../registry/createRegistry.js";
import { ConfigCache, fetchEntries } from "../content/images.js";
import { isNoSuchManifest } from "../registry/http/registryError.js";
import type { TlsSettings } from "../registry/http/tls.js";
import { pushScopes, repositoryScope } from "../registry/auth/token.js";
import { escapeControls } from "../ui/text.js";
import { wireLogLine } from "../ui/wireLog.js";
import { VERSION } from "../version.js";
import type { NetworkFlags } from "./networkFlags.js";

/** The registries that a command talks to, set up as the user and the flags say. */
export interface Session {
  readonly registryOf: (domain: string) => RegistryClient;
  readonly close: () => Promise<void>;
}

/** What the command is going to do where; one token then does for all of it. */
export interface Intent {
  readonly push?: Reference;
  readonly pull: readonly Reference[];
}

export async function openSession(context: Context, flags: NetworkFlags, intent: Intent): Promise<Session> {
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
  const open = (domain: string): Promise<RegistryClient> =>
    createRegistry({
      domain,
      insecure: flags.insecure,
      plainHttp: flags.plainHttp,
      credentials: () => credentialsFor(domain, context.signal),
      certificates,
      roots: () => (roots ??= systemRoots(context)),
      proxyFor: (url) => proxyFor(url, context.env),
      scopes: scopesOf(domain, intent),
      concurrency: flags.concurrency,
      retries: flags.retries,
      ...context.waits,
      signal: context.signal,
      userAgent: `tsmanifest/${VERSION}`,
      onEvent: (event) => {
        report(event, flags.debug, context, warn);
      },
    });

  const domains = [
    ...new Set([...(intent.push ? [intent.push] : []), ...intent.pull].map(({ domain }) => domain)),
  ];
  const clients = new Map<string, RegistryClient>();
  for (const domain of domains) clients.set(domain, await open(domain));
  return {
    registryOf: (domain) => {
      const client = clients.get(domain);
      if (client === undefined) throw new Error(`no client was opened for ${domain}`);
      return client;
    },
    close: async () => {
      await Promise.all([...clients.values()].map((client) => client.close()));
    },
  };
}

/** What the command needs in one registry. */
function scopesOf(domain: string, { push, pull }: Intent): string[] {
  const sources = pull.filter((ref) => ref.domain === domain).map(({ path }) => path);
  if (push?.domain === domain) return pushScopes(push.path, sources);
  return [...new Set(sources)].map((path) => repositoryScope(path, "pull"));
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

/** The entries that sources stand for, all fetched at once. Throws what went wrong with the first that failed. */
export async function fetchSources(session: Session, sources: readonly Reference[]): Promise<Entry[]> {
  const caches = new Map<string, ConfigCache>();
  const results = await Promise.allSettled(
    sources.map(async (source) => {
      const registry = session.registryOf(source.domain);
      const configs = caches.get(source.domain) ?? new ConfigCache(registry);
      caches.set(source.domain, configs);
      return fetchEntries(registry, source, configs).catch(rethrowMissing(source));
    }),
  );
  return results.flatMap((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}

/** docker's message for a reference that the registry does not have, or does not show. */
export function rethrowMissing(ref: Reference) {
  return (error: unknown): never => {
    if (!isNoSuchManifest(error)) throw error;
    throw new ManifestError("LIST_NOT_FOUND", `no such manifest: ${formatReference(ref)}`, {
      cause: error,
      hint: error.status === 404 ? undefined : error.hint,
    });
  };
}
