import type { Context } from "../context.js";
import { inListOrder } from "../list/attestations.js";
import type { Draft } from "../list/draft.js";
import { formatLocation, isSameLocation } from "../oci/location.js";
import { formatReference, withDigest } from "../oci/reference.js";
import { PutError } from "../push/errors.js";
import type { PushEvent } from "../push/execute.js";
import { childrenOf, type Plan } from "../push/plan.js";
import type { Progress } from "./terminal/progress.js";
import { TransferSummary } from "./transferSummary.js";

export interface PushProgress {
  readonly onEvent: (event: PushEvent) => void;
  /** The push failed. */
  fail(error: unknown): void;
  stop(): void;
}

/**
 * Shows a push: docker's lines on stdout; what is being done, by `progress`; and what was copied, on stderr in any case.
 * @param plans the first is that of the list's own name
 */
export function pushProgress(
  draft: Draft,
  plans: readonly [Plan, ...Plan[]],
  outputs: Pick<Context, "stdout" | "stderr" | "signal">,
  { progress, isQuiet }: { readonly progress: Progress; readonly isQuiet: boolean },
): PushProgress {
  const [plan] = plans;
  const { stdout, signal } = outputs;
  const transfers = new TransferSummary({ isQuiet, isSeen: () => outputs.stderr.isTTY === true });
  transfers.expect(plans);
  progress.step(`pushing ${nameOf(draft, plan)}`);
  progress.expect(plans);
  const total = childrenOf(plan).length;
  const done = new Set<string>();
  let tag: "before" | "under way" | "moved" = "before";
  let isPrinted = false;

  function onEvent(event: PushEvent): void {
    progress.onEvent(event);
    transfers.onEvent(event);
    switch (event.kind) {
      case "child":
        done.add(event.child.manifest.digest);
        break;
      case "tagging":
        printPushed();
        tag = "under way";
        break;
      case "tagged":
        tag = "moved";
        break;
      case "unchanged":
        printPushed();
        break;
      case "blob":
      case "bytes":
      case "copying":
      case "queued":
      case "kept":
      case "progress":
        break;
    }
  }

  /** A line for each entry of another repository, in list order, as far as docker would have come. */
  function printPushed(): void {
    if (isPrinted) return;
    isPrinted = true;
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
    if (signal.aborted) outputs.stderr.write(`${interruption()}\n`);
    const { text } = transfers;
    if (text !== undefined) outputs.stderr.write(`${text}\n`);
  }

  /** What was done until the user stopped it. */
  function interruption(): string {
    const at = formatLocation(plan.target);
    const name = nameOf(draft, plan);
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

/** Of the list, where it goes. In a layout it has another name than here. */
function nameOf({ name }: Draft, { target }: Plan): string {
  return target.kind === "registry" ? formatReference(name) : formatLocation(target);
}
