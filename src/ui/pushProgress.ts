import type { Context } from "../context.js";
import type { PushEvent } from "../push/old/execute.js";
import type { PlannedBlob, PushPlan } from "../push/old/plan.js";
import { formatReference, repositoryName } from "../oci/reference.js";

export interface PushProgress {
  readonly onEvent: (event: PushEvent) => void;
  stop(): void;
}

/**
 * Shows a push: docker's lines on stdout; on a terminal a spinner with what is done; and what was copied, on stderr
 * in any case, since a copy takes what a mount does not: time and traffic.
 */
export async function pushProgress(
  plan: PushPlan,
  { stdout, stderr, signal }: Context,
): Promise<PushProgress> {
  const spinner = stderr.isTTY === true ? await startSpinner() : undefined;
  const blobs = new Set(plan.children.flatMap((child) => child.blobs.map(({ digest }) => digest))).size;
  let mounted = 0;
  let children = 0;
  let copiedBytes = 0;
  const copied: PlannedBlob[] = [];
  let tag: "before" | "under way" | "moved" = "before";

  function onEvent(event: PushEvent): void {
    switch (event.kind) {
      case "pushed":
        stdout.write(`${event.line}\n`);
        break;
      case "present":
      case "put":
        children++;
        break;
      case "mounted":
        mounted++;
        break;
      case "bytes":
        copiedBytes += event.count;
        break;
      case "copied":
        copied.push(event.blob);
        break;
      case "tagging":
        tag = "under way";
        break;
      case "tagged":
        tag = "moved";
        break;
      case "copying":
      case "tolerated":
        break;
    }
    if (spinner !== undefined) {
      const copying = copiedBytes === 0 ? "" : `, ${readableSize(copiedBytes)} copied`;
      spinner.text = `${children} of ${plan.children.length} images, ${mounted + copied.length} of ${blobs} blobs${copying}`;
    }
  }

  function stop(): void {
    spinner?.stop();
    if (signal.aborted) stderr.write(`${interruption()}\n`);
    if (copied.length === 0) return;
    const size = readableSize(copied.reduce((sum, blob) => sum + blob.size, 0));
    const from = [...new Set(copied.map((blob) => repositoryName(blob.from)))].join(", ");
    const count = copied.length === 1 ? "1 blob" : `${copied.length} blobs`;
    stderr.write(`copied ${count} (${size}) that could not be mounted, from ${from}\n`);
  }

  /** What was done until the user stopped it. */
  function interruption(): string {
    const done = `${children} of ${plan.children.length} images are in ${repositoryName(plan.target)}`;
    switch (tag) {
      case "before":
        return `${done}; ${formatReference(plan.target)} was not changed`;
      case "under way":
        return `${done}; ${formatReference(plan.target)} was about to be changed: inspect it, or push again`;
      case "moved":
        return `${done}; ${formatReference(plan.target)} was changed`;
    }
  }

  return { onEvent, stop };
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
