import { parseLayoutReference } from "../content/layoutReference.js";
import type { Context } from "../context.js";
import type { Draft } from "../list/draft.js";
import { ManifestError } from "../errors.js";
import { isSameDraft, lostInList } from "../list/encode.js";
import { formatReference, parseReference } from "../oci/reference.js";
import { accessesOf, plan, type Plan, type PlanOptions } from "../push/plan.js";
import { defineCommand } from "./command.js";
import { networkFlags, type NetworkFlags } from "./networkFlags.js";
import { listNotFound, openUserStore } from "./userStore.js";

export const push = defineCommand({
  name: "push",
  args: "[OPTIONS] MANIFEST_LIST",
  description:
    "Sends a local list to its registry. Images of other repositories become known in the list's own first; the tag moves last.",
  examples: [
    "tsmanifest push registry.example/app:v1",
    "tsmanifest push --purge registry.example/app:v1",
    "tsmanifest push --to oci-layout://out:v1 registry.example/app:v1",
  ],
  arity: { min: 1, max: 1 },
  flags: {
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
    ...networkFlags,
  },
  async run(context, flags, [name = ""]) {
    const list = parseReference(name);
    const target = flags.to === "" ? {} : layoutTarget(flags.to);
    const store = openUserStore(context);
    const draft = await store.read(list);
    if (draft === undefined) throw listNotFound(list);
    try {
      const { mountOnly, crossRegistry: anyRegistry } = flags;
      const digest = await execute(context, flags, draft, plan(draft, { ...target, anyRegistry, mountOnly }));
      context.stdout.write(`${digest}\n`);
    } catch (error) {
      const { inDockerWords } = await import("../ui/dockerWords.js");
      throw inDockerWords(error, list);
    }
    if (!flags.purge) return;
    await store.change(list, (current) => {
      if (current === undefined || isSameDraft(current, draft)) return undefined;
      // Somebody has added an image meanwhile, which nobody has pushed.
      context.stderr.write(
        `WARNING: ${formatReference(list)} was changed during the push: the local list is kept\n`,
      );
      return current;
    });
  },
});

function layoutTarget(text: string): Required<Pick<PlanOptions, "target" | "tags">> {
  const { folder, tag, digest } = parseLayoutReference(text);
  if (digest !== undefined) {
    throw new ManifestError("INVALID_REFERENCE", `${text}: a list is written under a tag, not a digest`, {
      subject: text,
    });
  }
  return { target: { kind: "layout", folder }, tags: [tag ?? "latest"] };
}

async function execute(context: Context, flags: NetworkFlags, draft: Draft, planned: Plan): Promise<string> {
  const { openSession } = await import("./session.js");
  const { execute } = await import("../push/execute.js");
  const { pushProgress } = await import("../ui/pushProgress.js");
  for (const lost of lostInList(draft)) {
    context.stderr.write(`WARNING: docker's manifest list has no room for ${lost}\n`);
  }
  const session = await openSession(context, flags, accessesOf(planned));
  const progress = await pushProgress(draft, [planned], context);
  try {
    const { digest } = await execute(planned, session.open, {
      signal: context.signal,
      onEvent: progress.onEvent,
    });
    return digest;
  } catch (error) {
    progress.fail(error);
    throw error;
  } finally {
    progress.stop();
    await session.close();
  }
}
