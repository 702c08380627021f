import type { Layout } from "../content/layout.js";
import type { ManifestCache } from "../content/manifestCache.js";
import { formatPlace, tagsOf, type Place } from "../content/place.js";
import type { Repository } from "../content/repository.js";
import { mergeGiven, type WantedSource } from "../content/sourceText.js";
import { ManifestError } from "../errors.js";
import { chooseChildren } from "../list/choose.js";
import { withChildren, type CombinedSource } from "../list/combine.js";
import { descriptor, type Descriptor } from "../oci/descriptor.js";
import { isDigest } from "../oci/digest.js";
import type { Location } from "../oci/location.js";
import type { Manifest } from "../oci/manifest.js";
import { DOCKER_MANIFEST, isListType, OCI_MANIFEST } from "../oci/mediaTypes.js";
import { NO_PLATFORM, type Platform } from "../oci/platform.js";
import { formatPlatform, normalizePlatform } from "../oci/platformName.js";
import { readNamedBy } from "./fromPlaces.js";

/** A source that was read. */
export interface ReadSource extends CombinedSource {
  readonly repository: Repository;
  readonly name: string;
  readonly manifest: Manifest;
}

/** A source whose repository is known, as an order has it. */
export interface WantedOrderSource extends WantedSource {
  /** The platform that is given is no more than what its name was made of: the image itself must agree. */
  readonly isPlatformChecked?: true | undefined;
  /** What the platform leaves open is that of the image's config. */
  readonly isPlatformOpen?: true | undefined;
}

export interface SourceOptions {
  readonly open: (location: Location) => Repository;
  readonly layoutAt: (folder: string) => Layout;
  readonly cache: ManifestCache;
  /** What is to be pushed is held to more than what is only shown. */
  readonly isShown: boolean;
  /** How long to wait for what is not there yet, in milliseconds. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/** Told of a source as soon as it is known to be there; the platform of an image is read behind what that comes to. */
export type OnFound = (source: ReadSource) => void | Promise<void>;

/** Reads the sources of a list as buildx does: what is said of them, and the platforms of images. */
export class CreateSources {
  readonly #options: SourceOptions;
  /** By tag: a source that is named twice is one manifest, also where its tag moves meanwhile. */
  readonly #tagged = new Map<string, Promise<Manifest>>();

  constructor(options: SourceOptions) {
    this.#options = options;
  }

  /** @throws MANIFEST_UNKNOWN, naming it, for what is not there */
  async read(wanted: WantedOrderSource, onFound: OnFound): Promise<ReadSource> {
    const { place, given, isGivenWhole, namedBy, isPlatformChecked, isPlatformOpen } = wanted;
    const name = formatPlace(place);
    const repository = this.#options.open(place.location);
    const reference = await this.#referenceOf(place);
    const manifest = await readNamedBy(namedBy, () => this.#manifest(repository, reference, name));
    this.#options.cache.know(repository, manifest);
    const { mediaType, digest, bytes } = manifest;
    const listed = await this.#listedIn(place, reference);
    // buildx shows what a layout says, and fails when it is to push it.
    if (listed !== undefined && !this.#options.isShown) checkListedSize(listed, bytes, name);
    // buildx shows what it was given, and fails when it is to push it; of a list only what it names goes anywhere.
    if (isGivenWhole && given !== undefined && !isListType(given.mediaType) && !this.#options.isShown) {
      mergeGiven(descriptor(mediaType, digest, bytes.byteLength), given);
    }
    const found = isGivenWhole
      ? given && { ...given, size: Number(given.size) === 0 ? bytes.byteLength : given.size }
      : mergeGiven({ ...(listed ?? descriptor(mediaType, digest, bytes.byteLength)), digest }, given);
    const source = await this.#completed(
      {
        descriptor: found ?? descriptor(mediaType, digest, bytes.byteLength),
        bytes,
        manifest,
        repository,
        name,
      },
      onFound,
    );
    const platform = given?.platform;
    if (isPlatformOpen === true && platform !== undefined) return this.#filled(source, platform);
    return isPlatformChecked === true && platform !== undefined ? this.#checked(source, platform) : source;
  }

  /** Of an image, that it is for this platform; of a list, what it has for it. */
  async #checked(source: ReadSource, wanted: Platform): Promise<ReadSource> {
    const { manifest, repository, name } = source;
    if (manifest.kind === "index") {
      const choice = { platforms: [wanted], attestations: "keep" } as const;
      if (chooseChildren(manifest.children, choice).length === 0) throw isNotFor(name, wanted);
      return withChildren(source, (children) => chooseChildren(children, choice));
    }
    const said = await this.#options.cache.platform(repository, manifest);
    const own = normalizePlatform(said);
    const { os, architecture, variant } = normalizePlatform(wanted);
    const isSame = own.os === os && own.architecture === architecture;
    // A variant that the image does not know of is what a list is there to say.
    if (!isSame || (said.variant !== "" && own.variant !== variant)) throw isNotFor(name, wanted, own);
    return source;
  }

  /** With what the platform leaves open, from the image's config; a list has platforms of its own. */
  async #filled(source: ReadSource, platform: Platform): Promise<ReadSource> {
    const { manifest, repository, descriptor: found } = source;
    if (manifest.kind !== "image") return source;
    const own = await this.#options.cache.platform(repository, manifest);
    const filled = {
      ...platform,
      variant: platform.variant === "" ? own.variant : platform.variant,
      "os.version": platform["os.version"] === "" ? own["os.version"] : platform["os.version"],
      "os.features": platform["os.features"].length === 0 ? own["os.features"] : platform["os.features"],
    };
    return { ...source, descriptor: { ...found, platform: filled } };
  }

  /** With the platform of an image, which may have to be read; meanwhile the source goes where it shall. */
  async #completed(source: ReadSource, onFound: OnFound): Promise<ReadSource> {
    const { descriptor: found, manifest, repository, name } = source;
    const isImage = found.mediaType === DOCKER_MANIFEST || found.mediaType === OCI_MANIFEST;
    if (isImage && manifest.kind === "index" && !this.#options.isShown) {
      throw new ManifestError("INVALID_MANIFEST", `${name} is a list of manifests, not ${found.mediaType}`, {
        subject: name,
      });
    }
    await onFound(source);
    if (!isImage) return source;
    const { platform = NO_PLATFORM } = found;
    if (platform.os !== "" && platform.architecture !== "") return source;
    const config = await this.#options.cache.platform(repository, manifest);
    return { ...source, descriptor: { ...found, platform: completed(platform, config) } };
  }

  /** What a layout's index.json says of one of its tags, which goes into the list. */
  async #listedIn({ location }: Place, reference: string): Promise<Descriptor | undefined> {
    if (location.kind === "registry" || isDigest(reference)) return undefined;
    return this.#options.layoutAt(location.folder).listed(reference);
  }

  async #referenceOf({ location, tag, digest }: Place): Promise<string> {
    if (digest !== undefined || tag !== undefined) return digest ?? tag ?? "";
    return location.kind === "layout" ? this.#options.layoutAt(location.folder).defaultReference() : "latest";
  }

  /** What a source names; what is asked for by its digest is kept by the cache. */
  #manifest(repository: Repository, reference: string, name: string): Promise<Manifest> {
    const read = (): Promise<Manifest> =>
      this.#there(() => this.#options.cache.manifest(repository, reference, name));
    if (isDigest(reference)) return read();
    const asked = this.#tagged.get(name) ?? read();
    this.#tagged.set(name, asked);
    return asked;
  }

  /** What a registry that lags behind does not show yet is asked for again. */
  async #there<Value>(read: () => Promise<Value>): Promise<Value> {
    const { waitMs, signal } = this.#options;
    if (waitMs === 0) return read();
    const { untilThere } = await import("./untilThere.js");
    return untilThere(read, waitMs, signal);
  }

  /** What a tag was found to name. */
  async found(manifest: Manifest, place: Place, onFound: OnFound): Promise<ReadSource> {
    const { mediaType, digest, bytes } = manifest;
    const listed = await this.#listedIn(place, tagsOf(place)[0] ?? digest);
    return this.#completed(
      {
        descriptor: { ...(listed ?? descriptor(mediaType, digest, bytes.byteLength)), digest },
        bytes,
        manifest,
        repository: this.#options.open(place.location),
        name: formatPlace(place),
      },
      onFound,
    );
  }
}

function isNotFor(name: string, wanted: Platform, own?: Platform): ManifestError {
  const platform = formatPlatform(wanted);
  const why =
    own === undefined ? `has nothing for ${platform}` : `is for ${formatPlatform(own)}, not ${platform}`;
  return new ManifestError("EXPECTATION", `${name} ${why}`, {
    subject: name,
    hint: "nothing was changed: the name says another platform than the image",
  });
}

/** A size that is wrong would go into the list, which nobody could pull then. */
function checkListedSize({ size }: Descriptor, { byteLength }: Buffer, name: string): void {
  if (Number(size) === byteLength) return;
  throw new ManifestError(
    "DIGEST_MISMATCH",
    `${name}: index.json says that it has ${size} bytes, and it has ${byteLength}`,
    { subject: name, hint: "the layout is damaged: write it anew" },
  );
}

/** A platform with what is missing of it from its image's config. */
function completed(platform: Platform, config: Platform): Platform {
  const own = normalizePlatform(config);
  const isWithout = platform.architecture === "";
  return {
    ...platform,
    architecture: isWithout ? own.architecture : platform.architecture,
    variant: isWithout && platform.variant === "" ? own.variant : platform.variant,
    os: platform.os === "" ? own.os : platform.os,
  };
}
