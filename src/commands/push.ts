import type { FlagValues } from "../go/flags.js";
import { isSameDraft } from "../list/encode.js";
import { formatReference, parseReference } from "../oci/reference.js";
import { defineCommand, type commonFlags } from "./command.js";
import { expectationFlags, pushFlags } from "./listFlags.js";
import { networkFlags } from "./networkFlags.js";
import { pushDraft } from "./pushDraft.js";
import { listNotFound, openUserStore, storeFlags } from "./userStore.js";

const flags = {
  purge: { kind: "bool", short: "p", description: "Delete the local list when all is done" },
  mountOnly: {
    kind: "bool",
    description: "Fail, as docker does, where the registry refuses to mount a blob",
  },
  crossRegistry: { kind: "bool", description: "Take images from other registries too, by copying them" },
  to: {
    kind: "string",
    value: "layout",
    description: "Write the list and its images into an OCI layout instead: oci-layout://DIR[:tag]",
  },
  tag: {
    kind: "stringArray",
    value: "ref",
    description: "Give the list this tag too, or this whole reference elsewhere; may be repeated",
  },
  type: {
    kind: "string",
    value: "format",
    choices: ["auto", "docker", "oci"],
    description: "What the list is written as: docker's manifest list, an oci index, or auto, what fits",
  },
  ...expectationFlags,
  ...pushFlags,
  ...storeFlags,
  ...networkFlags,
} as const;

export type PushCommandFlags = FlagValues<typeof flags & typeof commonFlags>;

export const push = defineCommand({
  name: "push",
  args: "[OPTIONS] MANIFEST_LIST",
  description:
    "Sends a local list to its registry. Images of other repositories become known in the list's own first; the tag moves last.",
  examples: [
    "tsmanifest push registry.example/app:v1",
    "tsmanifest push --purge registry.example/app:v1",
    "tsmanifest push --tag latest --tag ghcr.io/me/app:v1 --expect linux/amd64,linux/arm64 registry.example/app:v1",
    "tsmanifest push --plan registry.example/app:v1",
    "tsmanifest push --to oci-layout://out:v1 registry.example/app:v1",
  ],
  arity: { min: 1, max: 1 },
  flags,
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
