import { ManifestError } from "../errors.js";
import type { GoValue } from "../go/values.js";
import { limitTo } from "../limit.js";
import type { DetailParts } from "../list/detailsWanted.js";
import { groupBy } from "../list/groupBy.js";
import type { PlatformDetails } from "../list/imageDetails.js";
import type { Descriptor } from "../oci/descriptor.js";
import { parseImageConfig, type ImageConfig } from "../oci/imageConfig.js";
import { formatLocation } from "../oci/location.js";
import { parseManifest, withExactBytes, type Manifest } from "../oci/manifest.js";
import { DOCKER_MANIFEST, isListType, OCI_MANIFEST } from "../oci/mediaTypes.js";
import { NO_PLATFORM } from "../oci/platform.js";
import { formatPlatform, normalizePlatform } from "../oci/platformName.js";
import { predicateKind, readPredicate } from "../oci/statement.js";
import { MAX_MANIFESTS, MAX_NESTING } from "./bounds.js";
import { embeddedContent } from "./embeddedContent.js";
import type { Repository } from "./repository.js";

/** Of manifests, configs and attestations together: some hundred platforms with an SBOM each. */
const MAX_BYTES = 256 * 1024 * 1024;
const READS_AT_ONCE = 32;

/** The annotation in an index that marks a manifest as BuildKit's attestation of another one. */
const REFERENCE_DIGESTS = ["com.docker.reference.digest", "vnd.docker.reference.digest"];

/** A manifest, and what it was found by. */
interface Found {
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
}

export interface ReadImagesOptions {
  readonly signal: AbortSignal;
  /** Called whenever a manifest, config or attestation is to be read, or has been: so many of those known so far. */
  readonly onRead?: ((done: number, known: number) => void) | undefined;
}

/**
 * The images behind a name, one for each platform, with what is wanted of them. Where several are for one platform, it
 * is the first; to buildx, any. Nothing is read that is not wanted, and nothing twice.
 *
 * What says in which image an attestation belongs to is the index; attestations that are only referrers are not found.
 * @throws MANIFEST_UNKNOWN or BLOB_UNKNOWN if something is not there, LIMIT if there is too much of it; what is wrong with
 *   attestations is in the result
 */
export async function readImages(
  repository: Repository,
  root: Found,
  wanted: DetailParts,
  options: ReadImagesOptions,
): Promise<PlatformDetails[]> {
  const { signal } = options;
  const reader = new ContentReader(repository, options);
  const leaves = await imagesUnder(reader, root, 0);
  const images = leaves.filter((leaf) => referenceOf(leaf) === undefined);
  const attestations = groupBy(leaves, (leaf) => referenceOf(leaf) ?? "");
  const platforms = await Promise.all(images.map((image) => platformOf(reader, image)));
  // Backwards, so that of several the first is kept.
  const firsts = new Map(images.map((image, index) => [platforms[index] ?? "", image] as const).reverse());
  const details = await Promise.all(
    Array.from(firsts, ([platform, image]) =>
      readDetails(reader, platform, image, attestations.get(image.digest) ?? [], wanted),
    ),
  );
  // What could not be read because it was interrupted is no finding about attestations.
  signal.throwIfAborted();
  return details;
}

/** The manifests of images under an index, in its order, with those of indexes in it; or the one image that it is. */
async function imagesUnder(
  reader: ContentReader,
  { descriptor, manifest }: Found,
  depth: number,
): Promise<Descriptor[]> {
  if (isImageType(descriptor.mediaType)) {
    reader.know(descriptor, manifest);
    return [descriptor];
  }
  if (!isListType(descriptor.mediaType)) return [];
  reader.count(manifest.children.length, depth);
  const found = await Promise.all(
    manifest.children.map(async (child) => {
      if (isImageType(child.mediaType)) return [child];
      if (!isListType(child.mediaType)) return [];
      return imagesUnder(reader, { descriptor: child, manifest: await reader.manifest(child) }, depth + 1);
    }),
  );
  return found.flat();
}

function isImageType(mediaType: string): boolean {
  return mediaType === DOCKER_MANIFEST || mediaType === OCI_MANIFEST;
}

function referenceOf({ annotations }: Descriptor): string | undefined {
  return REFERENCE_DIGESTS.map((key) => annotations[key]).find((digest) => digest !== undefined);
}

/** As its descriptor says, or else its config. */
async function platformOf(reader: ContentReader, descriptor: Descriptor): Promise<string> {
  const platform = descriptor.platform ?? (await reader.config(descriptor)) ?? NO_PLATFORM;
  return formatPlatform(normalizePlatform(platform));
}

async function readDetails(
  reader: ContentReader,
  platform: string,
  image: Descriptor,
  attestations: readonly Descriptor[],
  wanted: DetailParts,
): Promise<PlatformDetails> {
  const needsLayers = wanted.sboms || wanted.provenance;
  const layers = needsLayers ? layersOf(reader, attestations) : Promise.resolve([]);
  const [config, [sboms, provenance]] = await Promise.all([
    wanted.configs ? reader.config(image) : undefined,
    Promise.allSettled([
      layers.then((all) => (wanted.sboms ? readSboms(reader, all) : [])),
      layers.then((all) => (wanted.provenance ? readProvenance(reader, all) : undefined)),
    ]),
  ]);
  return { platform, config, sboms, provenance };
}

/** The layers of each attestation manifest. */
async function layersOf(reader: ContentReader, attestations: readonly Descriptor[]): Promise<Descriptor[][]> {
  const manifests = await Promise.all(attestations.map((attestation) => reader.manifest(attestation)));
  // One that is named thousands of times has thousands of times as many.
  for (const { blobs } of manifests) reader.count(blobs.length, 0);
  return manifests.map(({ blobs }) => blobs.slice(1));
}

function readSboms(reader: ContentReader, layers: readonly Descriptor[][]): Promise<GoValue[]> {
  const stated = layers.flat().filter((layer) => predicateKind(layer) === "sbom");
  return Promise.all(stated.map((layer) => reader.predicate(layer)));
}

/** The first of an attestation manifest, and of several such manifests the last, as with buildx. */
function readProvenance(
  reader: ContentReader,
  layers: readonly Descriptor[][],
): Promise<GoValue> | undefined {
  const stated = layers
    .map((own) => own.find((layer) => predicateKind(layer) === "provenance"))
    .findLast((layer) => layer !== undefined);
  return stated && reader.predicate(stated);
}

/** Reads from one repository: everything once, a few at a time, and not more than a limit in total. */
class ContentReader {
  readonly #repository: Repository;
  readonly #signal: AbortSignal;
  readonly #manifests = new Map<string, Promise<Manifest>>();
  readonly #configs = new Map<string, Promise<ImageConfig | undefined>>();
  readonly #limited = limitTo(READS_AT_ONCE);
  readonly #onRead: ReadImagesOptions["onRead"];
  #known = 0;
  #done = 0;
  #count = 0;
  #bytes = 0;

  constructor(repository: Repository, { signal, onRead }: ReadImagesOptions) {
    this.#repository = repository;
    this.#signal = signal;
    this.#onRead = onRead;
  }

  /** Counts manifests of an index that is so deep in others, before any of them is asked for. */
  count(manifests: number, depth: number): void {
    if (depth > MAX_NESTING) throw this.#limit(`indexes are nested more than ${MAX_NESTING} deep`);
    this.#count += manifests;
    if (this.#count > MAX_MANIFESTS) throw this.#limit(`more than ${MAX_MANIFESTS} manifests`);
  }

  know({ digest }: Descriptor, manifest: Manifest): void {
    this.#manifests.set(digest, Promise.resolve(manifest));
  }

  manifest(descriptor: Descriptor): Promise<Manifest> {
    return once(this.#manifests, descriptor.digest, async () => {
      const { digest, mediaType } = descriptor;
      const data = embeddedContent(descriptor);
      if (data !== undefined) return withExactBytes(parseManifest(mediaType, data), data, digest);
      const manifest = await this.#read(() => this.#repository.get(digest, { signal: this.#signal }));
      this.#hold(manifest.bytes);
      return manifest;
    });
  }

  config(image: Descriptor): Promise<ImageConfig | undefined> {
    return once(this.#configs, image.digest, async () => {
      const [config] = (await this.manifest(image)).blobs;
      if (config === undefined) throw new ManifestError("INVALID_MANIFEST", `${image.digest} has no config`);
      const bytes = await this.#blob(config);
      return naming(`image config ${config.digest}`, () => parseImageConfig(bytes));
    });
  }

  async predicate(layer: Descriptor): Promise<GoValue> {
    const bytes = await this.#blob(layer);
    return naming(`attestation ${layer.digest}`, () => readPredicate(bytes, layer.mediaType));
  }

  async #blob(descriptor: Descriptor): Promise<Buffer> {
    const data = embeddedContent(descriptor);
    if (data !== undefined) return data;
    const { digest } = descriptor;
    const bytes = await this.#read(() => this.#repository.getBlob(digest, { signal: this.#signal }));
    this.#hold(bytes);
    return bytes;
  }

  async #read<Value>(read: () => Promise<Value>): Promise<Value> {
    this.#onRead?.(this.#done, ++this.#known);
    const value = await this.#limited(read);
    this.#onRead?.(++this.#done, this.#known);
    return value;
  }

  #hold({ byteLength }: Buffer): void {
    this.#bytes += byteLength;
    if (this.#bytes > MAX_BYTES)
      throw this.#limit(`more than ${MAX_BYTES} bytes of manifests, configs and attestations`);
  }

  #limit(why: string): ManifestError {
    const subject = formatLocation(this.#repository.location);
    return new ManifestError("LIMIT", `${subject}: ${why}`, { subject });
  }
}

function once<Value>(
  known: Map<string, Promise<Value>>,
  digest: string,
  read: () => Promise<Value>,
): Promise<Value> {
  const found = known.get(digest) ?? read();
  known.set(digest, found);
  return found;
}

/** What is wrong with content, with the name of it. */
function naming<Value>(name: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    throw new ManifestError(error.code, `${name}: ${error.message}`, { subject: name, cause: error });
  }
}
