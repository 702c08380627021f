import type { Context, Output } from "../context.js";
import { ManifestError, NotFoundError } from "../errors.js";
import type { Draft } from "../list/draft.js";
import { encodeList } from "../list/encode.js";
import type { Entry } from "../list/entry.js";
import { showDockerList, showEntries, showEntry, showList, showManifest } from "../list/inspect.js";
import { locationOf } from "../oci/location.js";
import { NO_PLATFORM } from "../oci/platform.js";
import { formatReference, parseReference, type Reference } from "../oci/reference.js";
import { checkEntrySource } from "../push/plan.js";
import { jsonDocument } from "../ui/jsonDocument.js";
import { progressMode, withProgress, type Progress } from "../ui/terminal/progress.js";
import { escapeControls } from "../ui/text.js";
import { defineCommand } from "./command.js";
import { networkFlags, type NetworkFlags } from "./networkFlags.js";
import { formatFlags } from "./outputFlags.js";
import { openUserStore, storeFlags } from "./userStore.js";

export const inspectCommand = defineCommand({
  name: "inspect",
  args: "[OPTIONS] [MANIFEST_LIST] MANIFEST",
  description:
    "Shows a local list as push would send it, one of its images, or, where there is no such list, what the registry has.",
  examples: [
    "tsmanifest inspect registry.example/app:v1",
    "tsmanifest inspect registry.example/app:v1 registry.example/app:v1-arm64",
    "tsmanifest inspect --format json registry.example/app:v1",
    "tsmanifest inspect --tree registry.example/app:v1",
    "tsmanifest inspect --tree oci-layout://out:v1",
    "tsmanifest inspect --format markdown registry.example/app:v1",
  ],
  arity: { min: 1, max: 2 },
  completes: ["list", "entry", "other"],
  flags: {
    verbose: {
      kind: "bool",
      short: "v",
      description: "Show all that is kept of each image, with its platform",
    },
    tree: {
      kind: "bool",
      description:
        "Show the images of a list with their sizes, what is attached to each of them, and the layers that they share",
    },
    remote: {
      kind: "bool",
      description: "With --tree: what the registry has, also where there is a local list",
    },
    format: {
      ...formatFlags.format,
      choices: ["text", "json", "markdown"],
      description: "text: as docker shows it; json: with names, digests and platforms; markdown: a summary",
    },
    ...storeFlags,
    ...networkFlags,
  },
  async run(context, flags, [first = "", second]) {
    if (flags.tree || flags.format === "markdown") {
      const { showTree } = await import("./look/showTree.js");
      const isRight = await showTree(context, flags, second === undefined ? [first] : [first, second]);
      return isRight ? 0 : 1;
    }
    if (flags.remote) throw new ManifestError("USAGE", "--remote goes with --tree or --format markdown");
    const ref = parseReference(second ?? first);
    if (flags.format === "json") {
      const { inspectResult } = await import("./inspectAsJson.js");
      context.stdout.write(
        jsonDocument(await inspectResult(context, flags, ref, second === undefined ? "" : first)),
      );
      return 0;
    }
    const store = openUserStore(context, flags);
    // An empty list name is none to docker: `inspect "$LIST" image` of a script that has not set it.
    if (second !== undefined && first !== "") {
      const list = parseReference(first);
      const entry = await store.readEntry(list, ref);
      if (entry === undefined) {
        const { notInStore } = await import("./missing.js");
        throw await notInStore(store, list, ref);
      }
      print(context.stdout, flags.verbose ? showEntry(entry) : showImage(entry));
      return 0;
    }
    const draft = await store.read(ref);
    print(
      context.stdout,
      draft === undefined
        ? await withProgress(context, progressMode(flags), (progress) => {
            progress.step(`reading ${formatReference(ref)}`);
            return showRemote(context, flags, ref, progress);
          })
        : await showLocal(draft, flags.verbose),
    );
    return 0;
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
  if (manifest === undefined)
    throw new ManifestError("PAYLOAD_MISSING", `${formatReference(ref)} has no payload`);
  return showManifest(manifest.bytes);
}

async function showLocal(draft: Draft, verbose: boolean): Promise<Buffer> {
  if (verbose) return showEntries(draft.entries);
  try {
    for (const entry of draft.entries) checkEntrySource(entry, locationOf(draft.name));
    return showList(encodeList(draft).bytes);
  } catch (error) {
    const { inDockerWords } = await import("../ui/dockerWords.js");
    const fault = inDockerWords(error, draft.name);
    if (!(fault instanceof ManifestError)) throw fault;
    throw new ManifestError(fault.code, `failed to assemble ManifestDescriptor: ${fault.message}`, {
      subject: fault.subject,
      hint: fault.hint,
      cause: error,
    });
  }
}

async function showRemote(
  context: Context,
  flags: NetworkFlags & { readonly verbose: boolean },
  ref: Reference,
  { onWire, count }: Pick<Progress, "onWire" | "count">,
): Promise<Buffer> {
  const { openSession } = await import("../apply/session.js");
  const { registrySource, SourceReader } = await import("../content/resolve.js");
  const location = locationOf(ref);
  const session = await openSession(context, { ...flags, onWire }, [{ location, actions: ["pull"] }]);
  try {
    const source = registrySource(ref, session.open(location));
    const reader = new SourceReader({
      signal: context.signal,
      onRead: (done, begun) => {
        if (flags.verbose) count(done, begun, "manifest");
      },
    });
    const manifest = await reader.manifest(source);
    if (manifest.kind !== "index") {
      if (!flags.verbose) return showManifest(manifest.bytes);
      return Buffer.concat((await reader.entries(source, manifest)).map(showEntry));
    }
    if (manifest.children.length === 0) {
      throw new NotFoundError("MANIFEST_UNKNOWN", `${source.name} is an index without manifests`, {
        subject: source.name,
        hint: "there is a list of that name, without a manifest in it",
      });
    }
    // What the list says of its children's platforms is all that docker shows of it, annotations left out.
    const children = manifest.children.map((child) => ({
      ...child,
      annotations: {},
      urls: [],
      data: Buffer.alloc(0),
      artifactType: "",
      platform: child.platform ?? NO_PLATFORM,
    }));
    if (!flags.verbose) return showDockerList(children);
    return showEntries(await reader.entries(source, { ...manifest, children }));
  } catch (error) {
    throw (await import("./missing.js")).neitherHere(error, ref);
  } finally {
    await session.close();
  }
}
