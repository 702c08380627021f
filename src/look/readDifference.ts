import { MAX_NESTING } from "../content/bounds.js";
import { embeddedContent } from "../content/embeddedContent.js";
import { ManifestCache } from "../content/manifestCache.js";
import type { Repository } from "../content/repository.js";
import { hasCode, ManifestError, messageOf } from "../errors.js";
import { limitTo } from "../limit.js";
import { isAttestation } from "../list/attestations.js";
import {
  changedImages,
  listDifference,
  valueChanges,
  type ComparedImage,
  type ImageChange,
  type ListDifference,
  type ListedImage,
  type ValueChange,
} from "../list/difference.js";
import { descriptor, type Descriptor } from "../oci/descriptor.js";
import { formatLocation } from "../oci/location.js";
import type { Manifest } from "../oci/manifest.js";
import { IMAGE_CONFIGS, isListType } from "../oci/mediaTypes.js";
import { isOfMachine } from "../oci/platform.js";
import { formatPlatformAll, normalizePlatform } from "../oci/platformName.js";
import { configValues, type ConfigValues } from "./configValues.js";
import { contentDifference, type ReadImage } from "./contentDifference.js";
import { Problems } from "./problems.js";
import type { ComparedSide, ContentDifference, ImageDifference, TreeDifference } from "./treeDifference.js";
import type { TreeSource } from "./treeSource.js";

export interface ReadDifferenceOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with how many of the images that differ have been compared. */
  readonly onCompared?: ((done: number, total: number) => void) | undefined;
}

/** A config may have 16 MiB, and is held only while it is read. */
const CONFIGS_AT_ONCE = 8;
/** Of all configs together: some ten thousand usual ones. */
const MAX_CONFIG_BYTES = 256 * 1024 * 1024;

/**
 * How `to` differs from `from`. Only of images that have changed are the manifests and configs read, side by side; layers
 * are not. What cannot be read is told under `problems`.
 *
 * Two single images are compared with each other, whatever platforms they are for; an image and a list by the platform
 * that the config of the image says. Images of indexes within an index are compared like those of the index itself.
 * @param from undefined where there was nothing
 * @throws LIMIT for more than anything honest
 * @example
 * const { images } = await readDifference(old, draftSource(draft, open));
 * images.filter(({ change }) => change === "changed").map(({ content }) => content?.layers.added.length);
 */
export async function readDifference(
  from: TreeSource | undefined,
  to: TreeSource,
  options: ReadDifferenceOptions = {},
): Promise<TreeDifference> {
  const reader = new DifferenceReader(options);
  const [before, after] = await reader.withNested(from, to);
  const { compared, difference } = await reader.compare(before, after);
  let done = 0;
  options.onCompared?.(done, compared.length);
  const images = await Promise.all(
    compared.map(async (one) => {
      const image = await reader.image(one, before, after);
      options.onCompared?.(++done, compared.length);
      return image;
    }),
  );
  return {
    from: from && sideOf(from),
    to: sideOf(to),
    isSame: from?.root.digest === to.root.digest,
    ...difference,
    images,
    problems: reader.problems.all,
  };
}

interface Comparison {
  readonly compared: readonly ComparedImage[];
  readonly difference: Omit<ListDifference, "images">;
}

/** An index, where it is, and how deep what it names is nested. */
interface Nesting {
  readonly index: Manifest;
  readonly repository: Repository;
  readonly depth: number;
}

/** What an index within another one names. */
interface Nested {
  readonly listed: Descriptor;
  readonly repository: Repository;
}

class DifferenceReader {
  readonly problems: Problems;
  readonly #signal: AbortSignal | undefined;
  readonly #cache: ManifestCache;
  readonly #limited = limitTo(CONFIGS_AT_ONCE);
  #configBytes = 0;

  constructor({ signal }: ReadDifferenceOptions) {
    this.problems = new Problems(signal);
    this.#signal = signal;
    this.#cache = new ManifestCache({ signal });
  }

  /** With what indexes within them name, but for indexes that are in both. */
  async withNested(
    from: TreeSource | undefined,
    to: TreeSource,
  ): Promise<[from: TreeSource | undefined, to: TreeSource]> {
    for (const source of from === undefined ? [to] : [from, to]) this.#know(source);
    if (from?.root.digest === to.root.digest) return [from, to];
    const known = new Set(from?.root.children.map(({ digest }) => digest));
    const both = new Set(to.root.children.map(({ digest }) => digest).filter((digest) => known.has(digest)));
    return Promise.all([from && this.#flat(from, both), this.#flat(to, both)]);
  }

  async #flat(source: TreeSource, both: ReadonlySet<string>): Promise<TreeSource> {
    const { root, repository, entries } = source;
    const { kind, mediaType, blobs, bytes, digest, subject, artifactType, annotations } = root;
    const nested = await this.#nested(source, { index: root, repository, depth: 1 }, both);
    if (nested.length === 0) return source;
    const identity = (one: Descriptor): string => `${one.digest} ${platformOf(one) ?? ""}`;
    const children = new Map(
      [...nested.map(({ listed }) => listed), ...root.children].map((one) => [identity(one), one]),
    );
    const places = nested.map(({ listed, repository: place }) => {
      return [listed.digest, { name: source.name, repository: place, manifest: undefined }] as const;
    });
    const added = [...children.values()].filter((one) => !root.children.includes(one));
    const fields = { kind, mediaType, blobs, bytes, digest, subject, artifactType, annotations };
    return {
      ...source,
      root: { ...fields, children: [...root.children, ...added] },
      entries: new Map([...places, ...entries]),
    };
  }

  /** What indexes within an index name, however deep. What cannot be read names nothing. */
  async #nested(
    source: TreeSource,
    { index, repository, depth }: Nesting,
    both: ReadonlySet<string>,
  ): Promise<readonly Nested[]> {
    const { name } = source;
    const found = await Promise.all(
      index.children
        .filter(({ mediaType, digest }) => isListType(mediaType) && !both.has(digest))
        .map(async (child) => {
          if (depth > MAX_NESTING) {
            throw new ManifestError("LIMIT", `${name}: nested more than ${MAX_NESTING} deep`, {
              subject: name,
            });
          }
          const place = source.entries.get(child.digest)?.repository ?? repository;
          const inner = await this.#manifest({ ...source, repository: place }, { descriptor: child });
          if (inner === undefined) return [];
          this.#cache.expect(inner.children.length, name);
          const below = await this.#nested(
            source,
            { index: inner, repository: place, depth: depth + 1 },
            both,
          );
          const own = inner.children.map((one) => ({ listed: inheriting(one, child), repository: place }));
          return [...own, ...below];
        }),
    );
    return found.flat();
  }

  async compare(from: TreeSource | undefined, to: TreeSource): Promise<Comparison> {
    if (from !== undefined && isSingle(from) && isSingle(to)) return this.#compareSingle(from, to);
    const isSame = from?.root.digest === to.root.digest;
    const [before, after] = isSame
      ? [to.root, to.root]
      : await Promise.all([from && this.#asList(from), this.#asList(to)]);
    const { unchanged, others, annotations, fields } = listDifference(before, after);
    return { compared: changedImages(before, after), difference: { unchanged, others, annotations, fields } };
  }

  async image(
    { change, old, now }: ComparedImage,
    from: TreeSource | undefined,
    to: TreeSource,
  ): Promise<ImageDifference> {
    const isChanged = change.change === "changed" && from !== undefined;
    const content = isChanged && old && now ? await this.#content(from, old, to, now) : undefined;
    return {
      ...change,
      entry: old === undefined || now === undefined ? [] : entryChanges(old.descriptor, now.descriptor),
      attestations: { from: old?.attestations ?? [], to: now?.attestations ?? [] },
      content,
    };
  }

  #know({ root, repository, entries }: TreeSource): void {
    this.#cache.know(repository, root);
    for (const entry of entries.values()) {
      if (entry.manifest !== undefined) this.#cache.know(entry.repository, entry.manifest);
    }
  }

  /** One takes the place of the other. */
  async #compareSingle(from: TreeSource, to: TreeSource): Promise<Comparison> {
    const none = { others: [], annotations: [], fields: [] };
    if (from.root.digest === to.root.digest) return { compared: [], difference: { ...none, unchanged: 1 } };
    const [old, now] = await Promise.all([this.#descriptorOf(from), this.#descriptorOf(to)]);
    const change: ImageChange = {
      platform: platformOf(now) ?? platformOf(old),
      change: "changed",
      from: old.digest,
      to: now.digest,
      attestation: undefined,
    };
    const listed = (one: Descriptor): ListedImage => ({ descriptor: one, attestations: [] });
    return {
      compared: [{ change, old: listed(old), now: listed(now) }],
      difference: { ...none, unchanged: 0 },
    };
  }

  /** A single image as if it were the only one of a list. */
  async #asList(source: TreeSource): Promise<Manifest> {
    const { root } = source;
    if (root.kind !== "image") return root;
    const { mediaType, bytes, digest, subject, artifactType, annotations } = root;
    const children = [await this.#descriptorOf(source)];
    const fields = { mediaType, bytes, digest, subject, artifactType, annotations };
    return { ...fields, kind: "index", blobs: [], children };
  }

  async #descriptorOf({ root, repository }: TreeSource): Promise<Descriptor> {
    const { kind, mediaType, digest, bytes, artifactType } = root;
    const own = { ...descriptor(mediaType, digest, bytes.byteLength), artifactType };
    if (kind !== "image") return own;
    try {
      return { ...own, platform: await this.#cache.platform(repository, root) };
    } catch (error) {
      this.problems.of(error, repository.location);
      return own;
    }
  }

  async #content(
    from: TreeSource,
    old: ListedImage,
    to: TreeSource,
    now: ListedImage,
  ): Promise<ContentDifference | undefined> {
    const [before, after] = await Promise.all([this.#manifest(from, old), this.#manifest(to, now)]);
    if (before === undefined || after === undefined) return undefined;
    const isSameConfig = before.blobs[0]?.digest === after.blobs[0]?.digest;
    const configs: Promise<ConfigValues | undefined>[] = isSameConfig
      ? []
      : [this.#config(from, old, before), this.#config(to, now, after)];
    const [oldConfig, newConfig] = await Promise.all(configs);
    const one: ReadImage = { manifest: before, config: oldConfig };
    return contentDifference(one, { manifest: after, config: newConfig });
  }

  async #manifest(
    source: TreeSource,
    { descriptor: listed }: Pick<ListedImage, "descriptor">,
  ): Promise<Manifest | undefined> {
    const { digest } = listed;
    const repository = repositoryOf(source, digest);
    try {
      this.#cache.expect(1, source.name);
      const name = `${formatLocation(repository.location)}@${digest}`;
      return await this.#cache.manifest(repository, digest, name, source.name);
    } catch (error) {
      this.problems.of(error, repository.location);
      return undefined;
    }
  }

  async #config(
    source: TreeSource,
    { descriptor: image }: ListedImage,
    { blobs: [config] }: Manifest,
  ): Promise<ConfigValues | undefined> {
    if (config === undefined || !IMAGE_CONFIGS.has(config.mediaType)) return undefined;
    const repository = repositoryOf(source, image.digest);
    try {
      return await this.#limited(async () => {
        const bytes = this.#cache.config(config.digest) ?? (await this.#configBlob(repository, config));
        return configValues(bytes);
      });
    } catch (error) {
      const message = `image config ${config.digest}: ${messageOf(error)}`;
      // One that is too large keeps nobody from comparing the rest.
      if (hasCode(error, "LIMIT") && this.#configBytes <= MAX_CONFIG_BYTES) {
        this.problems.add({ code: error.code, message });
      } else this.problems.of(error, repository.location, () => message);
      return undefined;
    }
  }

  async #configBlob(repository: Repository, config: Descriptor): Promise<Buffer> {
    const data = embeddedContent(config);
    if (data !== undefined) return data;
    const bytes = await repository.getBlob(config.digest, { signal: this.#signal });
    this.#configBytes += bytes.byteLength;
    if (this.#configBytes > MAX_CONFIG_BYTES) {
      const subject = formatLocation(repository.location);
      throw new ManifestError("LIMIT", `${subject}: more than ${MAX_CONFIG_BYTES} bytes of configs`, {
        subject,
      });
    }
    return bytes;
  }
}

/** An index of one image and its attestations may say by itself which platform that is for. */
function inheriting(child: Descriptor, index: Descriptor): Descriptor {
  const isImage = !isListType(child.mediaType) && !isAttestation(child);
  if (child.platform !== undefined || index.platform === undefined || !isImage) return child;
  return { ...child, platform: index.platform };
}

function isSingle({ root }: TreeSource): boolean {
  return root.kind !== "index";
}

function sideOf({ name, origin, root: { digest, mediaType, bytes } }: TreeSource): ComparedSide {
  return { name, origin, digest, mediaType, size: bytes.byteLength };
}

function repositoryOf({ entries, repository }: TreeSource, digest: string): Repository {
  return entries.get(digest)?.repository ?? repository;
}

function platformOf({ platform }: Descriptor): string | undefined {
  return isOfMachine(platform) ? formatPlatformAll(normalizePlatform(platform)) : undefined;
}

/** What two lists say of an image, besides what it is. */
function entryChanges(old: Descriptor, now: Descriptor): ValueChange[] {
  return valueChanges(entryValues(old), entryValues(now));
}

function entryValues({ platform, artifactType, urls, annotations }: Descriptor): Record<string, string> {
  return {
    ...(isOfMachine(platform) && { platform: formatPlatformAll(platform) }),
    ...(artifactType !== "" && { artifactType }),
    ...(urls.length > 0 && { urls: urls.join(" ") }),
    ...Object.fromEntries(
      Object.entries(annotations).map(([name, value]) => [`annotation ${name}`, value] as const),
    ),
  };
}
