import { Readable } from "node:stream";
import { layoutsOnce } from "../content/layout.js";
import type { ManifestCache } from "../content/manifestCache.js";
import { TreeReader, type TreeItem } from "../content/manifestTree.js";
import { findNear, nearCandidates } from "../content/near.js";
import { formatPlace, tagsOf, type Place } from "../content/place.js";
import type { Repository } from "../content/repository.js";
import type { SharedTargets } from "../content/sharedTargets.js";
import type { WantedSource } from "../content/sourceText.js";
import { isAttestation } from "../list/attestations.js";
import { combine } from "../list/combine.js";
import { hasAll } from "../list/lost.js";
import { nextTurn } from "../nextTurn.js";
import type { Descriptor } from "../oci/descriptor.js";
import { formatLocation, isSameLocation, type Location } from "../oci/location.js";
import { Push, type ExecuteOptions, type PushEvent, type PushResult } from "../push/execute.js";
import type { MoveGuard } from "../push/executeAll.js";
import { planItems, planManifests, type ManifestsToPlan, type Plan, type PlanItem } from "../push/plan.js";
import type { Progress } from "../ui/terminal/progress.js";
import { expectationsOf } from "./expectations.js";
import { entriesOf, makeList, type Made } from "./makeList.js";
import type { ListOrder } from "./order.js";
import { publish, type PublishSettings } from "./publish.js";
import { CreateSources, type ReadSource, type WantedOrderSource } from "./readSource.js";
import { pushAndPull, type RepositoryAccess } from "./accesses.js";
import { resolveSubject, subjectPlace } from "./subject.js";
import { targetsOf, type Target } from "./targets.js";
import { TagsBefore } from "./unchanged.js";

/** What buildx takes along of what is attached to an image: BuildKit's attestations, cosign's signatures, sigstore's bundles. */
const ATTESTATION_TYPE = "application/vnd.docker.attestation.manifest.v1+json";
const ATTACHED_TYPES: ReadonlySet<string> = new Set([
  ATTESTATION_TYPE,
  "application/vnd.dev.cosign.artifact.sig.v1+json",
  "application/vnd.dev.sigstore.bundle.v0.3+json",
]);

/** What the making of a list works with. */
export interface WorkTools {
  /** The repository at any location that {@link orderAccesses} names. */
  readonly open: (location: Location) => Repository;
  readonly cache: ManifestCache;
  /** What other lists have put, or found, where this one goes. */
  readonly shared?: SharedTargets | undefined;
  readonly signal: AbortSignal;
  /** Told how far it came when it is interrupted, unless whoever calls tells it. */
  readonly tell: (text: string) => void;
  readonly tellsItself?: "all" | undefined;
  /** Told what is odd about the list, each once. */
  readonly warn: (text: string) => void;
  readonly onEvent: (event: PushEvent) => void;
  /** How much there is to do, once that is known. */
  readonly onPlans?: (plans: readonly Plan[]) => void;
  /** Told what is being done, where the list is the only one. */
  readonly progress?: Progress | undefined;
  readonly settings: PublishSettings;
  /** See `push/appendTo.ts`. */
  readonly settleMs?: number | undefined;
  /** It is not going to be pushed. What is shown only is held to less, as by buildx. */
  readonly use: "push" | "plan" | "show";
  /**
   * What refers to an image without being in a list is asked for, as buildx does; else only where the order wants
   * `referrers`: that is a request for each image.
   */
  readonly asksForAttached: boolean;
  /** What a source needs goes where it shall as soon as it is read, before it is known whether that is needed. */
  readonly beginsEarly: boolean;
  /** What the tags name now. Where that is asked, what is as it should be is not put again. */
  readonly before?: TagsBefore | undefined;
  /** What was pushed before, and is probably there; and what is to be told when a plan is done. */
  readonly pushed?:
    { readonly isExpected: ExecuteOptions["expected"]; readonly remember: (plan: Plan) => void } | undefined;
}

/** What became of a list. */
export interface Done {
  readonly made: Made;
  /** One a target; none where all was there without that a plan was needed. */
  readonly results: readonly PushResult[];
}

/** What is done where, to make a list. */
export function orderAccesses(
  order: ListOrder,
  wanted: readonly WantedSource[],
): readonly RepositoryAccess[] {
  const { targets } = order;
  const subject = subjectPlace(order);
  const places = [...wanted.map(({ place }) => place), ...(subject === undefined ? [] : [subject])];
  const named = [...targets, ...places].map(({ location }) => location);
  const near = wanted.flatMap(({ place }) =>
    targets.flatMap((target) => nearCandidates(place.location, target.location, named)),
  );
  const to = targets.map(({ location }) => location);
  return pushAndPull(to, [...named, ...near]);
}

/**
 * Makes one list of its sources: reads them, plans, and has it all sent, with the tags last.
 * @example
 * const work = new ListWork(order, wanted, tools);
 * try { await work.push(); } finally { await work.end(); }
 */
export class ListWork {
  readonly #order: ListOrder;
  readonly #wanted: readonly WantedOrderSource[];
  readonly #tools: WorkTools;
  readonly #reader: TreeReader;
  readonly #begun = new Map<string, Push>();
  /** Images that were begun with. */
  readonly #seen = new Set<string>();
  /** Where else in a target's registry something of another one is, asked once. */
  readonly #near = new Map<string, Promise<readonly Location[]>>();
  /** Sources of which it is not known yet whether they are there, with the list that is added to. */
  #unfound: number;
  #isBaseFound = false;
  /** Nothing more is begun. */
  #isOver = false;
  readonly #opened = new Map<string, Repository>();
  readonly #targets: readonly Target[];
  readonly #sources: CreateSources;
  readonly #warned = new Set<string>();
  #others: Promise<ReadSource[]> | undefined;
  #made: Made | undefined;
  /** Each layout once: what refers to what is found by reading all of it. In buildx what says nothing of its type counts for nothing. */
  readonly #layouts = layoutsOnce();
  readonly #check: (entries: readonly Descriptor[]) => void;

  constructor(order: ListOrder, wanted: readonly WantedOrderSource[], tools: WorkTools) {
    this.#order = order;
    this.#wanted = wanted;
    this.#tools = tools;
    const [first] = order.targets;
    this.#check = expectationsOf(tools.warn, order, first === undefined ? "the list" : formatPlace(first));
    this.#reader = this.#newReader();
    this.#sources = new CreateSources({
      open: tools.open,
      layoutAt: this.#layouts,
      cache: tools.cache,
      isShown: tools.use === "show",
      waitMs: tools.settings.waitMs,
      signal: tools.signal,
    });
    this.#targets = targetsOf(order.targets);
    this.#unfound = wanted.length + (order.onto === "nothing" ? 0 : 1);
  }

  get #isAttachedWanted(): boolean {
    return this.#tools.asksForAttached || this.#order.referrers;
  }

  #newReader(): TreeReader {
    const { referrers } = this.#order;
    return new TreeReader(this.#tools.cache, {
      signal: this.#tools.signal,
      ...(this.#isAttachedWanted && {
        isWanted: ({ artifactType }: Descriptor) => referrers || ATTACHED_TYPES.has(artifactType),
      }),
      byTags: referrers,
      ...(!referrers && {
        referrersOf: ({ location }, digest) =>
          location.kind === "layout" ? this.#layouts(location.folder).listedReferrers(digest) : undefined,
      }),
      onItem: (item) => {
        this.#begin(item);
      },
    });
  }

  /** What was made last, if anything was. */
  get made(): Made | undefined {
    return this.#made;
  }

  /** Makes the list, and sends nothing. */
  async make(): Promise<Made> {
    this.#readOthersAhead();
    return this.#make(await this.#base());
  }

  /** What pushing it would do, one plan a target; nothing is sent. */
  async plan(): Promise<readonly Plan[]> {
    return this.#plan(await this.make());
  }

  async push(): Promise<Done> {
    const [first] = this.#order.targets;
    if (this.#order.onto !== "nothing" && first !== undefined) return this.#appendTo(first);
    const made = await this.make();
    return { made, results: await this.#publish(made, this.#tools.before) };
  }

  /** Ends what was begun and is not needed, since something failed. */
  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all([...this.#begun.values()].map((push) => push.abandon()));
  }

  /** Adds to a list that others may add to at the same moment. */
  async #appendTo(first: Place): Promise<Done> {
    this.#readOthersAhead();
    const { appendTo } = await import("../push/appendTo.js");
    const { open, signal, settleMs } = this.#tools;
    const [tag = "latest"] = tagsOf(first);
    let done: Done | undefined;
    let there: readonly Descriptor[] = [];
    const added = new Map<string, Descriptor>();
    this.#tools.progress?.step(`reading ${formatPlace(first)}`);
    await appendTo({
      repository: open(first.location),
      tag,
      signal,
      settleMs,
      put: async (base, guard) => {
        this.#reader.startOver();
        there = base?.children ?? [];
        const made = await this.#make(
          base === undefined ? await this.#base() : await this.#sources.found(base, first, this.#onBaseFound),
        );
        const known = new Set(there.map(({ digest }) => digest));
        for (const one of entriesOf(made.combined)) if (!known.has(one.digest)) added.set(one.digest, one);
        const before =
          this.#tools.before !== undefined && base?.digest === made.root.digest
            ? new TagsBefore(this.#targets, this.#open, signal)
            : undefined;
        const results = await this.#publish(made, before, guard);
        done = { made, results };
        this.#tools.progress?.step(`making sure that nobody has replaced ${formatPlace(first)}`);
        const isThere = before !== undefined && results.every(({ root }) => root === "present");
        return isThere ? undefined : made.root;
      },
      isIn: ({ children }) =>
        hasAll(children, [...added.values()], there, this.#order.onto === "merge" ? "merge" : "append"),
    });
    if (done === undefined) throw new Error("nothing was made");
    return done;
  }

  /** The list that is added to, read from its tag; undefined where there is none and none is needed. */
  async #base(): Promise<ReadSource | undefined> {
    const { onto, targets } = this.#order;
    const [first] = targets;
    if (first === undefined || onto === "nothing") return undefined;
    this.#tools.progress?.step(`reading ${formatPlace(first)}`);
    const wanted = { place: first, given: undefined, text: formatPlace(first) };
    if (onto === "append") return this.#sources.read(wanted, this.#onBaseFound);
    const [tag = "latest"] = tagsOf(first);
    const { open, signal } = this.#tools;
    const there = await open(first.location).resolve(tag, { signal, mustKnow: true });
    if (there !== undefined) return this.#sources.read(wanted, this.#onBaseFound);
    this.#onBaseFound();
    return undefined;
  }

  /** It is known whether there is a list to add to. */
  readonly #onBaseFound = (): void => {
    if (!this.#isBaseFound) this.#foundOne();
    this.#isBaseFound = true;
  };

  /** Beside whatever is done first. Who needs them hears what went wrong. */
  #readOthersAhead(): void {
    this.#readOthers().catch(() => undefined);
  }

  /** All sources but the list that is added to; read once, however often that is tried. */
  #readOthers(): Promise<ReadSource[]> {
    this.#others ??= this.#readAll();
    return this.#others;
  }

  #readAll(): Promise<ReadSource[]> {
    const { progress, before } = this.#tools;
    // What is read from disk is checked before there is any request.
    if (this.#wanted.some(({ place }) => place.location.kind === "registry")) before?.ask();
    progress?.step("reading sources", { total: this.#wanted.length, unit: "source" });
    const read = async (wanted: WantedOrderSource): Promise<ReadSource> => {
      const isChecked = wanted.isPlatformChecked === true;
      const source = await this.#sources.read(wanted, (found) => {
        if (!isChecked) this.#foundOne();
        // Of a list that is checked only some may be taken.
        return isChecked && found.manifest.kind === "index" ? undefined : this.#beginSource(found);
      });
      if (isChecked) {
        this.#foundOne();
        await this.#beginSource(source);
      }
      progress?.advance(`read ${source.name}`);
      return source;
    };
    return all(this.#wanted.map(read));
  }

  async #make(base: ReadSource | undefined): Promise<Made> {
    const { preferIndex, attestations, annotations, platforms, onto, type, artifactType = "" } = this.#order;
    const [added, subject] = await Promise.all([
      this.#readOthers(),
      resolveSubject(this.#order, this.#tools),
    ]);
    const made = await makeList({
      base,
      added,
      merges: onto === "merge",
      dropsAttestations: attestations === "drop",
      preferIndex,
      platforms,
      annotations,
      type,
      subject,
      artifactType,
      attestationsOf: async ({ repository }, digest) => {
        if (!this.#isAttachedWanted) return [];
        const listed = await this.#reader.referrers(repository, digest);
        return listed.filter((one) => one.artifactType === ATTESTATION_TYPE);
      },
    });
    for (const what of made.combined.drops) {
      this.#warn(`docker's manifest list has no room for ${what}: left out`);
    }
    this.#check(entriesOf(made.combined));
    this.#made = made;
    return made;
  }

  /** What is said of a list is said once, however often it is made again. */
  #warn(text: string): void {
    if (this.#warned.has(text)) return;
    this.#warned.add(text);
    this.#tools.warn(text);
  }

  /** Has a list sent, unless it is there: one result a target, or none where no plan was needed. */
  async #publish(made: Made, before?: TagsBefore, guard?: MoveGuard): Promise<readonly PushResult[]> {
    // Where images were begun with, what is there of them is asked already; and the list does not say what is attached.
    const isAsked = this.#isDecided || this.#isAttachedWanted;
    if (before !== undefined && !isAsked && (await before.isThere(made))) return [];
    const { open, onPlans, onEvent, settings, progress } = this.#tools;
    progress?.step("reading the images of the list");
    const plans = await this.#plan(made);
    const isThere = await before?.having(made.root.digest);
    onPlans?.(plans);
    progress?.step(`pushing ${this.#order.targets.map(formatPlace).join(", ")}`);
    progress?.expect(plans);
    const results = await publish(this.#tools, settings, plans, this.#open, {
      begun: this.#begun,
      tagged: before?.tagged,
      expected: isThere && ((_, target) => isThere(target)),
      readBackFrom: open,
      tellsItself: this.#tools.tellsItself,
      onEvent,
      guard,
      progress,
    });
    for (const plan of plans) this.#tools.pushed?.remember(plan);
    return results;
  }

  /** Reads what the list is made of, as far as a target lacks it. */
  async #plan(made: Made): Promise<readonly Plan[]> {
    const items = await this.#readItems(made);
    return Promise.all(
      this.#targets.map(async ({ location, tags }): Promise<Plan> => {
        const planned = items.map(async (item) => planItem(item, await this.#nearTo(location, item)));
        return planManifests({
          target: location,
          root: made.root,
          tags,
          ...rootSourcesIn(made),
          rootSays: made.combined.descriptor,
          items: await Promise.all(planned),
        });
      }),
    );
  }

  /** Where else in the target's registry something of another one is. */
  #nearTo(target: Location, { manifest: { digest }, location }: TreeItem): Promise<readonly Location[]> {
    const key = [formatLocation(target), formatLocation(location), digest].join(" ");
    const known = this.#near.get(key);
    if (known !== undefined) return known;
    const asked = findNear({ digest, location }, target, this.#named, this.#open, this.#tools.signal);
    this.#near.set(key, asked);
    return asked;
  }

  get #named(): readonly Location[] {
    return [...this.#targets, ...this.#wanted.map(({ place }) => place)].map(({ location }) => location);
  }

  /** The repository at a location; configs that were read for their platforms are not read again. */
  readonly #open = (location: Location): Repository => {
    const name = formatLocation(location);
    const repository = this.#opened.get(name) ?? this.#openNew(location);
    // It is asked for with each blob of each image.
    this.#opened.set(name, repository);
    return repository;
  };

  #openNew(location: Location): Repository {
    const { open, cache, shared } = this.#tools;
    const opened = open(location);
    const repository = shared?.around(opened) ?? opened;
    if (location.kind === "layout") return repository;
    return {
      ...repository,
      openBlob: async (blob, offset, options) => {
        const config = await cache.configSoon(blob.digest);
        if (config === undefined) return repository.openBlob(blob, offset, options);
        const stream = Readable.from([config.subarray(offset)]);
        return { stream, length: config.byteLength, skip: 0 };
      },
    };
  }

  async #readItems({ combined, sources }: Made): Promise<TreeItem[]> {
    const read = async (source: ReadSource | undefined, child: Descriptor): Promise<TreeItem[]> =>
      source === undefined || !this.#isElsewhere(source)
        ? []
        : this.#reader.read(source.repository, child, source.name);
    if (combined.entries === undefined) {
      const [only] = sources;
      if (only === undefined || !this.#isElsewhere(only)) return [];
      return this.#reader.readAttached(only.repository, only.manifest.digest);
    }
    const attached = this.#order.referrers
      ? sources.filter((source) => source.manifest.kind === "index")
      : [];
    const items = await all([
      ...combined.entries.map(({ descriptor: child, sources: [at = 0] }) => read(sources[at], child)),
      ...attached.map(async (source) =>
        this.#isElsewhere(source) ? this.#reader.readAttached(source.repository, source.manifest.digest) : [],
      ),
    ]);
    return items.flat();
  }

  /** Is there a target that may lack what a source has? */
  #isElsewhere({ repository }: ReadSource): boolean {
    return this.#targets.some(({ location }) => !isSameLocation(location, repository.location));
  }

  /** Nothing that is going to be read may have it refused. */
  get #isDecided(): boolean {
    const { strict, expect, platforms } = this.#order;
    const { use, beginsEarly } = this.#tools;
    return beginsEarly && use === "push" && !strict && platforms.length === 0 && expect.length === 0;
  }

  /** Begins with all that is certain of a source to be needed, as soon as that is read. Who reads it then hears what went wrong. */
  async #beginSource(source: ReadSource): Promise<void> {
    const { repository, manifest, name } = source;
    const { digest, kind } = manifest;
    if (kind !== "index") {
      this.#begin({ manifest, role: "child", location: repository.location, tags: [] });
      // What only the list waits for makes way for what the images that have come meanwhile wait for.
      if (this.#isDecided) await nextTurn();
      if (!this.#isAttachedWanted) return;
      // What is attached is wanted in any case: it is asked for beside the config.
      if (this.#isDecided && this.#isElsewhere(source)) this.#reader.readAttachedAhead(repository, digest);
      else this.#reader.referrers(repository, digest).catch(() => undefined);
    } else if (this.#isDecided && this.#isElsewhere(source)) {
      for (const child of childrenOf(source, this.#order)) this.#reader.readAhead(repository, child, name);
    }
  }

  /**
   * Begins with an image as soon as it is read: what is only mounted or copied is seen by nobody before something names it.
   * Between layouts and registries there is no time to be saved. Indexes wait for what they name, and what is attached may turn
   * out to be listed.
   */
  #begin(item: TreeItem): void {
    if (!this.#isDecided || item.role !== "child" || item.manifest.kind === "index") return;
    if (item.location.kind !== "registry") return;
    const key = `${formatLocation(item.location)}@${item.manifest.digest}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    for (const { location } of this.#targets) {
      if (location.kind !== "registry" || isSameLocation(location, item.location)) continue;
      if (nearCandidates(item.location, location, this.#named).length === 0)
        this.#beginIn(location, item, []);
      else {
        this.#nearTo(location, item).then(
          (near) => {
            this.#beginIn(location, item, near);
          },
          () => undefined,
        );
      }
    }
  }

  #beginIn(target: Location, item: TreeItem, near: readonly Location[]): void {
    if (this.#isOver) return;
    const { signal, onEvent, before, pushed } = this.#tools;
    const name = formatLocation(target);
    const known = { expected: pushed?.isExpected, tagged: before?.tagged };
    const push = this.#begun.get(name) ?? new Push(target, this.#open, { signal, onEvent, ...known });
    this.#begun.set(name, push);
    push.begin(planItems(target, [planItem(item, near)]));
    if (this.#isPutting) push.proceed();
  }

  #foundOne(): void {
    this.#unfound--;
    if (this.#isPutting) for (const push of this.#begun.values()) push.proceed();
  }

  /**
   * Nothing is put before all sources are known to be there. That costs no time: the one that is read last has more to wait for
   * than the others, and so has the list. What is put by its digest is never what gets the tags, as a single image may.
   */
  get #isPutting(): boolean {
    return this.#unfound === 0 && (this.#order.preferIndex || this.#wanted.length > 1);
  }
}

/** What a list among the sources adds to what is made. */
function childrenOf(source: ReadSource, { attestations }: ListOrder): readonly Descriptor[] {
  try {
    const children = entriesOf(combine([source], { annotations: [], preferIndex: true }));
    return attestations === "drop" ? children.filter((child) => !isAttestation(child)) : children;
  } catch {
    return [];
  }
}

/** Where the blobs are that what gets the tags names itself. */
function rootSourcesIn({
  combined: { entries },
  sources,
}: Made): Pick<ManifestsToPlan, "rootSources" | "rootSourcesOf"> {
  const locationsOf = (places: readonly number[]): Location[] =>
    places.flatMap((place) => sources[place]?.repository.location ?? []);
  if (entries === undefined) return { rootSources: locationsOf([0]) };
  const byDigest = new Map(entries.map((entry) => [entry.descriptor.digest, entry.sources]));
  return { rootSourcesOf: (digest) => locationsOf(byDigest.get(digest) ?? []) };
}

function planItem({ manifest, role, location, tags }: TreeItem, near: readonly Location[]): PlanItem {
  return { manifest, role, sources: [location, ...near], tags, toleratesRefusal: false };
}

/** All or the first that failed, in their order; none is left behind unheard. */
async function all<Value>(work: readonly Promise<Value>[]): Promise<Value[]> {
  const results = await Promise.allSettled(work);
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}
