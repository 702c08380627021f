import { embeddedContent } from "../content/embeddedContent.js";
import { ManifestCache } from "../content/manifestCache.js";
import type { Repository } from "../content/repository.js";
import { hasCode, ManifestError, messageOf } from "../errors.js";
import { limitTo } from "../limit.js";
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
import { parseImageConfig, type ImageConfig } from "../oci/imageConfig.js";
import { formatLocation } from "../oci/location.js";
import type { Manifest } from "../oci/manifest.js";
import { IMAGE_CONFIGS } from "../oci/mediaTypes.js";
import { isOfMachine } from "../oci/platform.js";
import { formatPlatformAll, normalizePlatform } from "../oci/platformName.js";
import { contentDifference, type ReadImage } from "./contentDifference.js";
import { Problems } from "./problems.js";
import type { ComparedSide, ContentDifference, ImageDifference, TreeDifference } from "./treeDifference.js";
import type { TreeSource } from "./treeSource.js";

export interface ReadDifferenceOptions {
  readonly signal?: AbortSignal | undefined;
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
 * that the config of the image says.
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
  const { compared, difference } = await reader.compare(from, to);
  const images = await Promise.all(compared.map((one) => reader.image(one, from, to)));
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

  async compare(from: TreeSource | undefined, to: TreeSource): Promise<Comparison> {
    for (const source of from === undefined ? [to] : [from, to]) this.#know(source);
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
    const configs: Promise<ImageConfig | undefined>[] = isSameConfig
      ? []
      : [this.#config(from, old, before), this.#config(to, now, after)];
    const [oldConfig, newConfig] = await Promise.all(configs);
    const one: ReadImage = { manifest: before, config: oldConfig };
    return contentDifference(one, { manifest: after, config: newConfig });
  }

  async #manifest(source: TreeSource, { descriptor: listed }: ListedImage): Promise<Manifest | undefined> {
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
  ): Promise<ImageConfig | undefined> {
    if (config === undefined || !IMAGE_CONFIGS.has(config.mediaType)) return undefined;
    const repository = repositoryOf(source, image.digest);
    try {
      return await this.#limited(async () => {
        const bytes = this.#cache.config(config.digest) ?? (await this.#configBlob(repository, config));
        return parseImageConfig(bytes);
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
