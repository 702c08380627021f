import type { Context } from "../context.js";
import type { Draft } from "../list/draft.js";
import { isSameDraft } from "../list/encode.js";
import { formatReference, parseReference } from "../oci/reference.js";
import type { Store } from "../store/store.js";
import type { ListResult } from "../ui/listResult.js";
import { pushedResult } from "../ui/pushedResult.js";
import { defineCommand } from "./command.js";
import { pushCommandFlags, type PushCommandFlags } from "./push/pushCommandFlags.js";
import { pushDraft } from "./push/pushDraft.js";
import type { Pushed } from "./push/pushWork.js";
import { tellPushed } from "./tellPushed.js";
import { openUserStore } from "./userStore.js";

export const push = defineCommand({
  name: "push",
  args: "[OPTIONS] MANIFEST_LIST",
  description:
    "Sends a local list to its registry. Images of other repositories are put into the list's own first; the tag moves last.",
  examples: [
    "tsmanifest push registry.example/app:v1",
    "tsmanifest push --purge registry.example/app:v1",
    "tsmanifest push --tag latest --expect linux/amd64,linux/arm64 registry.example/app:v1",
    "tsmanifest push --cross-registry --tag ghcr.io/me/app:v1 registry.example/app:v1",
    "tsmanifest push --plan registry.example/app:v1",
    "tsmanifest push --digest-file digest.txt --format json registry.example/app:v1",
    "tsmanifest push --to oci-layout://out:v1 registry.example/app:v1",
  ],
  arity: { min: 1, max: 1 },
  completes: ["list", "other"],
  flags: pushCommandFlags,
  async run(context, flags, [name = ""]) {
    const list = parseReference(name);
    const hasFiles = !flags.plan && (flags.digestFile !== "" || flags.metadataFile !== "");
    const files = hasFiles ? await import("./outputFiles.js") : undefined;
    await files?.checkOutputFiles(flags);
    const store = openUserStore(context, flags);
    const draft = await store.read(list);
    if (draft === undefined) {
      const { notInStore } = await import("./missing.js");
      throw await notInStore(store, list);
    }
    let pushed: Pushed | undefined;
    try {
      pushed = await pushDraft(context, flags, draft);
    } catch (error) {
      const { inDockerWords } = await import("../ui/dockerWords.js");
      throw inDockerWords(error, list);
    }
    if (pushed === undefined) return;
    const { root, targets } = pushed;
    if (flags.format === "text" && !flags.quiet) context.stdout.write(`${root.digest}\n`);
    const result = resultOf(pushed, flags);
    // docker's copy of a manifest may have other bytes, and so another digest.
    const images = pushed.draft.entries.map(({ descriptor: { digest }, manifest }) => ({
      digest,
      blobs: manifest?.blobs ?? [],
    }));
    await tellPushed(context, flags.format, { result, images }, async () => {
      await files?.writeOutputFiles(flags, result, targets);
      await settle(context, flags, store, draft, pushed);
    });
  },
});

/** What became of the list. In a layout it has another name than here. */
function resultOf({ root, draft, targets, sent }: Pushed, { to }: PushCommandFlags): ListResult {
  const { digest, mediaType, bytes, children } = root;
  return pushedResult({
    ...(to === "" && { name: formatReference(draft.name) }),
    targets,
    root: { digest, mediaType, size: bytes.byteLength },
    entries: children,
    sent,
  });
}

/** What the local list becomes: nothing with `--purge`; one that others add to, too, begins with what it is now. */
async function settle(
  { stderr }: Context,
  { purge }: PushCommandFlags,
  store: Store,
  draft: Draft,
  pushed: Pushed,
): Promise<void> {
  const { base } = pushed;
  if (!purge && base === undefined) return;
  await store.change(draft.name, (current) => {
    if (current === undefined) return undefined;
    if (isSameDraft(current, draft)) {
      return purge ? undefined : { ...pushed.draft, settings: { ...current.settings, base } };
    }
    // Somebody has added an image meanwhile, which nobody has pushed.
    if (purge) {
      const list = formatReference(draft.name);
      stderr.write(`WARNING: ${list} was changed during the push: the local list is kept\n`);
    }
    return current;
  });
}
