import { ManifestCache } from "../content/manifestCache.js";
import { embeddedContent } from "../content/embeddedContent.js";
import { MAX_NESTING } from "../content/bounds.js";
import { cosignTags } from "../content/referrer.js";
import type { Repository } from "../content/repository.js";
import { ManifestError } from "../errors.js";
import { attestedDigest, isAttestation } from "../list/attestations.js";
import { groupBy } from "../list/groupBy.js";
import { descriptor, type Descriptor } from "../oci/descriptor.js";
import { checkDigest } from "../oci/digest.js";
import { formatLocation } from "../oci/location.js";
import { parseManifest, withExactBytes, type Manifest } from "../oci/manifest.js";
import { mayBeManifest } from "../oci/mediaTypes.js";
import { isOfMachine, type Platform } from "../oci/platform.js";
import { formatPlatformAll } from "../oci/platformName.js";
import { Patience, PATIENCE_MS } from "../patience.js";
import { predicateTypesOf } from "./predicateTypes.js";
import type { ListTree, LookProblem, TreeNode } from "./listTree.js";
import { Problems } from "./problems.js";
import type { TreeSource } from "./treeSource.js";
import { bytesOf, blobSize, treeBlob } from "./treeBlob.js";
import { treeTotals } from "./treeTotals.js";

export interface ReadTreeOptions {
  readonly signal?: AbortSignal | undefined;
  /** How long without any answer to wait for what is attached to manifests, in milliseconds; ten seconds unless told. */
  readonly patienceMs?: number | undefined;
  /** Called whenever a manifest begins to be read, or has been: so many of those that have begun. */
  readonly onRead?: ((done: number, begun: number) => void) | undefined;
  /** All that the list names is read, and what is attached to it is still being asked for. */
  readonly onAttachedLeft?: (() => void) | undefined;
}

/** No platform is longer, in characters. One that is said by a config is said again wherever a list names its image. */
const MAX_PLATFORM = 255;

/**
 * Reads all that is behind a name: the images of a list, and what is attached to the list and to each of them. Manifests of
 * one level are read side by side, each once; blobs are not read, but for the config of an image whose platform is not said.
 *
 * What cannot be read leaves a gap, which the tree tells of. So does what is attached, where a registry does not say it in time.
 * @throws LIMIT for more or deeper than anything honest
 * @example
 * const tree = await readTree(namedSource(name, "registry", await repository.get("v1"), repository));
 * tree.root.children.map(({ platform, bytes }) => `${platform}: ${bytes} bytes`);
 */
export async function readTree(source: TreeSource, options: ReadTreeOptions = {}): Promise<ListTree> {
  const reader = new NodeReader(source, options);
  try {
    const root = await reader.root();
    const { name, origin } = source;
    return { name, origin, root, totals: treeTotals(root), problems: reader.problems };
  } finally {
    reader.end();
  }
}

/** What is to be read. */
interface Wanted {
  readonly descriptor: Descriptor;
  readonly repository: Repository;
  readonly depth: number;
  readonly foundBy?: NonNullable<TreeNode["foundBy"]>;
  readonly tag?: string;
}

/** A node, and the digest of what it says that it is about. */
interface Read {
  readonly node: TreeNode;
  readonly about: string | undefined;
}

interface Referrer {
  readonly descriptor: Descriptor;
  readonly foundBy: "subject" | "tag";
  readonly tag?: string;
}

class NodeReader {
  readonly #source: TreeSource;
  readonly #signal: AbortSignal | undefined;
  readonly #cache: ManifestCache;
  readonly #problems: Problems;
  readonly #referrers = new Map<string, Promise<readonly Referrer[]>>();
  readonly #patience: Patience;
  readonly #patienceMs: number;
  #reads = 0;
  #asks = 0;
  #onAttachedLeft: (() => void) | undefined;

  constructor(
    source: TreeSource,
    { signal, patienceMs = PATIENCE_MS, onRead, onAttachedLeft }: ReadTreeOptions,
  ) {
    this.#source = source;
    this.#patienceMs = patienceMs;
    this.#patience = new Patience(patienceMs, signal);
    this.#onAttachedLeft = onAttachedLeft;
    this.#signal = signal;
    this.#cache = new ManifestCache({ signal, onRead });
    this.#problems = new Problems(signal);
    this.#cache.know(source.repository, source.root);
    for (const { repository, manifest } of source.entries.values()) {
      if (manifest !== undefined) this.#cache.know(repository, manifest);
    }
  }

  get problems(): readonly LookProblem[] {
    return this.#problems.all;
  }

  /** Nothing is waited for any longer. */
  end(): void {
    this.#patience.end();
  }

  async root(): Promise<TreeNode> {
    const { root, repository } = this.#source;
    const { mediaType, digest, bytes } = root;
    const own = descriptor(mediaType, digest, bytes.byteLength);
    const { node } = await this.#read({ descriptor: own, repository, depth: 0 });
    return node;
  }

  async #read(wanted: Wanted): Promise<Read> {
    const { descriptor: listed, repository, foundBy, tag } = wanted;
    // What an index names may be anything.
    const isManifest = mayBeManifest(listed.mediaType);
    const found = isManifest ? this.#manifest(wanted) : Promise.resolve(undefined);
    const read = found.then((one) => (isManifestRead(one) ? one : undefined));
    const [outcome, attached, children, platform] = await Promise.all([
      found,
      isManifest ? this.#attached(wanted) : [],
      read.then((manifest) => (manifest?.kind === "index" ? this.#children(manifest, wanted) : [])),
      read.then((manifest) => this.#platform(wanted, manifest)),
    ]);
    const manifest = isManifestRead(outcome) ? outcome : undefined;
    const problem = isManifestRead(outcome) ? this.#sizeProblem(wanted, outcome) : outcome;
    const name = this.#source.entries.get(listed.digest)?.name;
    const location = formatLocation(repository.location);
    const isElsewhere = location !== formatLocation(this.#source.repository.location);
    const artifactType = artifactTypeOf(listed, manifest);
    const node: TreeNode = {
      kind: kindOf(listed, manifest),
      digest: listed.digest,
      mediaType: manifest?.mediaType ?? listed.mediaType,
      size: manifest?.bytes.byteLength ?? blobSize(listed),
      ...(platform !== undefined && { platform }),
      ...(name !== undefined && { name }),
      ...(isElsewhere && { repository: location }),
      ...(artifactType !== "" && { artifactType }),
      annotations: { ...listed.annotations },
      ownAnnotations: { ...manifest?.annotations },
      ...(foundBy && { foundBy }),
      ...(tag !== undefined && { tag }),
      predicateTypes: manifest === undefined ? [] : predicateTypesOf(manifest),
      ...contentsOf(manifest),
      children,
      attached,
      ...(problem && { problem }),
    };
    return { node, about: attestedDigest(listed) ?? manifest?.subject?.digest };
  }

  async #manifest({ descriptor: listed, repository, depth }: Wanted): Promise<Manifest | LookProblem> {
    const { digest, mediaType } = listed;
    const { name } = this.#source;
    if (depth > MAX_NESTING) {
      throw new ManifestError("LIMIT", `${name}: nested more than ${MAX_NESTING} deep`, { subject: name });
    }
    this.#reads++;
    try {
      checkDigest(digest);
      const data = embeddedContent(listed);
      if (data !== undefined) return withExactBytes(parseManifest(mediaType, data), data, digest);
      return await this.#cache.manifest(repository, digest, nameOf(repository, digest), name);
    } catch (error) {
      return this.#problems.of(error, repository.location);
    } finally {
      this.#reads--;
      this.#patience.renew();
      // Once what it names has been begun, too.
      setImmediate(() => {
        this.#tellOfAttached();
      });
    }
  }

  #tellOfAttached(): void {
    if (this.#reads > 0 || this.#asks === 0) return;
    this.#onAttachedLeft?.();
    this.#onAttachedLeft = undefined;
  }

  /** Whoever pulls it by the list is told another size than it has, and refuses it. */
  #sizeProblem({ descriptor: listed, repository }: Wanted, { bytes }: Manifest): LookProblem | undefined {
    if (Number(listed.size) === bytes.byteLength) return undefined;
    return this.#problems.add({
      code: "DIGEST_MISMATCH",
      message: `${nameOf(repository, listed.digest)} has ${bytes.byteLength} bytes, and what lists it says ${listed.size}`,
    });
  }

  /** As its descriptor says. What is listed without one, or by itself, has it in its config. */
  async #platform(wanted: Wanted, manifest: Manifest | undefined): Promise<string | undefined> {
    const { descriptor: listed, repository, foundBy } = wanted;
    const { platform } = listed;
    if (platform !== undefined) return platformText(platform);
    if (manifest?.kind !== "image" || foundBy !== undefined || isAttestation(listed)) return undefined;
    try {
      return platformText(await this.#cache.platform(repository, manifest));
    } catch (error) {
      this.#problems.of(error, repository.location);
      return undefined;
    }
  }

  /** What an index names, each with what else the index names that is about it. */
  async #children(index: Manifest, { repository, depth }: Wanted): Promise<TreeNode[]> {
    this.#cache.expect(index.children.length, this.#source.name);
    const reads = await Promise.all(
      index.children.map((child) =>
        this.#read({
          descriptor: child,
          repository: this.#source.entries.get(child.digest)?.repository ?? repository,
          depth: depth + 1,
        }),
      ),
    );
    const isListed = new Set(reads.map(({ node }) => node.digest));
    const isAbout = new Map(reads.map(({ node, about }) => [node.digest, about]));
    /** It is about another one of the index, which is itself about none: no two can be about each other. */
    const targetOf = ({ node, about }: Read): string | undefined => {
      if (about === undefined || about === node.digest || !isListed.has(about)) return undefined;
      const next = isAbout.get(about);
      return next === undefined || !isListed.has(next) ? about : undefined;
    };
    const attached = groupBy(
      reads.filter((read) => targetOf(read) !== undefined),
      (read) => targetOf(read) ?? "",
    );
    return reads
      .filter((read) => targetOf(read) === undefined)
      .map(({ node }) => {
        const own = (attached.get(node.digest) ?? []).map((read): TreeNode => ({
          ...read.node,
          foundBy: "list",
        }));
        // One image for many platforms has what is about it as often.
        this.#cache.expect(own.length, this.#source.name);
        const known = new Set(own.map(({ digest }) => digest));
        return { ...node, attached: [...own, ...node.attached.filter(({ digest }) => !known.has(digest))] };
      });
  }

  /** Signatures of what an index calls an attestation are not looked for, nor what is attached to cosign's signatures. */
  async #attached({ descriptor: listed, repository, depth, foundBy }: Wanted): Promise<TreeNode[]> {
    if (isAttestation(listed) || foundBy === "tag" || depth >= MAX_NESTING) return [];
    const referrers = await this.#referrersOf(repository, listed.digest, foundBy === undefined);
    this.#cache.expect(referrers.length, this.#source.name);
    const reads = await Promise.all(
      referrers.map((referrer) => this.#read({ ...referrer, repository, depth: depth + 1 })),
    );
    return reads.map(({ node }) => node);
  }

  #referrersOf(repository: Repository, digest: string, byTags: boolean): Promise<readonly Referrer[]> {
    const key = nameOf(repository, digest);
    const asked = this.#referrers.get(key) ?? this.#askReferrers(repository, digest, byTags);
    this.#referrers.set(key, asked);
    return asked;
  }

  async #askReferrers(repository: Repository, digest: string, byTags: boolean): Promise<readonly Referrer[]> {
    const tags = byTags ? cosignTags(digest) : [];
    this.#asks++;
    const [listed, ...tagged] = await Promise.all([
      this.#listedReferrers(repository, digest),
      ...tags.map((tag) => this.#tagged(repository, tag)),
    ]);
    this.#asks--;
    const known = new Set(listed.map((one) => one.digest));
    return [
      ...listed.map((one): Referrer => ({ descriptor: one, foundBy: "subject" })),
      ...tagged.flatMap((one, index): Referrer[] => {
        if (one === undefined || known.has(one.digest)) return [];
        return [{ descriptor: one, foundBy: "tag", tag: tags[index] ?? "" }];
      }),
    ];
  }

  async #tagged(repository: Repository, tag: string): Promise<Descriptor | undefined> {
    try {
      const found = await repository.resolve(tag, { signal: this.#patience.signal });
      this.#patience.renew();
      return found;
    } catch (error) {
      this.#notKnown(error, repository);
      return undefined;
    }
  }

  async #listedReferrers(repository: Repository, digest: string): Promise<readonly Descriptor[]> {
    const found: Descriptor[] = [];
    try {
      const { signal } = this.#patience;
      for await (const one of repository.referrers(digest, undefined, { signal })) {
        this.#cache.expect(1, this.#source.name);
        found.push(one);
      }
      this.#patience.renew();
    } catch (error) {
      this.#notKnown(error, repository);
    }
    return found;
  }

  #notKnown(error: unknown, { location }: Repository): void {
    const name = formatLocation(location);
    const say = (message: string): string =>
      `not all that is attached to manifests of ${name} is known: ${message}`;
    this.#signal?.throwIfAborted();
    if (this.#patience.isOver && !(error instanceof ManifestError && error.code === "LIMIT")) {
      const message = say(`no answer for ${this.#patienceMs / 1000} seconds`);
      this.#problems.add({ code: "TRANSPORT", message });
    } else this.#problems.of(error, location, say);
  }
}

function isManifestRead(outcome: Manifest | LookProblem | undefined): outcome is Manifest {
  return outcome !== undefined && "bytes" in outcome;
}

function nameOf({ location }: Repository, digest: string): string {
  return `${formatLocation(location)}@${digest}`;
}

function kindOf(listed: Descriptor, manifest: Manifest | undefined): TreeNode["kind"] {
  // BuildKit gives its attestations the config of an image.
  return manifest?.kind === "image" && isAttestation(listed) ? "artifact" : (manifest?.kind ?? "unknown");
}

function artifactTypeOf(listed: Descriptor, manifest: Manifest | undefined): string {
  if (manifest === undefined) return listed.artifactType;
  const { kind, artifactType, blobs } = manifest;
  return artifactType !== "" || kind !== "artifact" ? artifactType : (blobs[0]?.mediaType ?? "");
}

function platformText(platform: Platform): string | undefined {
  if (!isOfMachine(platform)) return undefined;
  const text = formatPlatformAll(platform);
  return text.length > MAX_PLATFORM ? `${text.slice(0, MAX_PLATFORM)}…` : text;
}

function contentsOf(manifest: Manifest | undefined): Pick<TreeNode, "config" | "layers" | "bytes"> {
  const [config, ...layers] = (manifest?.blobs ?? []).map(treeBlob);
  return {
    ...(config && { config }),
    layers,
    bytes: bytesOf(config === undefined ? [] : [config, ...layers]),
  };
}
