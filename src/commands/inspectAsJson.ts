import { openSession, type NetworkSettings } from "../apply/session.js";
import { registrySource, SourceReader } from "../content/resolve.js";
import type { Context } from "../context.js";
import { ManifestError } from "../errors.js";
import { locationOf } from "../oci/location.js";
import { formatReference, parseReference, type Reference } from "../oci/reference.js";
import { describeDraft, describeLocalImage, describeManifest } from "../ui/describeManifest.js";
import type { InspectResult } from "../ui/inspectResult.js";
import { progressMode, withProgress } from "../ui/terminal/progress.js";
import { neitherHere, notInStore } from "./missing.js";
import type { NetworkFlags } from "./networkFlags.js";
import { openUserStore, type StoreFlags } from "./userStore.js";

/**
 * What a name stands for: an image of a local list, if that is named; else a local list or, where there is none of that
 * name, what the registry has.
 * @throws LIST_NOT_FOUND, MANIFEST_UNKNOWN
 */
export async function inspectResult(
  context: Context,
  flags: NetworkFlags & StoreFlags,
  ref: Reference,
  listName: string,
): Promise<InspectResult> {
  const store = openUserStore(context, flags);
  const name = formatReference(ref);
  // As docker has it, an empty name of a list is none.
  if (listName !== "") {
    const list = parseReference(listName);
    const entry = await store.readEntry(list, ref);
    if (entry === undefined) throw await notInStore(store, list, ref);
    if (entry.manifest === undefined) throw new ManifestError("PAYLOAD_MISSING", `${name} has no payload`);
    return describeLocalImage(entry, entry.manifest);
  }
  const draft = await store.read(ref);
  if (draft !== undefined) return describeDraft(draft);
  return withProgress(context, progressMode(flags), (progress) => {
    progress.step(`reading ${name}`);
    return describeRemote(context, { ...flags, onWire: progress.onWire }, ref);
  });
}

async function describeRemote(
  context: Context,
  flags: NetworkSettings,
  ref: Reference,
): Promise<InspectResult> {
  const location = locationOf(ref);
  const session = await openSession(context, flags, [{ location, actions: ["pull"] }]);
  try {
    const source = registrySource(ref, session.open(location));
    const reader = new SourceReader({ signal: context.signal });
    const manifest = await reader.manifest(source);
    // The config of an image says its platform.
    const [entry] = manifest.kind === "image" ? await reader.entries(source, manifest) : [];
    return describeManifest(formatReference(ref), "registry", manifest, entry?.descriptor.platform);
  } catch (error) {
    throw neitherHere(error, ref);
  } finally {
    await session.close();
  }
}
