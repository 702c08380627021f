import { pushAndPull } from "../apply/accesses.js";
import { expectationsOf } from "../apply/expectations.js";
import { readNamedBy } from "../apply/fromPlaces.js";
import type { WantedOrderSource } from "../apply/readSource.js";
import { resolveSubject, subjectPlace } from "../apply/subject.js";
import { untilThere } from "../apply/untilThere.js";
import { openLayout } from "../content/layout.js";
import type { Place } from "../content/place.js";
import { layoutSource, registrySource, SourceReader, type Source } from "../content/resolve.js";
import { ManifestError } from "../errors.js";
import { noManifestMatches, type Choice } from "../list/choose.js";
import { addEntries, emptyDraft, type Draft } from "../list/draft.js";
import type { Entry } from "../list/entry.js";
import type { Descriptor } from "../oci/descriptor.js";
import { formatReference, type Reference } from "../oci/reference.js";
import { overConnection, type CallOptions, type CallTools } from "./connect.js";
import { readName, readPlatforms } from "./names.js";
import { checkOptions, DRAFT_OPTIONS } from "./options.js";
import type { ListOptions } from "./pushSources.js";
import { placeListSources, type ListSource } from "./sources.js";

/** How a draft is made. */
export interface DraftOptions extends CallOptions, Omit<ListOptions, "referrers"> {
  /** How long to wait for sources that are not there yet, in milliseconds. Default: 0. */
  readonly waitMs?: number | undefined;
}

/**
 * Makes a list as `docker manifest create` does, from what registries, layouts and builds have; nothing is pushed or stored.
 * `pushList` pushes it, a `Store` keeps it, `addEntries` adds to it, `encodeList` says what it will look like.
 *
 * @param name of the list, which is that of a registry: `registry.example/app:v1`
 * @param sources images, lists (all that they name), layouts, and the images that builds have recorded
 * @param options which of them are taken, what the list says of itself, how registries are reached
 * @throws NotFoundError (MANIFEST_UNKNOWN) for a source that is not there, INVALID_REFERENCE, INVALID_PLATFORM,
 *   INVALID_SOURCE, INVALID_MANIFEST, NO_MATCH where nothing is left of the sources, EXPECTATION, USAGE; UNAUTHENTICATED,
 *   REGISTRY, TRANSPORT
 * @example
 * const draft = await createDraft("registry.example/app:v1", ["registry.example/app:v1-amd64", "registry.example/app:v1-arm64"]);
 * console.log(encodeList(draft).bytes.toString());
 */
export async function createDraft(
  name: string,
  sources: readonly ListSource[],
  options: DraftOptions = {},
): Promise<Draft> {
  checkOptions(DRAFT_OPTIONS, options);
  const place = readName(name, "the name of a list");
  const ref = referenceOf(place);
  if (ref === undefined) {
    const hint = "push it to a layout: pushList(draft, { to: … })";
    throw new ManifestError("USAGE", `${name}: a draft has the name of a registry`, { subject: name, hint });
  }
  const { waitMs = 0, attestations = "keep", expect = [], strict = false } = options;
  const { annotations = {}, type = "auto", subject, artifactType = "" } = options;
  const choice: Choice = { platforms: readPlatforms(options.platforms), attestations };
  const wanted = await placeListSources(sources, place);
  const order = { subject, targets: [place] };
  const about = subjectPlace(order);
  const places = [...wanted.map((one) => one.place), ...(about === undefined ? [] : [about])];
  const accesses = pushAndPull(
    [],
    places.map(({ location }) => location),
  );
  return overConnection(options, accesses, async (tools) => {
    const [found, refersTo] = await Promise.all([
      readAll(wanted, ref, choice, waitMs, tools),
      resolveSubject(order, tools),
    ]);
    const entries = found.flat();
    if (entries.length === 0) throw nothingLeft(choice);
    const draft = addEntries(emptyDraft(ref), entries);
    const check = expectationsOf(tools.warn, { expect, strict }, formatReference(ref));
    check(draft.entries.map(({ descriptor }) => descriptor));
    return {
      ...draft,
      settings: { type, annotations, artifactType, ...(refersTo && { subject: refersTo }) },
    };
  });
}

/** All at once; what went wrong with the first that failed is thrown. */
async function readAll(
  wanted: readonly WantedOrderSource[],
  list: Reference,
  choice: Choice,
  waitMs: number,
  { open, signal }: CallTools,
): Promise<Entry[][]> {
  const reader = new SourceReader({ signal, choice });
  const results = await Promise.allSettled(
    wanted.map(async ({ place, given, text, namedBy }) => {
      // A reader bounds all that it reads: one for each try.
      const read = async (): Promise<Entry[]> =>
        (waitMs === 0 ? reader : new SourceReader({ signal, choice })).entries(
          await sourceOf(place, list, open),
        );
      const entries = await readNamedBy(namedBy, () =>
        waitMs === 0 ? read() : untilThere(read, waitMs, signal),
      );
      return given === undefined
        ? entries
        : entries.map((entry) => saidOf(entry, given, entries.length, text));
    }),
  );
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}

async function sourceOf(place: Place, list: Reference, open: CallTools["open"]): Promise<Source> {
  const ref = referenceOf(place);
  if (ref !== undefined) return registrySource(ref, open(place.location));
  const { location, tag, digest } = place;
  return layoutSource(list, openLayout(location.kind === "layout" ? location.folder : ""), {
    ...(tag !== undefined && { tag }),
    ...(digest !== undefined && { digest }),
  });
}

/** @throws USAGE for a list, whose entries have platforms and annotations of their own */
function saidOf(entry: Entry, given: Descriptor, entries: number, text: string): Entry {
  if (entries > 1) {
    throw new ManifestError("USAGE", `${text} is a list: what is said of an image cannot be said of it`, {
      subject: text,
    });
  }
  const { platform = entry.descriptor.platform, annotations } = given;
  const own = Object.keys(annotations).length === 0 ? entry.descriptor.annotations : annotations;
  return { ...entry, descriptor: { ...entry.descriptor, annotations: own, ...(platform && { platform }) } };
}

/** Undefined for that of a layout. */
function referenceOf({ location, tag, digest }: Place): Reference | undefined {
  if (location.kind === "layout") return undefined;
  const { domain, path } = location;
  return { domain, path, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
}

function nothingLeft({ platforms }: Choice): ManifestError {
  if (platforms.length > 0) return noManifestMatches(platforms);
  return new ManifestError("NO_MATCH", "nothing is left of the sources without their attestations");
}
