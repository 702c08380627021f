import { isDeepStrictEqual as isSame } from "node:util";
import type { Step } from "./commands.js";
import { errorsOf, fixedPart, isQuoted, withoutNames } from "./errors.js";
import { missingFrom } from "./closure.js";
import { fallbackTagsOf, without } from "./fallbackTags.js";
import { layoutIndex, orderless } from "./order.js";
import type { Holdings, Outcome } from "./sides.js";

/** What one side did, and what it holds afterwards. */
export interface Result {
  readonly outcome: Outcome;
  readonly holdings: Holdings;
}

export interface Difference {
  readonly what: string;
  readonly buildx: unknown;
  readonly tsmanifest: unknown;
}

export interface Verdict {
  /** Every difference that nobody has explained. */
  readonly differences: readonly Difference[];
  /** Why the sides are no longer alike though nothing is wrong; what follows could not be compared. */
  readonly parted?: string;
}

/**
 * Compares what one command did on both sides, which were alike before it: exit status, stdout, metadata file, the bytes
 * under every tag, the manifests and blobs in every repository and layout, index.json, and the errors that scripts know.
 */
export function compare(step: Step, before: Holdings, theirs: Result, ours: Result): Verdict {
  const added = fallbackTagsOf(theirs.holdings, ours.holdings);
  if (added.size === 0) return compareExactly(step, before, theirs, ours);
  // Where a registry has no referrers API we list what refers to an image under a tag, as the specification has it;
  // buildx leaves it where nobody finds it.
  const rest = { ...ours, holdings: without(ours.holdings, added) };
  return { parted: "a tag lists referrers", ...compareExactly(step, before, theirs, rest) };
}

function compareExactly(step: Step, before: Holdings, theirs: Result, ours: Result): Verdict {
  const { stderr, status } = theirs.outcome;
  // `manifest-descriptor[platform]:` with an entry that has no platform. We may refuse it or not, but in an orderly way.
  if (status === 2 && stderr.startsWith("panic: ")) {
    const isOrderly = ours.outcome.status === 0 || ours.outcome.status === 1;
    return { differences: isOrderly ? [] : [inStatus(theirs, ours)], parted: "buildx panics" };
  }
  // It locks a layout without waiting: where it reads and writes one at once, that may fail.
  if (status !== 0 && /could not lock \S+index\.json/.test(stderr)) {
    return { differences: [], parted: "buildx cannot lock its layout" };
  }
  // What it takes a descriptor's word for, it reads as many bytes of as that says: none. We read it whole.
  const isWithoutSize = [...step.argv, ...Object.values(step.files)].some((text) =>
    text.startsWith('{"') || text.startsWith("{\n") ? !/"size":\s*[1-9]/.test(text) : false,
  );
  if (status !== 0 && isWithoutSize && stderr.includes("unexpected end of JSON input")) {
    return { differences: [], parted: "buildx reads nothing" };
  }
  const isFromLayout = [...step.argv, ...Object.values(step.files)].some((text) =>
    text.startsWith("oci-layout://"),
  );
  // It puts a manifest of a layout under the type that its descriptor says, which a registry may refuse.
  if (
    status !== 0 &&
    ours.outcome.status === 0 &&
    isFromLayout &&
    /unexpected status from PUT request to \S+: 400/.test(stderr)
  ) {
    return { differences: [], parted: "buildx is refused a PUT" };
  }
  // Before it replaces docker's image by an index it asks for the tag as an index; distribution 2 then tries to make an
  // image of schema 1 of it, and fails.
  if (status !== 0 && /unexpected status from HEAD request to \S+: 400 Bad Request/.test(stderr)) {
    return { differences: [], parted: "buildx is refused a HEAD" };
  }
  if ((status === 0) !== (ours.outcome.status === 0)) return { differences: [inStatus(theirs, ours)] };
  if (status !== 0) return failures(step, before, theirs, ours);
  return successes(before, theirs, ours);
}

/** With the end of what each says, which says why. */
function inStatus(theirs: Result, ours: Result): Difference {
  const [buildx, tsmanifest] = [theirs, ours].map(({ outcome: { status, stderr } }) => ({
    status,
    stderr: stderr.trimEnd().slice(-600),
  }));
  return { what: "status", buildx, tsmanifest };
}

/**
 * Where buildx fails so do we, without having changed a tag, unless buildx has done the same: it pushes to several
 * repositories at once and stops in the middle. Of the blobs and manifests that came before nothing is said.
 */
function failures(step: Step, before: Holdings, theirs: Result, ours: Result): Verdict {
  const differences = differing(
    { status: 1, stdout: "", metadata: undefined, ...errors(step, theirs) },
    { ...visible(ours.outcome), ...errors(step, theirs, ours) },
  );
  for (const [name, tagged] of ours.holdings.tags) {
    const was = before.tags.get(name)?.digest;
    const theirTag = theirs.holdings.tags.get(name)?.digest;
    if (tagged.digest !== was && tagged.digest !== theirTag) {
      differences.push({ what: `tag ${name}`, buildx: theirTag, tsmanifest: tagged.digest });
    }
  }
  const isAlike = isSame(theirs.holdings, ours.holdings);
  return { differences, ...(!isAlike && { parted: "buildx stops half way" }) };
}

/** The words where both sides have the same for what is wrong, and where only one thing is. */
function errors(step: Step, theirs: Result, shown = theirs): { error?: string | undefined } {
  const [error] = errorsOf(theirs.outcome.stderr);
  // Descriptors among others may be wrong in their sizes too: that is not counted as a fault of the line.
  const isOneOfSeveral = step.kinds.includes("several sources") || step.kinds.includes("append");
  const isMixed = step.kinds.includes("descriptor") && isOneOfSeveral;
  if (step.faults > 1 || isMixed || error === undefined || !isQuoted(error)) return {};
  const [own = ""] = errorsOf(shown.outcome.stderr);
  const fixed = fixedPart(error);
  const text = fixed !== error && own.startsWith(fixed) ? fixed : own;
  // Which of several sources fails first is random.
  return { error: step.kinds.includes("several sources") ? withoutNames(text) : text };
}

function successes(before: Holdings, theirs: Result, ours: Result): Verdict {
  const exact = differing(facts(before, theirs, asIs), facts(before, ours, asIs));
  const missing = missingFrom(before, ours.holdings).map((what) => ({
    what: `missing ${what}`,
    buildx: undefined,
    tsmanifest: "a tag needs it",
  }));
  if (exact.length === 0) return { differences: missing };
  const loose = differing(facts(before, theirs, orderless), facts(before, ours, orderless));
  if (loose.length === 0) return { differences: missing, parted: "the order of attestations" };
  return { differences: [...loose, ...missing] };
}

function visible({ status, stdout, metadata }: Outcome): Record<string, unknown> {
  return { status, stdout, metadata };
}

/** Bytes as they are compared. */
export type Reading = (bytes: Buffer) => string;
const asIs: Reading = (bytes) => bytes.toString("latin1");

/** All that is compared after a success, as text by name. */
function facts(before: Holdings, { outcome, holdings }: Result, read: Reading): Record<string, unknown> {
  const isLoose = read !== asIs;
  const result: Record<string, unknown> = {
    status: outcome.status,
    stdout: isLoose ? read(Buffer.from(outcome.stdout, "latin1")) : outcome.stdout,
    // The digest differs where the order does.
    metadata: isLoose ? outcome.metadata?.replace(/sha256:[0-9a-f]{64}/, "sha256:…") : outcome.metadata,
  };
  const roots = new Set<string>();
  for (const [name, { mediaType, body, digest }] of holdings.tags) {
    result[`tag ${name}`] = `${mediaType}\n${read(body)}`;
    if (before.tags.get(name)?.digest !== digest) roots.add(digest);
  }
  for (const [path, text] of holdings.files) {
    const shown = isLoose ? [...roots].reduce((all, root) => all.replaceAll(root, "…"), text) : text;
    result[`file ${path}`] = path.endsWith("/index.json") ? layoutIndex(shown, childrenOf(holdings)) : shown;
  }
  for (const [place, digests] of holdings.digests) {
    const known = before.digests.get(place);
    for (const digest of digests) {
      if (known?.has(digest) === true) continue;
      const isRoot = isLoose && [...roots].some((root) => digest.endsWith(root));
      if (!isRoot) result[`${digest} in ${place}`] = true;
    }
  }
  return result;
}

/** What the lists of all tags name. */
function childrenOf({ tags }: Holdings): ReadonlySet<string> {
  const lists = [...tags.values()].map(({ body }) => body.toString("latin1"));
  return new Set(lists.flatMap((list) => list.match(/sha256:[0-9a-f]{64}/g) ?? []));
}

/** What both have and where they differ. */
function differing(
  buildx: Readonly<Record<string, unknown>>,
  tsmanifest: Readonly<Record<string, unknown>>,
): Difference[] {
  const names = new Set([...Object.keys(buildx), ...Object.keys(tsmanifest)]);
  return [...names]
    .map((what) => ({ what, buildx: buildx[what], tsmanifest: tsmanifest[what] }))
    .filter((pair) => pair.buildx !== pair.tsmanifest);
}
