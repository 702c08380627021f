import { ListWork, orderAccesses } from "../apply/listWork.js";
import { entriesOf } from "../apply/makeList.js";
import { listTypeOf, type ListOrder } from "../apply/order.js";
import type { WantedOrderSource } from "../apply/readSource.js";
import { targetsOf } from "../apply/targets.js";
import { TagsBefore } from "../apply/unchanged.js";
import { ManifestCache } from "../content/manifestCache.js";
import type { Place } from "../content/place.js";
import type { ListAnnotation } from "../list/annotationFlags.js";
import type { Annotations } from "../list/draft.js";
import type { ListResult } from "../ui/listResult.js";
import { pushedResult } from "../ui/pushedResult.js";
import { SentTally } from "../ui/sentTally.js";
import { overConnection } from "./connect.js";
import { readPlatforms } from "./names.js";
import { publishSettings, type TransferOptions } from "./pushSettings.js";
import { placeListSources, type ListSource } from "./sources.js";

/** What a list that is made of sources may be. */
export interface ListOptions {
  /** Only these platforms are taken of the sources: `["linux/amd64", "linux/arm64"]`. Default: all. */
  readonly platforms?: readonly string[] | undefined;
  /** What becomes of the attestations (provenance, SBOMs) that the sources list. Default: `keep`. */
  readonly attestations?: "keep" | "drop" | undefined;
  /** Exactly these platforms, each once, or nothing is pushed (EXPECTATION). Default: any. */
  readonly expect?: readonly string[] | undefined;
  /** What would be a warning is an error: a platform that is there twice, an attestation without its image (EXPECTATION). Default: false. */
  readonly strict?: boolean | undefined;
  /** Annotations of the list itself: with any, it is an OCI index. Default: none. */
  readonly annotations?: Annotations | undefined;
  /** `docker`: a manifest list; `oci`: an image index. Default: `auto`, docker's where all images are docker's. */
  readonly type?: "auto" | "docker" | "oci" | undefined;
  /** What the list refers to: an image, or a digest in the repository of the list. Default: nothing. */
  readonly subject?: string | undefined;
  /** What the index is, as a media type. Default: none. */
  readonly artifactType?: string | undefined;
  /** Is everything copied that is attached to the images: signatures, attestations, SBOMs? Default: false. */
  readonly referrers?: boolean | undefined;
}

/** Makes one list of sources, and pushes it to all its targets. */
export async function pushSources(
  targets: readonly Place[],
  given: readonly ListSource[],
  onto: ListOrder["onto"],
  options: TransferOptions & ListOptions,
): Promise<ListResult> {
  const settings = publishSettings(options);
  const wanted = await placeListSources(given, targets[0]);
  const order = orderOf(targets, wanted, onto, options);
  return overConnection(options, orderAccesses(order, wanted), async ({ open, signal, warn, tell }) => {
    const tally = new SentTally();
    const work = new ListWork(order, wanted, {
      open,
      cache: new ManifestCache({ signal }),
      signal,
      tell,
      tellsItself: "all",
      warn,
      onEvent: (event) => {
        tally.onEvent(event);
        options.onEvent?.(event);
      },
      settings,
      use: "push",
      before: new TagsBefore(targetsOf(targets), open, signal),
      asksForAttached: false,
      beginsEarly: false,
    });
    try {
      const { combined } = (await work.push()).made;
      return pushedResult({
        targets: targetsOf(targets),
        root: combined.descriptor,
        entries: entriesOf(combined),
        sent: tally.sent,
      });
    } finally {
      await work.end();
    }
  });
}

function orderOf(
  targets: readonly Place[],
  wanted: readonly WantedOrderSource[],
  onto: ListOrder["onto"],
  { attestations = "keep", expect = [], strict = false, referrers = false, ...options }: ListOptions,
): ListOrder {
  const { subject, artifactType } = options;
  const said = options.annotations ?? {};
  const annotations = Object.entries(said).map(([key, value]): ListAnnotation => ({
    type: "index",
    platform: undefined,
    key,
    value,
  }));
  const own = { type: options.type ?? "auto", annotations, subject, artifactType };
  const isEntryAnnotated = wanted.some(({ given }) => Object.keys(given?.annotations ?? {}).length > 0);
  return {
    targets,
    // They are given to the work as they were placed.
    sources: [],
    from: [],
    platforms: readPlatforms(options.platforms),
    ...own,
    type: listTypeOf(own, isEntryAnnotated),
    onto,
    attestations,
    preferIndex: true,
    expect,
    strict,
    referrers,
  };
}
