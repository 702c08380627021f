import { isSameLocation, type Location } from "../oci/location.js";
import { childrenOf, rootOf, type BlobStep, type ManifestStep, type Plan } from "./plan.js";

/** One step of an executed plan, as a registry or a layout sees it. */
export type PlannedRequest =
  | {
      readonly kind: "http";
      readonly method: "HEAD" | "GET" | "POST" | "PUT" | "DELETE";
      readonly domain: string;
      /** With its query: `/v2/team/app/manifests/v1`. What the registry itself chooses is `…`: where an upload goes. */
      readonly path: string;
    }
  /** `path` is below the layout's folder. */
  | { readonly kind: "file"; readonly action: "write"; readonly folder: string; readonly path: string };

/** What is known, or assumed, of the target. */
export interface Assumptions {
  /** Does it have this manifest already? Nothing, unless told. */
  readonly hasManifest?: (digest: string) => boolean;
  /** Does it have this blob already? Layouts only: a registry is not asked. Nothing, unless told. */
  readonly hasBlob?: (digest: string) => boolean;
  /**
   * How it answers to mounts: it does them, opens uploads instead (202), or refuses (4xx). Unless told, it mounts
   * everything but foreign layers, which registries hardly ever have.
   */
  readonly mounts?: MountAnswer;
}

export type MountAnswer = "mounted" | "accepted" | "refused";

/**
 * The requests that an executed plan sends to registries that behave, those for tokens aside. Pure. In the order of their
 * levels: what is in one level goes out beside each other, see the levels in docs/decisions.md.
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
  const { hasManifest = () => false, mounts } = assumptions;
  const answerTo = ({ foreign }: BlobStep): MountAnswer => mounts ?? (foreign ? "accepted" : "mounted");
  const children = childrenOf(plan);
  const absent = new Set(
    children.map(({ manifest }) => manifest.digest).filter((digest) => !hasManifest(digest)),
  );
  const at = (
    method: "HEAD" | "GET" | "POST" | "PUT" | "DELETE",
    path: string,
    where = target,
  ): PlannedRequest => ({
    kind: "http",
    method,
    domain: where.domain,
    path: `/v2/${where.path}/${path}`,
  });
  const put = ({ manifest, tags }: ManifestStep): PlannedRequest[] =>
    (tags.length > 0 ? tags : [manifest.digest]).map((reference) => at("PUT", `manifests/${reference}`));

  const mountable = ({ sources }: BlobStep): Registry | undefined => {
    const [first] = sources;
    return first?.kind === "registry" && first.domain === target.domain ? first : undefined;
  };
  const copied = (blob: BlobStep): PlannedRequest[] => {
    const [source] = blob.sources;
    const opened = mountable(blob) !== undefined && answerTo(blob) === "accepted";
    const isCopied = !plan.mountOnly && !blob.foreign && blob.neededBy.some((digest) => absent.has(digest));
    const path = "blobs/uploads/";
    if (!isCopied) return opened ? [at("DELETE", `${path}…`)] : [];
    return [
      ...(source?.kind === "registry" ? [at("GET", `blobs/${blob.digest}`, source)] : []),
      ...(opened ? [] : [at("POST", path)]),
      at("PUT", `${path}…?digest=${encodeURIComponent(blob.digest)}`),
    ];
  };
  return [
    ...children.map(({ manifest }) => at("HEAD", `manifests/${manifest.digest}`)),
    ...plan.blobs.flatMap((blob) => {
      const source = mountable(blob);
      if (source === undefined) return [];
      const query = `from=${encodeURIComponent(source.path)}&mount=${encodeURIComponent(blob.digest)}`;
      return [at("POST", `blobs/uploads/?${query}`)];
    }),
    ...plan.blobs.flatMap((blob) => (mountable(blob) && answerTo(blob) === "mounted" ? [] : copied(blob))),
    ...children.filter(({ manifest }) => absent.has(manifest.digest)).flatMap(put),
    ...put(rootOf(plan)),
  ];
}

function toLayout(plan: Plan, folder: string, assumptions: Assumptions): PlannedRequest[] {
  const { hasManifest = () => false, hasBlob = () => false } = assumptions;
  const write = (path: string): PlannedRequest => ({ kind: "file", action: "write", folder, path });
  const blobPath = (digest: string): string => `blobs/${digest.replace(":", "/")}`;
  const absent = childrenOf(plan).filter(({ manifest }) => !hasManifest(manifest.digest));
  const needed = plan.blobs.filter(
    ({ digest, foreign, neededBy }) =>
      !foreign && !hasBlob(digest) && absent.some(({ manifest }) => neededBy.includes(manifest.digest)),
  );
  return [
    ...needed.flatMap(({ digest, sources: [source] }): PlannedRequest[] =>
      source?.kind === "registry" && !isSameLocation(source, plan.target)
        ? [{ kind: "http", method: "GET", domain: source.domain, path: `/v2/${source.path}/blobs/${digest}` }]
        : [],
    ),
    ...needed.map(({ digest }) => write(blobPath(digest))),
    ...absent.map(({ manifest }) => write(blobPath(manifest.digest))),
    write(blobPath(rootOf(plan).manifest.digest)),
    write("index.json"),
  ];
}
