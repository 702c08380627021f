import { formatLocation } from "../../oci/location.js";
import type { PushEvent } from "../../push/execute.js";
import { readableRate, readableSize, readableTime } from "./words.js";
import type { WorkView } from "./work.js";
import { copiesText, headline } from "./workText.js";

/** What a log says of an event; undefined for what is not worth a line. */
export function eventText(event: PushEvent, copiedInMs: number | undefined): string | undefined {
  switch (event.kind) {
    case "child":
      return `${event.child.manifest.digest} ${event.outcome}`;
    case "copying":
      return `copying ${event.blob.digest} (${readableSize(event.blob.size)}) from ${formatLocation(event.source)}`;
    case "blob":
      if (event.outcome.kind !== "copied" || copiedInMs === undefined) return undefined;
      return `copied ${event.blob.digest} in ${readableTime(copiedInMs)}${rateText(event.blob.size, copiedInMs)}`;
    case "tagging":
    case "tagged":
    case "queued":
    case "progress":
    case "bytes":
    case "kept":
      return undefined;
  }
}

function rateText(bytes: number, ms: number): string {
  return ms < 1 ? "" : `, ${readableRate((bytes / ms) * 1000)}`;
}

/** What a log says of how far it is. */
export function viewText(view: WorkView): string {
  const { copying } = view;
  return copying?.rate === undefined ? headline(view) : `${headline(view)}; ${copiesText(copying)}`;
}
