import type { Context } from "../context.js";
import { inListOrder } from "../list/attestations.js";
import type { Draft } from "../list/draft.js";
import { formatLocation, isSameLocation } from "../oci/location.js";
import { formatReference, withDigest } from "../oci/reference.js";
import { PutError } from "../push/errors.js";
import type { PushEvent } from "../push/execute.js";
import { childrenOf, type Plan } from "../push/plan.js";

export interface PushProgress {
  readonly onEvent: (event: PushEvent) => void;
  /** The push failed. */
  fail(error: unknown): void;
  stop(): void;
}

/**
 * Shows a push: docker's lines on stdout; on a terminal a spinner with what is done; and what was copied, on stderr
 * in any case, since a copy takes what a mount does not: time and traffic.
 */
export async function pushProgress(
  draft: Draft,
  plan: Plan,
  { stdout, stderr, signal }: Context,
): Promise<PushProgress> {
  // Some terminals (a serial line, `script` without one of its own) say that they have no width: ora would clear their lines for ever.
  const spinner = stderr.isTTY === true && stderr.columns !== 0 ? await startSpinner() : undefined;
  const total = { children: childrenOf(plan).length, blobs: plan.blobs.length };
  const done = new Set<string>();
  const copied: { readonly size: number; readonly from: string }[] = [];
  let mounted = 0;
  let copiedBytes = 0;
  let tag: "before" | "under way" | "moved" = "before";

  function onEvent(event: PushEvent): void {
    switch (event.kind) {
      case "child":
        done.add(event.child.manifest.digest);
        break;
      case "blob":
        if (event.outcome.kind === "mounted") mounted++;
        if (event.outcome.kind === "copied") {
          copied.push({ size: event.blob.size, from: formatLocation(event.outcome.source) });
        }
        break;
      case "bytes":
        copiedBytes += event.count;
        break;
      case "tagging":
        tag = "under way";
        printPushed();
        break;
      case "tagged":
        tag = "moved";
        break;
      case "copying":
        break;
    }
    if (spinner !== undefined) {
      const copying = copiedBytes === 0 ? "" : `, ${readableSize(copiedBytes)} copied`;
      const blobs = mounted + copied.length;
      spinner.text = `${done.size} of ${total.children} images, ${blobs} of ${total.blobs} blobs${copying}`;
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
    spinner?.stop();
    if (signal.aborted) stderr.write(`${interruption()}\n`);
    if (copied.length === 0) return;
    const size = readableSize(copied.reduce((sum, blob) => sum + blob.size, 0));
    const from = [...new Set(copied.map((blob) => blob.from))].join(", ");
    const count = copied.length === 1 ? "1 blob" : `${copied.length} blobs`;
    const why = plan.target.kind === "registry" ? " that could not be mounted" : "";
    stderr.write(`copied ${count} (${size})${why}, from ${from}\n`);
  }

  /** What was done until the user stopped it. */
  function interruption(): string {
    const at = formatLocation(plan.target);
    const name = plan.target.kind === "registry" ? formatReference(draft.name) : at;
    const state = `${done.size} of ${total.children} images are in ${at}`;
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

async function startSpinner(): Promise<{ text: string; stop(): void }> {
  const { default: ora } = await import("ora");
  const { default: chalk } = await import("chalk");
  return ora({ text: chalk.dim("pushing"), discardStdin: false }).start();
}

/** `12.3 MB`, in powers of ten as registries count. */
function readableSize(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${units[power] ?? ""}`;
}
