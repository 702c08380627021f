import type { Output } from "../context.js";
import { formatLocation } from "../oci/location.js";
import type { PushEvent } from "../push/execute.js";
import { childrenOf, type Plan } from "../push/plan.js";
import { startSpinner } from "./spinner.js";
import { counted } from "./text.js";

/** How work is shown: a spinner on a terminal, lines anywhere, or nothing until its end; `quiet` has warnings alone. */
export type ProgressMode = "auto" | "plain" | "none" | "quiet";

export interface TransferProgress {
  readonly onEvent: (event: PushEvent) => void;
  /** How much there is to do, once that is known. */
  expect(plans: readonly Plan[]): void;
  /** Ends the spinner. */
  stop(): void;
  /** What was copied, since that takes what a mount does not: time and traffic. */
  summary(): string | undefined;
}

/** Shows what is done while manifests and blobs go where they shall be. */
export async function transferProgress(
  stderr: Output,
  mode: ProgressMode = "auto",
): Promise<TransferProgress> {
  const spinner = mode === "auto" ? await startSpinner(stderr, "pushing") : undefined;
  const total = { children: 0, blobs: 0 };
  const copied: { readonly size: number; readonly from: string }[] = [];
  const kept: string[] = [];
  let isLayout = false;
  let children = 0;
  let mounted = 0;
  let copiedBytes = 0;

  function onEvent(event: PushEvent): void {
    switch (event.kind) {
      case "child":
        children++;
        if (mode === "plain") stderr.write(`${event.child.manifest.digest} ${event.outcome}\n`);
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
      case "copying":
        if (mode === "plain")
          stderr.write(`copying ${event.blob.digest} (${readableSize(event.blob.size)})\n`);
        break;
      case "kept":
        kept.push(event.tag);
        break;
      case "tagging":
      case "tagged":
        break;
    }
    if (spinner !== undefined) {
      const copying = copiedBytes === 0 ? "" : `, ${readableSize(copiedBytes)} copied`;
      spinner.text = `${children} of ${total.children} images, ${mounted + copied.length} of ${total.blobs} blobs${copying}`;
    }
  }

  return {
    onEvent,
    expect: (plans) => {
      total.children = 0;
      total.blobs = 0;
      for (const plan of plans) {
        total.children += childrenOf(plan).length;
        total.blobs += plan.blobs.length;
        isLayout ||= plan.target.kind === "layout";
      }
    },
    stop: () => {
      spinner?.stop();
    },
    summary: () => {
      const lines = kept.map(
        (tag) => `WARNING: ${tag} is something else in the target already, and was left as it is`,
      );
      if (copied.length > 0 && mode !== "quiet") {
        const size = readableSize(copied.reduce((sum, blob) => sum + blob.size, 0));
        const from = [...new Set(copied.map((blob) => blob.from))].join(", ");
        const count = counted(copied.length, "blob");
        lines.push(`copied ${count} (${size})${isLayout ? "" : " that could not be mounted"}, from ${from}`);
      }
      return lines.length === 0 ? undefined : lines.join("\n");
    },
  };
}

/** `12.3 MB`, in powers of ten as registries count. */
export function readableSize(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${units[power] ?? ""}`;
}
