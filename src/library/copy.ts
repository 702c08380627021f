import { pushAndPull } from "../apply/accesses.js";
import { publish } from "../apply/publish.js";
import { targetsOf, type Target } from "../apply/targets.js";
import { untilThere } from "../apply/untilThere.js";
import { ManifestCache } from "../content/manifestCache.js";
import { TreeReader, type TreeItem } from "../content/manifestTree.js";
import { findAllNear, nearCandidates } from "../content/near.js";
import type { Place } from "../content/place.js";

import { chooseChildren, noManifestMatches } from "../list/choose.js";
import { withChildren } from "../list/combine.js";
import { descriptor, type Descriptor } from "../oci/descriptor.js";
import { isSameLocation } from "../oci/location.js";
import { parseManifest, type Manifest } from "../oci/manifest.js";
import type { Platform } from "../oci/platform.js";
import { planManifests } from "../push/plan.js";
import type { ListResult } from "../ui/listResult.js";
import { pushedResult } from "../ui/pushedResult.js";
import { SentTally } from "../ui/sentTally.js";
import { overConnection, type CallTools } from "./connect.js";
import { readName, readPlatforms, readTargets } from "./names.js";
import { checkOptions, COPY_OPTIONS } from "./options.js";
import { readPlace } from "./readPlace.js";
import { publishSettings, type TransferOptions } from "./pushSettings.js";

/** What is copied. */
export interface CopyOptions extends TransferOptions {
  /** Is everything copied that is attached to it and to its images: signatures, attestations, SBOMs? Default: true. */
  readonly referrers?: boolean | undefined;
  /** Only these platforms of a list: the copy is then another list, with a digest of its own. Default: all. */
  readonly platforms?: readonly string[] | undefined;
}

/**
 * Copies an image, a list or an artifact, to the byte, with all that is below it and attached to it: from registry to
 * registry, or to and from an OCI layout. What the target has already is not sent again, and its tags move last.
 *
 * @param from `registry.example/app:v1`, `registry.example/app@sha256:…`, `oci-layout://out:v1`
 * @param to one name or several, in the same place or elsewhere
 * @param options what is copied, how registries are reached, progress
 * @returns what the names have now; see {@link ListResult}
 * @throws NotFoundError (MANIFEST_UNKNOWN) if it is not there, NO_MATCH where it has none of the platforms, USAGE,
 *   INVALID_REFERENCE; BLOB_NOT_PUSHED or MANIFEST_NOT_PUSHED for what could not be sent, UNAUTHENTICATED, REGISTRY,
 *   TRANSPORT; NOT_VERIFIED with `verify`
 * @example
 * await copy("registry.example/app:v1", "oci-layout://mirror:v1", { docker: userDocker() });
 */
export async function copy(
  from: string,
  to: string | readonly string[],
  options: CopyOptions = {},
): Promise<ListResult> {
  checkOptions(COPY_OPTIONS, options);
  const source = readName(from, "what is copied");
  const places = readTargets(to);
  const targets = targetsOf(places);
  const platforms = readPlatforms(options.platforms);
  const settings = publishSettings(options);
  const locations = targets.map(({ location }) => location);
  const named = [...locations, source.location];
  const near = locations.flatMap((location) => nearCandidates(source.location, location, named));
  return overConnection(options, pushAndPull(locations, [...named, ...near]), async (tools) => {
    const { open, signal } = tools;
    const read = (): Promise<Copied> => readCopied(source, targets, platforms, options, tools);
    const { root, children, items } = await (settings.waitMs === 0
      ? read()
      : untilThere(read, settings.waitMs, signal));
    const placed = items.map(({ manifest: { digest }, location }) => ({ digest, location }));
    const plans = await Promise.all(
      targets.map(async ({ location, tags }) => {
        const nearer = await findAllNear(placed, location, named, open, signal);
        return planManifests({
          target: location,
          root,
          rootSources: [source.location],
          tags,
          items: items.map((item) => ({
            ...item,
            sources: [item.location, ...(nearer.get(item.manifest.digest) ?? [])],
            toleratesRefusal: false,
          })),
        });
      }),
    );
    const tally = new SentTally();
    await publish(tools, settings, plans, open, {
      tellsItself: "all",
      onEvent: (event) => {
        tally.onEvent(event);
        options.onEvent?.(event);
      },
    });
    const own = descriptor(root.mediaType, root.digest, root.bytes.byteLength);
    return pushedResult({ targets, root: own, entries: children ?? [own], sent: tally.sent });
  });
}

interface Copied {
  readonly root: Manifest;
  /** Of a list. */
  readonly children: readonly Descriptor[] | undefined;
  readonly items: readonly TreeItem[];
}

async function readCopied(
  place: Place,
  targets: readonly Target[],
  platforms: readonly Platform[],
  { referrers = true }: CopyOptions,
  { open, signal }: CallTools,
): Promise<Copied> {
  const repository = open(place.location);
  const cache = new ManifestCache({ signal });
  const { name, manifest: found } = await readPlace(place, repository, cache);
  if (found.kind === "image" && platforms.length > 0) {
    const own = { ...descriptor("", "", 0), platform: await cache.platform(repository, found) };
    if (chooseChildren([own], { platforms, attestations: "keep" }).length === 0)
      throw noManifestMatches(platforms, [own]);
  }
  const root = withPlatforms(found, platforms);
  const children = root.kind === "index" ? root.children : undefined;
  // Of what is where it shall be, nothing is read but its name.
  if (targets.every(({ location }) => isSameLocation(location, place.location)))
    return { root, children, items: [] };
  const reader = new TreeReader(cache, {
    signal,
    ...(referrers && { isWanted: () => true }),
    byTags: referrers,
  });
  const below = root.children.map((child) => reader.read(repository, child, name));
  // What is attached to a list is not about a part of it.
  const attached = root === found ? reader.readAttached(repository, root.digest) : [];
  const items = (await Promise.all([...below, attached])).flat();
  return { root, children, items };
}

/** @throws NO_MATCH */
function withPlatforms(manifest: Manifest, platforms: readonly Platform[]): Manifest {
  if (platforms.length === 0 || manifest.kind !== "index") return manifest;
  const { mediaType, digest, bytes } = manifest;
  const chosen = withChildren(
    { descriptor: descriptor(mediaType, digest, bytes.byteLength), bytes },
    (children) => chooseChildren(children, { platforms, attestations: "keep" }),
  );
  if (chosen.descriptor.digest === digest) return manifest;
  const list = parseManifest(mediaType, chosen.bytes);
  if (list.children.length === 0) throw noManifestMatches(platforms, manifest.children);
  return list;
}
