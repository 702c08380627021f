import type { Context } from "../context.js";
import { noSuchManifest } from "../store/store.js";
import { planPush, type PushPlan } from "../push/old/plan.js";
import { formatReference, parseReference } from "../oci/reference.js";
import { defineCommand } from "./command.js";
import { networkFlags, type NetworkFlags } from "./networkFlags.js";
import { openUserStore } from "./userStore.js";

export const push = defineCommand({
  name: "push",
  args: "[OPTIONS] MANIFEST_LIST",
  description:
    "Sends a local list to its registry. Images of other repositories become known in the list's own first; the tag moves last.",
  examples: ["tsmanifest push registry.example/app:v1", "tsmanifest push --purge registry.example/app:v1"],
  arity: { min: 1, max: 1 },
  flags: {
    purge: { kind: "bool", short: "p", description: "Delete the local list when all is done" },
    mountOnly: {
      kind: "bool",
      description: "Fail, as docker does, where the registry refuses to mount a blob",
    },
    crossRegistry: { kind: "bool", description: "Take images from other registries too, by copying them" },
    ...networkFlags,
  },
  async run(context, flags, [name = ""]) {
    const list = parseReference(name);
    const store = openUserStore(context);
    const entries = await store.readList(list);
    if (entries === undefined) throw noSuchManifest(list);
    const plan = planPush(list, entries, flags.crossRegistry);
    const digest = await execute(context, flags, plan);
    context.stdout.write(`${digest}\n`);
    // Somebody may have added an image meanwhile, which nobody has pushed.
    if (flags.purge && !(await store.remove(list, entries))) {
      context.stderr.write(
        `WARNING: ${formatReference(list)} was changed during the push: the local list is kept\n`,
      );
    }
  },
});

async function execute(
  context: Context,
  flags: NetworkFlags & { mountOnly: boolean },
  plan: PushPlan,
): Promise<string> {
  const { openSession } = await import("./session.js");
  const { executePush } = await import("../push/old/execute.js");
  const { pushProgress } = await import("../ui/pushProgress.js");
  const session = await openSession(context, flags, {
    push: plan.target,
    pull: plan.children.map(({ source }) => source),
  });
  const progress = await pushProgress(plan, context);
  try {
    return await executePush(plan, {
      registryOf: session.registryOf,
      concurrency: flags.concurrency,
      retries: flags.retries,
      limits: context.waits?.retryLimits,
      mountOnly: flags.mountOnly,
      signal: context.signal,
      onEvent: progress.onEvent,
    });
  } finally {
    progress.stop();
    await session.close();
  }
}
