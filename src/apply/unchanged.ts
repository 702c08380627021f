import { tagsOf } from "../content/place.js";
import type { Repository } from "../content/repository.js";
import { mergeGiven, type WantedSource } from "../content/sourceText.js";
import { combine, type CombinedSource } from "../list/combine.js";
import type { Descriptor } from "../oci/descriptor.js";
import { formatLocation, isSameLocation, type Location } from "../oci/location.js";
import { isListType } from "../oci/mediaTypes.js";
import { FRESH_MS, isListed } from "../push/rootAnswers.js";
import type { Made } from "./makeList.js";
import type { ListOrder } from "./order.js";
import type { WantedOrderSource } from "./readSource.js";
import { targetsOf, type Target } from "./targets.js";

/**
 * What is as it should be is neither read nor sent again. The registry is asked; nothing is remembered from one run to the
 * next.
 */

type Open = (location: Location) => Repository;

/** What tags name, by their whole names, and when that was answered (`performance.now()`). */
interface Asked {
  readonly digests: Promise<ReadonlyMap<string, string | undefined>>;
  at?: number;
}

/**
 * What the tags of a list named before anything was done. They are asked by {@link ask} or when somebody wants to know, and again
 * where that is a while ago.
 */
export class TagsBefore {
  readonly #targets: readonly Target[];
  readonly #open: Open;
  readonly #signal: AbortSignal;
  #asked: Asked | undefined;

  constructor(targets: readonly Target[], open: Open, signal: AbortSignal) {
    this.#targets = targets;
    this.#open = open;
    this.#signal = signal;
  }

  /** Asks ahead, unless that was done. */
  ask(): void {
    this.#asked ??= this.#askNow();
  }

  #askNow(): Asked {
    const asked: Asked = { digests: this.#askAll() };
    asked.digests.then(
      () => (asked.at = performance.now()),
      // Whoever wants to know hears what went wrong.
      () => undefined,
    );
    return asked;
  }

  get #digests(): Promise<ReadonlyMap<string, string | undefined>> {
    const at = this.#asked?.at;
    // Sources may be slow, and tags move meanwhile.
    if (this.#asked === undefined || (at !== undefined && performance.now() - at > FRESH_MS))
      this.#asked = this.#askNow();
    return this.#asked.digests;
  }

  async #askAll(): Promise<ReadonlyMap<string, string | undefined>> {
    const answers = this.#targets.flatMap(({ location, tags }) =>
      tags.map(async (tag) => {
        const found = await this.#open(location).resolve(tag, { signal: this.#signal });
        return [nameOf(location, tag), found?.digest] as const;
      }),
    );
    return new Map(await Promise.all(answers));
  }

  /** The one digest that all of them name; undefined if they do not, or if there is no tag. */
  async common(): Promise<string | undefined> {
    const [first, ...others] = new Set((await this.#digests).values());
    return others.length === 0 ? first : undefined;
  }

  /** Those of all names that name this. */
  async naming(digest: string): Promise<readonly string[]> {
    return [...(await this.#digests)].filter(([, found]) => found === digest).map(([name]) => name);
  }

  /** The digest that a tag of a target named. */
  readonly tagged = async (tag: string, location: Location): Promise<string | undefined> =>
    (await this.#digests).get(nameOf(location, tag));

  /** The targets in which a tag names this: they probably have all that it is made of. */
  async having(digest: string): Promise<(location: Location) => boolean> {
    const digests = await this.#digests;
    return (location) =>
      this.#targets.some(
        (target) =>
          isSameLocation(target.location, location) &&
          target.tags.some((tag) => digests.get(nameOf(location, tag)) === digest),
      );
  }

  /** Have all targets the list under all its tags, and all that it names? */
  async isThere({ root, combined, sources }: Made): Promise<boolean> {
    if ((await this.common()) !== root.digest) return false;
    const entries = (combined.entries ?? []).map((entry) => ({
      digest: entry.descriptor.digest,
      locations: entry.sources.flatMap((at) => sources[at]?.repository.location ?? []),
    }));
    const listed = this.#targets.map(({ location }) => isListed(this.#open(location), root, this.#signal));
    return (await this.#haveAll(entries)) && (await Promise.all(listed)).every((is) => is);
  }

  /** Does every target say that it has these? Where one was read it need not be asked. */
  async #haveAll(
    entries: readonly { readonly digest: string; readonly locations: readonly Location[] }[],
  ): Promise<boolean> {
    const answers = this.#targets.flatMap(({ location }) =>
      entries
        .filter(({ locations }) => !locations.some((one) => isSameLocation(one, location)))
        .map(({ digest }) => this.#open(location).resolve(digest, { signal: this.#signal })),
    );
    return (await Promise.all(answers)).every((found) => found !== undefined);
  }

  /**
   * The list, if all of it is there and that can be told without reading anything: its sources are images whose platforms
   * are given, so that HEAD says all that goes into the list.
   */
  async listByHeads(order: ListOrder, wanted: readonly WantedOrderSource[]): Promise<Unchanged | undefined> {
    if (!canBeToldByHeads(order, wanted)) return undefined;
    const digest = await this.common();
    if (digest === undefined) return undefined;
    const sources = await Promise.all(wanted.map((source) => this.#head(source)));
    const known = sources.filter((source) => source !== undefined);
    if (known.length < sources.length) return undefined;
    const { annotations, preferIndex, type, artifactType } = order;
    const made = combine(known, { annotations, preferIndex, type, artifactType });
    if (made.descriptor.digest !== digest) return undefined;
    const entries = made.entries ?? [];
    const isThere = await this.#haveAll(
      entries.map((entry) => ({
        digest: entry.descriptor.digest,
        locations: entry.sources.flatMap((at) => wanted[at]?.place.location ?? []),
      })),
    );
    return isThere ? { root: made.descriptor, entries: entries.map((entry) => entry.descriptor) } : undefined;
  }

  async #head({ place, given }: WantedSource): Promise<CombinedSource | undefined> {
    const reference = place.digest ?? tagsOf(place)[0] ?? "";
    const found = await this.#open(place.location).resolve(reference, { signal: this.#signal });
    if (found === undefined || isListType(found.mediaType)) return undefined;
    return { descriptor: mergeGiven(found, given), bytes: Buffer.alloc(0) };
  }
}

/** A list that is there already. */
export interface Unchanged {
  readonly root: Descriptor;
  readonly entries: readonly Descriptor[];
}

/** What only reading tells: platforms, the children of indexes, what is attached, what is added to. */
function canBeToldByHeads(order: ListOrder, wanted: readonly WantedOrderSource[]): boolean {
  const { onto, from, platforms, referrers, subject } = order;
  const isPlain = onto === "nothing" && from.length === 0 && platforms.length === 0 && !referrers;
  const isList = order.preferIndex || wanted.length > 1;
  const isRemote = [...targetsOf(order.targets), ...wanted.map(({ place }) => place)].every(
    ({ location }) => location.kind === "registry",
  );
  return isPlain && isList && isRemote && subject === undefined && wanted.every(isPlatformGiven);
}

function isPlatformGiven({ given, isGivenWhole, isPlatformOpen }: WantedOrderSource): boolean {
  const { os = "", architecture = "" } = given?.platform ?? {};
  return isGivenWhole !== true && isPlatformOpen !== true && os !== "" && architecture !== "";
}

function nameOf(location: Location, tag: string): string {
  return `${formatLocation(location)}:${tag}`;
}
