import type { Context, Output } from "../context.js";
import { ManifestError } from "../errors.js";
import type { Entry } from "../list/entry.js";
import { showDockerList as showList, showEntries, showEntry, showManifest } from "../list/inspect.js";
import { listItem } from "../push/old/list.js";
import { NO_PLATFORM } from "../oci/platform.js";
import { formatReference, parseReference, type Reference } from "../oci/reference.js";
import { noSuchManifest } from "../store/store.js";
import { escapeControls } from "../ui/text.js";
import { defineCommand } from "./command.js";
import { networkFlags, type NetworkFlags } from "./networkFlags.js";
import { openUserStore } from "./userStore.js";

export const inspect = defineCommand({
  name: "inspect",
  args: "[OPTIONS] [MANIFEST_LIST] MANIFEST",
  description:
    "Shows a local list as push would send it, one of its images, or, where there is no such list, what the registry has.",
  examples: [
    "tsmanifest inspect registry.example/app:v1",
    "tsmanifest inspect registry.example/app:v1 registry.example/app:v1-arm64",
  ],
  arity: { min: 1, max: 2 },
  flags: {
    verbose: {
      kind: "bool",
      short: "v",
      description: "Show all that is kept of each image, with its platform",
    },
    ...networkFlags,
  },
  async run(context, flags, [first = "", second]) {
    const ref = parseReference(second ?? first);
    const store = openUserStore(context);
    // An empty list name is none to docker: `inspect "$LIST" image` of a script that has not set it.
    if (second !== undefined && first !== "") {
      const entry = await store.readEntry(parseReference(first), ref);
      if (entry === undefined) throw noSuchManifest(ref);
      print(context.stdout, flags.verbose ? showEntry(entry) : showImage(entry));
      return;
    }
    const local = await store.readList(ref);
    print(
      context.stdout,
      local === undefined ? await showRemote(context, flags, ref) : showLocal(local, ref, flags.verbose),
    );
  },
});

/**
 * A script gets docker's bytes. On a terminal what it might obey is spelled out: `\u009b` in a string of JSON, the only
 * place where such characters can be, is still the same JSON.
 */
function print(stdout: Output, json: Buffer): void {
  stdout.write(stdout.isTTY === true ? escapeControls(json.toString("utf8")) : json);
}

function showImage({ manifest, ref }: Entry): Buffer {
  if (manifest === undefined) throw new ManifestError("STORE", `${formatReference(ref)} has no payload`);
  return showManifest(manifest.bytes);
}

function showLocal(entries: readonly Entry[], list: Reference, verbose: boolean): Buffer {
  if (verbose) return showEntries(entries);
  try {
    return showList(entries.map((entry) => listItem(entry, list.domain)));
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    throw new ManifestError("STORE", `failed to assemble ManifestDescriptor: ${error.message}`, {
      cause: error,
    });
  }
}

async function showRemote(
  context: Context,
  flags: NetworkFlags & { verbose: boolean },
  ref: Reference,
): Promise<Buffer> {
  const { openSession, rethrowMissing } = await import("./session.js");
  const { childEntries, fetchReference, imageEntry } = await import("../content/images.js");
  const session = await openSession(context, flags, { pull: [ref] });
  try {
    const registry = session.registryOf(ref.domain);
    const { manifest, fetched } = await fetchReference(registry, ref).catch(rethrowMissing(ref));
    if (manifest.kind === "index") {
      if (manifest.children.length === 0) {
        throw new ManifestError("LIST_NOT_FOUND", `no such manifest: ${formatReference(ref)}`, {
          hint: "there is a list of that name, without a manifest in it",
        });
      }
      // What the list says of its children's platforms is all there is to show, annotations left out.
      const manifests = manifest.children.map((child) => ({
        ...child,
        annotations: {},
        platform: child.platform ?? NO_PLATFORM,
      }));
      if (!flags.verbose) return showList(manifests);
      return showEntries(await childEntries(registry, ref, { ...manifest, children: manifests }));
    }
    return flags.verbose
      ? showEntry(await imageEntry(registry, ref, { manifest, fetched }))
      : showManifest(manifest.bytes);
  } finally {
    await session.close();
  }
}
