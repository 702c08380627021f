import { referrersTag } from "../content/referrer.js";
import { isDigest } from "../oci/digest.js";
import type { Location } from "../oci/location.js";
import {
  childrenOf,
  namesOf,
  ownChildren,
  rootOf,
  type BlobStep,
  type ManifestStep,
  type Plan,
} from "./plan.js";
import { putRequests, type RegistryAbilities } from "./putRequests.js";

/** One step of an executed plan, as a registry or a layout sees it. */
export type PlannedRequest = (
  | {
      readonly kind: "http";
      readonly method: Method;
      readonly domain: string;
      /** With its query: `/v2/team/app/manifests/v1`. What the registry itself chooses is `…`: where an upload goes. */
      readonly path: string;
    }
  /** `path` is below the layout's folder. A file that is written more than once is here once. */
  | { readonly kind: "file"; readonly action: "write"; readonly folder: string; readonly path: string }
) & {
  /**
   * 1: what is asked, and mounted; 2: copies, and mounts that had been held back; 3: the manifests below the root and what refers to them, each behind what
   * it needs, however deep; 4: the root, which moves the tags. See docs/decisions.md.
   */
  readonly level: RequestLevel;
  /** How much it sends or writes, in bytes, where that is known: a blob or a manifest. */
  readonly bytes?: number;
  /**
   * It may be left out, which depends on the answers to others and on when they come: where the target says early enough
   * that it has the images which need the blob, where something else is refused, or where the registry knows more than
   * is known of it here.
   */
  readonly optional?: true;
};

/** Which requests a request waits for: those of lower levels. */
export type RequestLevel = 1 | 2 | 3 | 4;

type Method = "HEAD" | "GET" | "POST" | "PUT" | "DELETE";

/** What is known, or assumed, of the target. */
export interface Assumptions extends RegistryAbilities {
  /**
   * Does it have this manifest already; of what is below the root, under each of its tags? Default: no. For the root's tags
   * see `isTagged`.
   */
  readonly hasManifest?: (digest: string) => boolean;
  /** Registries only: does this tag name the root already? Default: no. */
  readonly isTagged?: (tag: string) => boolean;
  /**
   * Registries only: does it have what the root names and is its own, and is the root listed under what it refers to? Asked
   * where nothing else is left to do. Default: yes.
   */
  readonly isWhole?: boolean;
  /** Registries only: the same as the push is told; see `ExecuteOptions`. Default: nobody knows. */
  readonly expected?: (digest: string) => boolean;
  /** Does it have this blob already? A registry is asked for what it cannot mount. Default: no. */
  readonly hasBlob?: (digest: string) => boolean;
  /**
   * Layouts only: is there none in the folder yet, is there one, or do its tags name the list already? `missing` unless
   * told.
   */
  readonly layout?: "missing" | "present" | "tagged";
  /**
   * How it answers to mounts: it does them, opens uploads instead (202), or refuses (4xx). Unless told, it mounts
   * everything but foreign layers, which registries hardly ever have.
   */
  readonly mounts?: MountAnswer;
}

/** How a registry answers a mount. */
export type MountAnswer = "mounted" | "accepted" | "refused";

/**
 * The requests that an executed plan sends to registries that behave. Pure. In the order of their levels: what is in one
 * level goes out beside each other, but for what needs what was put before it. Where the push cannot succeed, as with
 * `mountOnly` and mounts that are not done, the list's own request is not among them.
 *
 * Not among them either are requests for tokens, what a registry refuses for want of one (401), which is then sent again,
 * and what else is tried again.
 *
 * @example
 * requests(plan(draft)).map((one) => one.kind === "http" && `${one.method} ${one.path}`);
 */
export function requests(plan: Plan, assumptions: Assumptions = {}): readonly PlannedRequest[] {
  return plan.target.kind === "registry"
    ? toRegistry(plan, plan.target, assumptions)
    : toLayout(plan, plan.target.folder, assumptions);
}

type Registry = Extract<Location, { kind: "registry" }>;

function toRegistry(plan: Plan, target: Registry, assumptions: Assumptions): PlannedRequest[] {
  const at = (level: RequestLevel, method: Method, path: string, more: More = {}): PlannedRequest => {
    const { optional = false, bytes, where = target } = more;
    return {
      kind: "http",
      method,
      domain: where.domain,
      path: `/v2/${where.path}/${path}`,
      level,
      ...(bytes !== undefined && { bytes }),
      ...(optional && { optional }),
    };
  };
  const copy = ({ blob, answer, isThere }: Transfer): PlannedRequest[] => {
    const [source] = blob.sources;
    const question = at(2, "HEAD", `blobs/${blob.digest}`);
    if (isThere) return [question];
    return [
      question,
      ...(source?.kind === "registry" ? [at(2, "GET", `blobs/${blob.digest}`, { where: source })] : []),
      ...(answer === "accepted" ? [] : [at(2, "POST", "blobs/uploads/")]),
      at(2, "PUT", `blobs/uploads/…?digest=${encodeURIComponent(blob.digest)}`, { bytes: blob.size }),
    ];
  };

  const root = rootOf(plan);
  const children = childrenOf(plan);
  const absent = absentChildren(plan, assumptions);
  const asked = rootQuestions(plan, absent.size === 0, assumptions);
  const wanting = new Map([...absent, ...(asked.isThere ? [] : ([[root.manifest.digest, root]] as const))]);
  const transfers = plan.blobs.map((blob) => transferOf(blob, plan, target, wanting, assumptions));
  const failing = withDependents(
    transfers.flatMap((transfer) => transfer.failing),
    wanting,
  );
  const uncertain = new Set(transfers.flatMap((transfer) => transfer.uncertain));
  const fails = failing.size > 0;
  const mayFail = fails || uncertain.size > 0;
  // Mounts are asked for in this order: nothing fails before the first that can, unless one fails without being asked for.
  const first = transfers.findIndex((one) => one.failing.length > 0);
  const isAsked = transfers.every((one) => one.failing.length === 0 || one.mounts.length > 0);
  const mounts = transfers.flatMap(({ blob, mounts: sources, waiting, isGivenUp }, index) => {
    const isHeld = blob.neededBy.every((digest) => assumptions.expected?.(digest) === true);
    if (isHeld && waiting.length === 0) return [];
    return sources.map((source, turn) => {
      const isLate = turn > 0 ? mayFail : fails && !(isAsked && index <= first);
      const level: RequestLevel = isHeld ? 2 : 1;
      return { blob, source, level, isGivenUp, optional: waiting.length === 0 || isLate };
    });
  });
  const steps = [
    ...[...absent.values()].filter((child) => !failing.has(child)),
    ...(fails ? [] : asked.steps),
  ];
  const puts = putRequests(steps, assumptions).flatMap((ofOne, index) => {
    const step = steps[index];
    const mayBeStopped = fails || [...uncertain].some((other) => other !== step);
    return ofOne.map(({ method, reference, bytes, isOptional }) =>
      at(step?.role === "root" ? 4 : 3, method, `manifests/${reference}`, {
        bytes,
        optional: mayBeStopped || isOptional,
      }),
    );
  });
  const all = [
    ...children.flatMap(({ manifest, tags }) =>
      (tags.length === 0 ? [manifest.digest] : tags).map((name) => at(1, "HEAD", `manifests/${name}`)),
    ),
    ...asked.questions.map(({ method, path, optional }) => at(1, method, path, { optional })),
    ...mounts.map(({ blob, source, level, optional }) => {
      const query = `from=${encodeURIComponent(source.path)}&mount=${encodeURIComponent(blob.digest)}`;
      return at(level, "POST", `blobs/uploads/?${query}`, { optional });
    }),
    ...mounts.flatMap(({ level, isGivenUp, optional }) =>
      isGivenUp ? [at(level, "DELETE", "blobs/uploads/…", { optional })] : [],
    ),
    ...transfers.filter(({ isCopied }) => isCopied).flatMap(copy),
    ...puts,
  ];
  return all.sort((one, other) => one.level - other.level);
}

/** What is asked of a root, and what that comes to. */
interface RootOutcome {
  readonly questions: readonly {
    readonly method: "HEAD" | "GET";
    readonly path: string;
    readonly optional: boolean;
  }[];
  /** It is in the target, under one of its names at least. */
  readonly isThere: boolean;
  /** The root under the tags that do not name it yet; none where there is nothing to do. */
  readonly steps: readonly ManifestStep[];
}

/** The counterpart of `rootAnswers.ts`. */
function rootQuestions(plan: Plan, areChildrenThere: boolean, assumptions: Assumptions): RootOutcome {
  const root = rootOf(plan);
  const { digest } = root.manifest;
  const { expected, hasManifest = () => false, isTagged = () => false, isWhole = true } = assumptions;
  const isExpected = expected?.(digest) === true;
  const names = namesOf(root);
  if (!isExpected && plan.blobs.length === 0 && plan.manifests.length === 1)
    return { questions: [], isThere: false, steps: [root] };
  const missing = names.filter((name) => !(name === digest ? hasManifest(digest) : isTagged(name)));
  const isSpared = areChildrenThere && missing.length === 0;
  const left = areChildrenThere && !(isSpared && !isWhole) ? missing : names;
  return {
    questions: [
      ...names.map((name) => ({ method: "HEAD", path: `manifests/${name}`, optional: false }) as const),
      ...(isExpected || isSpared ? restQuestions(plan, assumptions) : []),
    ],
    isThere: missing.length < names.length,
    steps: left.length === 0 ? [] : [{ ...root, tags: root.tags.filter((tag) => left.includes(tag)) }],
  };
}

/** What the root names of the target's own, and where it is listed. */
function restQuestions(plan: Plan, { referrersApi }: Assumptions): RootOutcome["questions"] {
  const { manifest } = rootOf(plan);
  const { subject } = manifest;
  const planned = new Set(plan.manifests.map((step) => step.manifest.digest));
  const own = ownChildren(manifest, planned).map((digest) => {
    return { method: "HEAD", path: `manifests/${digest}`, optional: false } as const;
  });
  if (subject === undefined || !isDigest(subject.digest)) return own;
  const tag = { method: "GET", path: `manifests/${referrersTag(subject.digest)}` } as const;
  return [
    ...own,
    { method: "GET", path: `referrers/${subject.digest}`, optional: false },
    ...(referrersApi === true ? [] : [{ ...tag, optional: referrersApi === undefined }]),
  ];
}

interface More {
  readonly optional?: boolean;
  readonly bytes?: number | undefined;
  readonly where?: Registry;
}

/** These manifests, and those that need one of them, however deep. */
function withDependents(
  some: readonly ManifestStep[],
  wanting: ReadonlyMap<string, ManifestStep>,
): ReadonlySet<ManifestStep> {
  const all = new Set(some);
  // What something needs comes before it.
  for (const step of wanting.values()) {
    const needed = step.needs.flatMap((need) => wanting.get(need) ?? []);
    if (needed.some((need) => all.has(need))) all.add(step);
  }
  return all;
}

/** How a blob gets into a registry. */
interface Transfer {
  readonly blob: BlobStep;
  /** The sources of its mounts, which are tried one after another. */
  readonly mounts: readonly Registry[];
  readonly answer: MountAnswer;
  /** The manifests that are put when it is there. */
  readonly waiting: readonly ManifestStep[];
  /** Only if the registry does not have it already, which it is asked. */
  readonly isCopied: boolean;
  readonly isThere: boolean;
  /** The uploads that its mounts have opened are not used. */
  readonly isGivenUp: boolean;
  /** The manifests that cannot be put, since it does not get there. */
  readonly failing: readonly ManifestStep[];
  /** The manifests that are put without it: the registry may refuse them. */
  readonly uncertain: readonly ManifestStep[];
}

/** The counterpart of `registry/transfer/ensureBlob.ts`. */
function transferOf(
  blob: BlobStep,
  { mountOnly }: Plan,
  target: Registry,
  wanting: ReadonlyMap<string, ManifestStep>,
  assumptions: Assumptions,
): Transfer {
  const { foreign, neededBy, sources } = blob;
  const waiting = neededBy.flatMap((digest) => wanting.get(digest) ?? []);
  const tried = mountOnly && !foreign && waiting.length > 0 ? sources : sources.slice(0, 1);
  const near = tried.filter(
    (source): source is Registry => source.kind === "registry" && source.domain === target.domain,
  );
  const { mounts = foreign ? "accepted" : "mounted", hasBlob = () => false } = assumptions;
  // A registry can only mount what it has itself.
  const answer = near.length === 0 ? "refused" : mounts;
  const isCopied = !mountOnly && !foreign && answer !== "mounted" && waiting.length > 0;
  // docker forgives an upload in place of a mount, for images of Windows; it forgives nothing else.
  const isForgiven = ({ toleratesRefusal }: ManifestStep): boolean =>
    toleratesRefusal && answer === "accepted" && near.length === tried.length;
  const isThere = isCopied && hasBlob(blob.digest);
  const lacking = mountOnly && answer !== "mounted" ? waiting : [];
  return {
    blob,
    mounts: answer === "mounted" ? near.slice(0, 1) : near,
    answer,
    waiting,
    isCopied,
    isThere,
    isGivenUp: answer === "accepted" && (!isCopied || isThere),
    failing: lacking.filter((child) => !isForgiven(child)),
    uncertain: foreign ? [] : lacking.filter(isForgiven),
  };
}

function toLayout(plan: Plan, folder: string, assumptions: Assumptions): PlannedRequest[] {
  const { hasManifest = () => false, hasBlob = () => false, layout = "missing" } = assumptions;
  const write = (level: RequestLevel, path: string, bytes?: number): PlannedRequest => {
    return { kind: "file", action: "write", folder, path, level, ...(bytes !== undefined && { bytes }) };
  };
  const writeManifest = (level: RequestLevel, { manifest }: ManifestStep): PlannedRequest =>
    write(level, blobPath(manifest.digest), manifest.bytes.byteLength);
  const root = rootOf(plan);
  const absent = absentChildren(plan, assumptions);
  const wanting = new Map([...absent, [root.manifest.digest, root]]);
  const needed = plan.blobs.filter(
    ({ digest, foreign, neededBy }) =>
      !foreign && !hasBlob(digest) && neededBy.some((one) => wanting.has(one)),
  );
  const isMade = layout === "missing";
  if (plan.mountOnly && needed.length > 0) {
    // Nothing can be mounted in a layout. What does without may be there before that is noticed.
    const lacking = needed.flatMap(({ neededBy }) => neededBy.flatMap((one) => wanting.get(one) ?? []));
    const failing = withDependents(lacking, wanting);
    const others = [...absent.values()].filter((one) => !failing.has(one));
    const writes = [
      ...(isMade && others.length > 0 ? [write(2, "oci-layout")] : []),
      ...others.map((one) => writeManifest(3, one)),
      ...((isMade && others.length > 0) || others.some(isListed) ? [write(3, "index.json")] : []),
    ];
    return writes.map((one) => ({ ...one, optional: true }));
  }
  return [
    ...(isMade ? [write(2, "oci-layout")] : []),
    ...needed.flatMap(({ digest, sources: [source] }): PlannedRequest[] => {
      if (source?.kind !== "registry") return [];
      const { domain, path } = source;
      return [{ kind: "http", method: "GET", domain, path: `/v2/${path}/blobs/${digest}`, level: 2 }];
    }),
    ...needed.map(({ digest, size }) => write(2, blobPath(digest), size)),
    ...[...absent.values()].map((child) => writeManifest(3, child)),
    ...(hasManifest(root.manifest.digest) ? [] : [writeManifest(4, root)]),
    ...(layout === "tagged" && ![...absent.values()].some(isListed) ? [] : [write(4, "index.json")]),
  ];
}

/** Where a layout has content. https://github.com/opencontainers/image-spec/blob/main/image-layout.md#blobs */
function blobPath(digest: string): string {
  return `blobs/${digest.replace(":", "/")}`;
}

/** Is it in a layout's index.json, beside the root? Nothing else leads to it. */
function isListed({ manifest, role, tags }: ManifestStep): boolean {
  return tags.length > 0 || (role === "referrer" && manifest.subject !== undefined);
}

/** By their digests, the children that the target does not have yet. */
function absentChildren(
  plan: Plan,
  { hasManifest = () => false }: Assumptions,
): ReadonlyMap<string, ManifestStep> {
  const children = childrenOf(plan).map((child) => [child.manifest.digest, child] as const);
  return new Map(children.filter(([digest]) => !hasManifest(digest)));
}
