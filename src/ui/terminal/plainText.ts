import { formatLocation } from "../../oci/location.js";
import type { PushEvent } from "../../push/execute.js";
import { readableRate, readableShortTime, readableSize, shortDigest } from "./words.js";
import type { WorkView } from "./workState.js";
import { copiesText, headline } from "./workText.js";

/** What a log says of an event; undefined for what is not worth a line. */
export function eventText(event: PushEvent, copiedInMs: number | undefined): string | undefined {
  if (event.kind === "child") return `${shortDigest(event.child.manifest.digest)} ${event.outcome}`;
  if (event.kind === "unchanged") return `${formatLocation(event.target)} unchanged`;
  if (event.kind === "copying") {
    const { blob, source } = event;
    return `copying ${shortDigest(blob.digest)} (${readableSize(blob.size)}) from ${formatLocation(source)}`;
  }
  if (event.kind !== "blob" || event.outcome.kind !== "copied" || copiedInMs === undefined) return undefined;
  const { digest, size } = event.blob;
  return `copied ${shortDigest(digest)} in ${readableShortTime(copiedInMs)}${rateText(size, copiedInMs)}`;
}

function rateText(bytes: number, ms: number): string {
  return ms < 1 ? "" : `, ${readableRate((bytes / ms) * 1000)}`;
}

/** What a log says of how far it is. */
export function viewText(view: WorkView): string {
  const { copying } = view;
  if (copying === undefined || (copying.rate === undefined && !copying.isSent)) return headline(view);
  return `${headline(view)}; ${copiesText(copying)}`;
}
