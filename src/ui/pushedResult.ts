import { formatLocation } from "../oci/location.js";
import type { Plan } from "../push/plan.js";
import { rootOf } from "../push/plan.js";
import { describePushed, platformsIn } from "./describeEntries.js";
import type { ListResult } from "./listResult.js";

/**
 * What became of a list that is where it should be.
 * @param target the list's own name, whole
 * @param plans what was pushed where; the first is that of the list's own name
 */
export function pushedResult(
  target: string,
  plans: readonly [Plan, ...Plan[]],
  sent: ListResult["sent"],
): ListResult {
  const { manifest, says } = rootOf(plans[0]);
  const { digest, mediaType, bytes, children, kind } = manifest;
  const isNothing = sent.manifests + sent.mounted + sent.copied === 0;
  return {
    version: 1,
    target,
    status: isNothing ? "unchanged" : "pushed",
    digest,
    mediaType,
    size: bytes.byteLength,
    tags: plans.flatMap((plan) => rootOf(plan).tags.map((tag) => `${formatLocation(plan.target)}:${tag}`)),
    platforms: platformsIn(kind === "index" || says === undefined ? children : [says]),
    manifests: children.map(describePushed),
    sent,
  };
}
