import { isSameDraft } from "../list/encode.js";
import { formatReference, parseReference } from "../oci/reference.js";
import { defineCommand } from "./command.js";
import { pushCommandFlags } from "./push/pushCommandFlags.js";
import { pushDraft } from "./push/pushDraft.js";
import { listNotFound, openUserStore } from "./userStore.js";

export const push = defineCommand({
  name: "push",
  args: "[OPTIONS] MANIFEST_LIST",
  description:
    "Sends a local list to its registry. Images of other repositories become known in the list's own first; the tag moves last.",
  examples: [
    "tsmanifest push registry.example/app:v1",
    "tsmanifest push --purge registry.example/app:v1",
    "tsmanifest push --tag latest --expect linux/amd64,linux/arm64 registry.example/app:v1",
    "tsmanifest push --cross-registry --tag ghcr.io/me/app:v1 registry.example/app:v1",
    "tsmanifest push --plan registry.example/app:v1",
    "tsmanifest push --to oci-layout://out:v1 registry.example/app:v1",
  ],
  arity: { min: 1, max: 1 },
  flags: pushCommandFlags,
  async run(context, flags, [name = ""]) {
    const list = parseReference(name);
    const store = openUserStore(context, flags);
    const draft = await store.read(list);
    if (draft === undefined) throw listNotFound(list);
    let pushed;
    try {
      pushed = await pushDraft(context, flags, draft);
    } catch (error) {
      const { inDockerWords } = await import("../ui/dockerWords.js");
      throw inDockerWords(error, list);
    }
    if (pushed === undefined) return;
    context.stdout.write(`${pushed.digest}\n`);
    const { base } = pushed;
    if (!flags.purge && base === undefined) return;
    await store.change(list, (current) => {
      if (current === undefined) return undefined;
      if (isSameDraft(current, draft)) {
        return flags.purge ? undefined : { ...pushed.draft, settings: { ...current.settings, base } };
      }
      // Somebody has added an image meanwhile, which nobody has pushed.
      if (flags.purge) {
        context.stderr.write(
          `WARNING: ${formatReference(list)} was changed during the push: the local list is kept\n`,
        );
      }
      return current;
    });
  },
});
