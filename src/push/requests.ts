import type { Location } from "../oci/location.js";
import { childrenOf, rootOf, type BlobStep, type ManifestStep, type Plan } from "./plan.js";

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
   * It may be left out, which depends on the answers to others and on when they come: where the target says early enough
   * that it has the images which need the blob, or where something else is refused.
   */
  readonly optional?: true;
};

type Method = "HEAD" | "GET" | "POST" | "PUT" | "DELETE";

/** What is known, or assumed, of the target. */
export interface Assumptions {
  /** Does it have this manifest already? Nothing, unless told. A registry is given the list itself all the same. */
  readonly hasManifest?: (digest: string) => boolean;
  /** Does it have this blob already? Layouts only: a registry is not asked. Nothing, unless told. */
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

export type MountAnswer = "mounted" | "accepted" | "refused";

/**
 * The requests that an executed plan sends to registries that behave. Pure. In the order of their levels: what is in one
 * level goes out beside each other, see the levels in docs/decisions.md. Where the push cannot succeed, as with
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
  const at = (method: Method, path: string, optional = false, where = target): PlannedRequest => ({
    kind: "http",
    method,
    domain: where.domain,
    path: `/v2/${where.path}/${path}`,
    ...(optional && { optional }),
  });
  const put = ({ manifest, tags }: ManifestStep, optional: boolean): PlannedRequest[] =>
    (tags.length > 0 ? tags : [manifest.digest]).map((reference) =>
      at("PUT", `manifests/${reference}`, optional),
    );
  const copy = ({ blob, answer }: Transfer): PlannedRequest[] => {
    const [source] = blob.sources;
    return [
      ...(source?.kind === "registry" ? [at("GET", `blobs/${blob.digest}`, false, source)] : []),
      ...(answer === "accepted" ? [] : [at("POST", "blobs/uploads/")]),
      at("PUT", `blobs/uploads/…?digest=${encodeURIComponent(blob.digest)}`),
    ];
  };

  const children = childrenOf(plan);
  const absent = absentChildren(plan, assumptions);
  const transfers = plan.blobs.map((blob) => transferOf(blob, plan, target, absent, assumptions));
  const failing = new Set(transfers.flatMap((transfer) => transfer.failing));
  const uncertain = new Set(transfers.flatMap((transfer) => transfer.uncertain));
  const fails = failing.size > 0;
  const mayFail = fails || uncertain.size > 0;
  // Mounts are asked for in this order: nothing fails before the first that can, unless one fails without being asked for.
  const first = transfers.findIndex((one) => one.failing.length > 0);
  const isAsked = transfers.every((one) => one.failing.length === 0 || one.mounts.length > 0);
  const mounts = transfers.flatMap(({ blob, mounts: sources, waiting, isGivenUp }, index) =>
    sources.map((source, turn) => {
      const isLate = turn > 0 ? mayFail : fails && !(isAsked && index <= first);
      return { blob, source, isGivenUp, optional: waiting.length === 0 || isLate };
    }),
  );
  return [
    ...children.map(({ manifest }) => at("HEAD", `manifests/${manifest.digest}`)),
    ...mounts.map(({ blob, source, optional }) => {
      const query = `from=${encodeURIComponent(source.path)}&mount=${encodeURIComponent(blob.digest)}`;
      return at("POST", `blobs/uploads/?${query}`, optional);
    }),
    ...mounts.flatMap(({ isGivenUp, optional }) =>
      isGivenUp ? [at("DELETE", "blobs/uploads/…", optional)] : [],
    ),
    ...transfers.filter(({ isCopied }) => isCopied).flatMap(copy),
    ...[...absent.values()]
      .filter((child) => !failing.has(child))
      .flatMap((child) => put(child, fails || [...uncertain].some((other) => other !== child))),
    ...(fails ? [] : put(rootOf(plan), mayFail)),
  ];
}

/** How a blob gets into a registry. */
interface Transfer {
  readonly blob: BlobStep;
  /** Whom it is mounted from, or was to be: one after another. */
  readonly mounts: readonly Registry[];
  readonly answer: MountAnswer;
  /** The children that are put when it is there. */
  readonly waiting: readonly ManifestStep[];
  readonly isCopied: boolean;
  /** The uploads that its mounts have opened are not used. */
  readonly isGivenUp: boolean;
  /** The children that cannot be put, since it does not get there. */
  readonly failing: readonly ManifestStep[];
  /** The children that are put without it: the registry may refuse them. */
  readonly uncertain: readonly ManifestStep[];
}

/** The counterpart of `registry/transfer/ensureBlob.ts`. */
function transferOf(
  blob: BlobStep,
  { mountOnly }: Plan,
  target: Registry,
  absent: ReadonlyMap<string, ManifestStep>,
  assumptions: Assumptions,
): Transfer {
  const { foreign, neededBy, sources } = blob;
  const waiting = neededBy.flatMap((digest) => absent.get(digest) ?? []);
  const tried = mountOnly && !foreign && waiting.length > 0 ? sources : sources.slice(0, 1);
  const near = tried.filter(
    (source): source is Registry => source.kind === "registry" && source.domain === target.domain,
  );
  const { mounts = foreign ? "accepted" : "mounted" } = assumptions;
  // A registry can only mount what it has itself.
  const answer = near.length === 0 ? "refused" : mounts;
  const isCopied = !mountOnly && !foreign && answer !== "mounted" && waiting.length > 0;
  // docker forgives an upload in place of a mount, for images of Windows; it forgives nothing else.
  const isForgiven = ({ toleratesRefusal }: ManifestStep): boolean =>
    toleratesRefusal && answer === "accepted" && near.length === tried.length;
  const lacking = mountOnly && answer !== "mounted" ? waiting : [];
  return {
    blob,
    mounts: answer === "mounted" ? near.slice(0, 1) : near,
    answer,
    waiting,
    isCopied,
    isGivenUp: answer === "accepted" && !isCopied,
    failing: lacking.filter((child) => !isForgiven(child)),
    uncertain: foreign ? [] : lacking.filter(isForgiven),
  };
}

function toLayout(plan: Plan, folder: string, assumptions: Assumptions): PlannedRequest[] {
  const { hasManifest = () => false, hasBlob = () => false, layout = "missing" } = assumptions;
  const write = (path: string): PlannedRequest => ({ kind: "file", action: "write", folder, path });
  const blobPath = (digest: string): string => `blobs/${digest.replace(":", "/")}`;
  const absent = absentChildren(plan, assumptions);
  const needed = plan.blobs.filter(
    ({ digest, foreign, neededBy }) =>
      !foreign && !hasBlob(digest) && neededBy.some((one) => absent.has(one)),
  );
  const root = rootOf(plan).manifest.digest;
  if (plan.mountOnly && needed.length > 0) {
    // Nothing can be mounted in a layout. What does without may be there before that is noticed.
    const others = [...absent.keys()].filter((one) => !needed.some(({ neededBy }) => neededBy.includes(one)));
    const made = layout === "missing" && others.length > 0 ? ["oci-layout", "index.json"] : [];
    return [...made, ...others.map(blobPath)].map((path) => ({ ...write(path), optional: true }));
  }
  return [
    ...(layout === "missing" ? [write("oci-layout")] : []),
    ...needed.flatMap(({ digest, sources: [source] }): PlannedRequest[] =>
      source?.kind === "registry"
        ? [{ kind: "http", method: "GET", domain: source.domain, path: `/v2/${source.path}/blobs/${digest}` }]
        : [],
    ),
    ...[...needed.map(({ digest }) => digest), ...absent.keys()].map((digest) => write(blobPath(digest))),
    ...(hasManifest(root) ? [] : [write(blobPath(root))]),
    ...(layout === "tagged" ? [] : [write("index.json")]),
  ];
}

/** By their digests, the children that the target does not have yet. */
function absentChildren(
  plan: Plan,
  { hasManifest = () => false }: Assumptions,
): ReadonlyMap<string, ManifestStep> {
  const children = childrenOf(plan).map((child) => [child.manifest.digest, child] as const);
  return new Map(children.filter(([digest]) => !hasManifest(digest)));
}
