import { layoutSource, registrySource, SourceReader, type Source } from "../../content/resolve.js";
import type { Context } from "../../context.js";
import { ManifestError } from "../../errors.js";
import { noManifestMatches } from "../../list/choose.js";
import type { Draft, DraftBase } from "../../list/draft.js";
import type { Entry } from "../../list/entry.js";
import { baseOf } from "../../list/merge.js";
import { locationOf } from "../../oci/location.js";
import { readPlatformName } from "../../oci/platformAliases.js";
import { formatReference, type Reference } from "../../oci/reference.js";
import { progressMode, withProgress, type Progress } from "../../ui/terminal/progress.js";
import type { CreateFlags } from "./createFlags.js";
import type { NamedSource } from "./createSources.js";
import { connectAhead } from "../../apply/connectAhead.js";
import { readNamedBy } from "../../apply/fromPlaces.js";
import { readRemoteList } from "../../apply/remoteList.js";
import { waitMs } from "../listFlags.js";
import { openSession, type Session } from "../../apply/session.js";
import { untilThere } from "../../apply/untilThere.js";

export interface ReadSources {
  readonly entries: readonly Entry[];
  /** The list that the registry has, where that is what is begun with. */
  readonly begin?: Draft;
}

/** The entries that sources stand for, all read at once. Throws what went wrong with the first that failed. */
export async function readSources(
  context: Context,
  flags: CreateFlags,
  list: Reference,
  named: readonly NamedSource[],
): Promise<ReadSources> {
  return withProgress(context, progressMode(flags), (progress) =>
    readAllSources(context, flags, list, named, progress),
  );
}

async function readAllSources(
  context: Context,
  flags: CreateFlags,
  list: Reference,
  named: readonly NamedSource[],
  progress: Progress,
): Promise<ReadSources> {
  const platforms = flags.platform
    .flatMap((text) => text.split(","))
    .filter((text) => text !== "")
    .map(readPlatformName);
  const mode = flags.merge ? "merge" : flags.append ? "append" : undefined;
  const refs = [
    ...(mode === undefined ? [] : [list]),
    ...named.flatMap((source) => (source.kind === "registry" ? [source.ref] : [])),
  ];
  progress.step("reading sources", { total: named.length + (mode === undefined ? 0 : 1), unit: "source" });
  const session = await openSession(
    context,
    { ...flags, onWire: progress.onWire },
    refs.map((ref) => ({ location: locationOf(ref), actions: ["pull"] })),
  );
  await connectAhead(
    session,
    refs.map((ref) => locationOf(ref)),
    [],
  );
  const choice = { platforms, attestations: flags.attestations === "drop" ? "drop" : "keep" } as const;
  const newReader = (): SourceReader => new SourceReader({ signal: context.signal, choice });
  const reader = newReader();
  const wait = waitMs(flags);
  const entriesOf = async (source: NamedSource): Promise<Entry[]> => {
    // A reader bounds all that it reads: one for each try.
    const read = async (): Promise<Entry[]> =>
      (wait === 0 ? reader : newReader()).entries(await sourceOf(source, list, session));
    const file = source.kind === "registry" ? source.namedBy : undefined;
    const entries = await readNamedBy(file, () =>
      wait === 0 ? read() : untilThere(read, wait, context.signal),
    );
    progress.advance(`read ${nameOf(source)}`);
    return entries;
  };
  const base = async (kind: DraftBase["mode"]): Promise<Draft> => {
    const draft = await readBase(context, session, list, kind);
    progress.advance(`read ${formatReference(list)}`);
    return draft;
  };
  try {
    const results = await Promise.allSettled([
      mode === undefined ? Promise.resolve(undefined) : base(mode),
      ...named.map(entriesOf),
    ] as const);
    const [begun, ...read] = results;
    if (begun.status === "rejected") throw begun.reason;
    const entries = read.flatMap((result) => {
      if (result.status === "rejected") throw result.reason;
      return result.value;
    });
    if (entries.length === 0 && named.length > 0) {
      if (platforms.length > 0) throw noManifestMatches(platforms);
      throw new ManifestError("NO_MATCH", "nothing is left of the sources without their attestations");
    }
    return { entries, ...(begun.value && { begin: begun.value }) };
  } finally {
    await session.close();
  }
}

function nameOf(source: NamedSource): string {
  return source.kind === "registry" ? formatReference(source.ref) : source.layout.folder;
}

async function sourceOf(source: NamedSource, list: Reference, session: Session): Promise<Source> {
  if (source.kind === "registry") return registrySource(source.ref, session.open(locationOf(source.ref)));
  const { openLayout } = await import("../../content/layout.js");
  return layoutSource(list, openLayout(source.layout.folder), source.layout);
}

/** The draft that is the list which the registry has under a name. A merge begins with nothing where there is none. */
async function readBase(
  context: Context,
  session: Session,
  list: Reference,
  mode: DraftBase["mode"],
): Promise<Draft> {
  const { entries, digest, annotations, settings } = await readRemoteList(
    { open: session.open, signal: context.signal },
    list,
    mode === "merge",
  );
  return { name: list, entries, settings: { ...settings, base: baseOf(digest, mode, entries, annotations) } };
}
