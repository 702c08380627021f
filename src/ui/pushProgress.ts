import type { Context } from "../context.js";
import { inListOrder } from "../list/attestations.js";
import type { Draft } from "../list/draft.js";
import { formatLocation, isSameLocation } from "../oci/location.js";
import { formatReference, withDigest } from "../oci/reference.js";
import { PutError } from "../push/errors.js";
import type { PushEvent } from "../push/execute.js";
import { childrenOf, type Plan } from "../push/plan.js";
import { transferProgress, type ProgressMode } from "./transferProgress.js";

export interface PushProgress {
  readonly onEvent: (event: PushEvent) => void;
  /** The push failed. */
  fail(error: unknown): void;
  stop(): void;
}

/**
 * Shows a push: docker's lines on stdout; on a terminal a spinner with what is done; and what was copied, on stderr
 * in any case.
 * @param plans the first is that of the list's own name
 */
export async function pushProgress(
  draft: Draft,
  plans: readonly [Plan, ...Plan[]],
  { stdout, stderr, signal }: Pick<Context, "stdout" | "stderr" | "signal">,
  mode: ProgressMode = "auto",
): Promise<PushProgress> {
  const [plan] = plans;
  const progress = await transferProgress(stderr, mode);
  progress.expect(plans);
  const total = childrenOf(plan).length;
  const done = new Set<string>();
  let tag: "before" | "under way" | "moved" = "before";

  function onEvent(event: PushEvent): void {
    progress.onEvent(event);
    switch (event.kind) {
      case "child":
        done.add(event.child.manifest.digest);
        break;
      case "tagging":
        if (tag === "before") printPushed();
        tag = "under way";
        break;
      case "tagged":
        tag = "moved";
        break;
      case "blob":
      case "bytes":
      case "copying":
      case "kept":
        break;
    }
  }

  /** A line for each entry of another repository, in list order, as far as docker would have come. */
  function printPushed(): void {
    const { domain, path } = draft.name;
    for (const { source, descriptor } of inListOrder(draft.entries)) {
      if (isSameLocation(source, plan.target)) continue;
      const { digest } = descriptor;
      if (!done.has(digest)) return;
      const ref =
        plan.target.kind === "registry"
          ? formatReference(withDigest({ domain, path }, digest))
          : `${formatLocation(plan.target)}@${digest}`;
      stdout.write(`Pushed ref ${ref} with digest: ${digest}\n`);
    }
  }

  function stop(): void {
    progress.stop();
    if (signal.aborted) stderr.write(`${interruption()}\n`);
    const summary = progress.summary();
    if (summary !== undefined) stderr.write(`${summary}\n`);
  }

  /** What was done until the user stopped it. */
  function interruption(): string {
    const at = formatLocation(plan.target);
    const name = plan.target.kind === "registry" ? formatReference(draft.name) : at;
    const state = `${done.size} of ${total} images are in ${at}`;
    switch (tag) {
      case "before":
        return `${state}; ${name} was not changed`;
      case "under way":
        return `${state}; ${name} was about to be changed: inspect it, or push again`;
      case "moved":
        return `${state}; ${name} was changed`;
    }
  }

  return {
    onEvent,
    fail: (error) => {
      // docker mounts everything before it puts anything, and prints what it has put.
      if (tag === "before" && error instanceof PutError && !signal.aborted) printPushed();
    },
    stop,
  };
}
