import { Readable } from "node:stream";
import { layoutsOnce } from "../../content/layout.js";
import { ManifestCache } from "../../content/manifestCache.js";
import { TreeReader, type TreeItem } from "../../content/manifestTree.js";
import { findNear, nearCandidates } from "../../content/near.js";
import { formatPlace, tagsOf, type Place } from "../../content/place.js";
import type { Repository } from "../../content/repository.js";
import { placeSources, type SourceText, type WantedSource } from "../../content/sourceText.js";
import type { Context } from "../../context.js";
import type { ListAnnotation } from "../../list/annotationFlags.js";
import { hasAll } from "../../list/lost.js";
import type { Descriptor } from "../../oci/descriptor.js";
import { formatLocation, isSameLocation, type Location } from "../../oci/location.js";
import type { Platform } from "../../oci/platform.js";
import { Push, type PushEvent } from "../../push/execute.js";
import type { MoveGuard } from "../../push/executeAll.js";
import { planItems, planManifests, type ManifestsToPlan, type Plan, type PlanItem } from "../../push/plan.js";
import { escapeControls } from "../../ui/text.js";
import { transferProgress, type ProgressMode, type TransferProgress } from "../../ui/transferProgress.js";
import { expectationsOf } from "../expectations.js";
import { fromPlaces } from "../fromFlag.js";
import { waitMs, type PushFlags } from "../listFlags.js";
import type { NetworkFlags } from "../networkFlags.js";
import { publish } from "../publish.js";
import { openSession, pushAndPull, type RepositoryAccess, type Session } from "../session.js";
import { entriesOf, makeList, type Made } from "./makeList.js";
import { CreateSources, type ReadSource } from "./readSource.js";

/** What `imagetools create` is asked to do, read and checked as far as that goes without any request. */
export interface CreateOrder {
  readonly sources: readonly { readonly text: string; readonly source: SourceText }[];
  /** Values of `--from`. */
  readonly from: readonly string[];
  readonly targets: readonly Place[];
  readonly platforms: readonly Platform[];
  readonly annotations: readonly ListAnnotation[];
}

type CreateFlags = NetworkFlags &
  PushFlags & {
    readonly append: boolean;
    readonly merge: boolean;
    readonly dryRun: boolean;
    readonly preferIndex: boolean;
    readonly attestations: string;
    readonly expect: readonly string[];
    readonly strict: boolean;
    readonly progress: string;
  };

/** What buildx takes along of what is attached to an image: BuildKit's attestations, cosign's signatures, sigstore's bundles. */
const ATTESTATION_TYPE = "application/vnd.docker.attestation.manifest.v1+json";
const ATTACHED_TYPES: ReadonlySet<string> = new Set([
  ATTESTATION_TYPE,
  "application/vnd.dev.cosign.artifact.sig.v1+json",
  "application/vnd.dev.sigstore.bundle.v0.3+json",
]);

/** Makes the list. What got the tags; undefined where nothing was pushed. */
export async function runImagetoolsCreate(
  context: Context,
  flags: CreateFlags,
  order: CreateOrder,
): Promise<Descriptor | undefined> {
  const wanted = [
    ...placeSources(order.sources, order.targets),
    ...(await fromPlaces(order.from, order.targets[0])),
  ];
  const session = await openSession(context, flags, accessesOf(wanted, order.targets));
  const work = new CreateWork(context, flags, order, wanted, session);
  try {
    return await work.run();
  } finally {
    await work.end();
    await session.close();
  }
}

function accessesOf(wanted: readonly WantedSource[], targets: readonly Place[]): readonly RepositoryAccess[] {
  const named = [...targets, ...wanted.map(({ place }) => place)].map(({ location }) => location);
  const near = wanted.flatMap(({ place }) =>
    targets.flatMap((target) => nearCandidates(place.location, target.location, named)),
  );
  const to = targets.map(({ location }) => location);
  return pushAndPull(to, [...named, ...near]);
}

class CreateWork {
  readonly #context: Context;
  readonly #flags: CreateFlags;
  readonly #order: CreateOrder;
  readonly #wanted: readonly WantedSource[];
  readonly #session: Session;
  readonly #cache: ManifestCache;
  #reader: TreeReader;
  readonly #begun = new Map<string, Push>();
  /** Of the targets, each once, with the tags there. */
  readonly #targets: readonly { readonly location: Location; readonly tags: readonly string[] }[];
  readonly #sources: CreateSources;
  readonly #warned = new Set<string>();
  #others: Promise<ReadSource[]> | undefined;
  #progress: TransferProgress | undefined;
  /** Each layout once: what refers to what is found by reading all of it. In buildx what says nothing of its type counts for nothing. */
  readonly #layouts = layoutsOnce();
  readonly #check: (entries: readonly Descriptor[]) => void;

  constructor(
    context: Context,
    flags: CreateFlags,
    order: CreateOrder,
    wanted: readonly WantedSource[],
    session: Session,
  ) {
    this.#context = context;
    this.#flags = flags;
    this.#order = order;
    this.#wanted = wanted;
    this.#session = session;
    this.#check = expectationsOf(context, flags, formatted(order.targets[0]));
    this.#cache = new ManifestCache({ signal: context.signal });
    this.#reader = this.#newReader();
    this.#sources = new CreateSources({
      open: session.open,
      layoutAt: this.#layouts,
      cache: this.#cache,
      isShown: flags.dryRun,
      waitMs: waitMs(flags),
      signal: context.signal,
      onImage: (repository, manifest) => {
        this.#begin({ manifest, role: "child", location: repository.location, tags: [] });
        // What is attached is wanted in any case: it is asked for beside the config. Who needs it hears what went wrong.
        this.#reader.referrers(repository, manifest.digest).catch(() => undefined);
      },
    });
    const targets = new Map<string, { location: Location; tags: string[] }>();
    for (const place of order.targets) {
      const name = formatLocation(place.location);
      const target = targets.get(name) ?? { location: place.location, tags: [] };
      for (const tag of tagsOf(place)) if (!target.tags.includes(tag)) target.tags.push(tag);
      targets.set(name, target);
    }
    this.#targets = [...targets.values()];
  }

  #newReader(): TreeReader {
    return new TreeReader(this.#cache, {
      signal: this.#context.signal,
      isWanted: ({ artifactType }) => this.#flags.referrers || ATTACHED_TYPES.has(artifactType),
      byTags: this.#flags.referrers,
      ...(!this.#flags.referrers && {
        referrersOf: ({ location }, digest) =>
          location.kind === "layout" ? this.#layouts(location.folder).listedReferrers(digest) : undefined,
      }),
      onItem: (item) => {
        this.#begin(item);
      },
    });
  }

  async run(): Promise<Descriptor | undefined> {
    const { append, merge, dryRun, plan, progress } = this.#flags;
    const [first] = this.#order.targets;
    if (!dryRun && !plan) {
      this.#progress = await transferProgress(this.#context.stderr, PROGRESS.get(progress) ?? "auto");
    }
    if (dryRun) {
      const { combined } = await this.#make(await this.#base());
      const { stdout } = this.#context;
      const text = Buffer.concat([combined.bytes, Buffer.from("\n")]);
      // A script gets the bytes; a terminal might obey what is in them.
      stdout.write(stdout.isTTY === true ? escapeControls(text.toString("utf8")) : text);
      return undefined;
    }
    if (plan || !(append || merge) || first === undefined) {
      const made = await this.#make(await this.#base());
      await this.#publish(made);
      return plan ? undefined : made.combined.descriptor;
    }
    return this.#appendTo(first);
  }

  /** Ends what was begun and is not needed, since something failed. */
  async end(): Promise<void> {
    await Promise.all([...this.#begun.values()].map((push) => push.abandon()));
    this.#progress?.stop();
    const summary = this.#progress?.summary();
    if (summary !== undefined) this.#context.stderr.write(`${escapeControls(summary)}\n`);
  }

  /** Adds to a list that others may add to at the same moment. */
  async #appendTo(first: Place): Promise<Descriptor> {
    const { appendTo } = await import("../../push/appendTo.js");
    const [tag = "latest"] = tagsOf(first);
    let made: Made | undefined;
    let there: readonly Descriptor[] = [];
    const added = new Map<string, Descriptor>();
    await appendTo({
      repository: this.#session.open(first.location),
      tag,
      signal: this.#context.signal,
      settleMs: this.#context.waits?.settleMs,
      put: async (base, guard) => {
        // What an earlier try has read is told again.
        this.#reader = this.#newReader();
        there = base?.children ?? [];
        made = await this.#make(
          base === undefined ? await this.#base() : await this.#sources.found(base, first),
        );
        const known = new Set(there.map(({ digest }) => digest));
        for (const one of entriesOf(made.combined)) if (!known.has(one.digest)) added.set(one.digest, one);
        await this.#publish(made, guard);
        return made.root;
      },
      isIn: ({ children }) =>
        hasAll(children, [...added.values()], there, this.#flags.merge ? "merge" : "append"),
    });
    if (made === undefined) throw new Error("nothing was made");
    return made.combined.descriptor;
  }

  /** The list that is added to, read from its tag; undefined where there is none and none is needed. */
  async #base(): Promise<ReadSource | undefined> {
    const { append, merge } = this.#flags;
    const [first] = this.#order.targets;
    if (first === undefined || !(append || merge)) return undefined;
    const wanted = { place: first, given: undefined, text: formatPlace(first) };
    if (append) return this.#sources.read(wanted);
    const [tag = "latest"] = tagsOf(first);
    const there = await this.#session.open(first.location).resolve(tag, {
      signal: this.#context.signal,
      mustKnow: true,
    });
    return there === undefined ? undefined : this.#sources.read(wanted);
  }

  /** All sources but the list that is added to; read once, however often that is tried. */
  #readOthers(): Promise<ReadSource[]> {
    // The first is the list that is added to, where there is one.
    const isAppended = this.#flags.append && this.#targets.length > 0;
    this.#others ??= all(this.#wanted.slice(isAppended ? 1 : 0).map((wanted) => this.#sources.read(wanted)));
    return this.#others;
  }

  async #make(base: ReadSource | undefined): Promise<Made> {
    const { preferIndex, merge, attestations } = this.#flags;
    const { annotations, platforms } = this.#order;
    const added = await this.#readOthers();
    // A single image may turn out to be what gets the tags; of a list it is certain that its images are put by their digests.
    if (preferIndex || added.length > 1) for (const push of this.#begun.values()) push.proceed();
    const made = await makeList({
      base,
      added,
      merges: merge,
      dropsAttestations: attestations === "drop",
      preferIndex,
      platforms,
      annotations,
      attestationsOf: async ({ repository }, digest) => {
        const listed = await this.#reader.referrers(repository, digest);
        return listed.filter(({ artifactType }) => artifactType === ATTESTATION_TYPE);
      },
    });
    if (made.combined.dropsAnnotations) {
      this.#warn("docker's manifest list has no room for annotations: they are left out");
    }
    this.#check(entriesOf(made.combined));
    return made;
  }

  /** What is said of a list is said once, however often it is made again. */
  #warn(text: string): void {
    if (this.#warned.has(text)) return;
    this.#warned.add(text);
    this.#context.stderr.write(`WARNING: ${escapeControls(text)}\n`);
  }

  /** Reads what the list is made of, as far as a target lacks it, and has it all sent. */
  async #publish(made: Made, guard?: MoveGuard): Promise<void> {
    const items = await this.#readItems(made);
    const placed = items.map(({ manifest: { digest }, location }) => ({ digest, location }));
    const open = this.#open;
    const named = [...this.#targets, ...made.sources.map(({ repository }) => repository)].map(
      ({ location }) => location,
    );
    const plans = await Promise.all(
      this.#targets.map(async ({ location, tags }): Promise<Plan> => {
        const near = await findNear(placed, location, named, open, this.#context.signal);
        return planManifests({
          target: location,
          root: made.root,
          tags,
          ...rootSourcesIn(made),
          rootSays: made.combined.descriptor,
          items: items.map((item) => planItem(item, near)),
        });
      }),
    );
    this.#progress?.expect(plans);
    await publish(this.#context, this.#flags, plans, open, {
      begun: this.#begun,
      onEvent: this.#onEvent,
      guard,
    });
  }

  /** The repository at a location; configs that were read for their platforms are not read again. */
  readonly #open = (location: Location): Repository => {
    const repository = this.#session.open(location);
    if (location.kind === "layout") return repository;
    return {
      ...repository,
      openBlob: (blob, offset, options) => {
        const config = this.#cache.config(blob.digest);
        if (config === undefined) return repository.openBlob(blob, offset, options);
        const stream = Readable.from([config.subarray(offset)]);
        return Promise.resolve({ stream, length: config.byteLength, skip: 0 });
      },
    };
  };

  readonly #onEvent = (event: PushEvent): void => {
    this.#progress?.onEvent(event);
  };

  async #readItems({ combined, sources }: Made): Promise<TreeItem[]> {
    const isNeeded = ({ repository }: ReadSource): boolean =>
      this.#targets.some(({ location }) => !isSameLocation(location, repository.location));
    const read = async (source: ReadSource | undefined, child: Descriptor): Promise<TreeItem[]> =>
      source === undefined || !isNeeded(source)
        ? []
        : this.#reader.read(source.repository, child, source.name);
    if (combined.entries === undefined) {
      const [only] = sources;
      if (only === undefined || !isNeeded(only)) return [];
      return this.#reader.readAttached(only.repository, only.manifest.digest);
    }
    const attached = this.#flags.referrers
      ? sources.filter((source) => source.manifest.kind === "index")
      : [];
    const items = await all([
      ...combined.entries.map(({ descriptor: child, sources: [at = 0] }) => read(sources[at], child)),
      ...attached.map(async (source) =>
        isNeeded(source) ? this.#reader.readAttached(source.repository, source.manifest.digest) : [],
      ),
    ]);
    return items.flat();
  }

  /**
   * Begins with a manifest as soon as it is read, where its blobs can be mounted: what is only mounted is seen by nobody
   * before something names it. Where the registry refuses to mount, they are copied, which is seen as little.
   */
  #begin(item: TreeItem): void {
    const { plan, dryRun, strict, expect } = this.#flags;
    const isAll = this.#order.platforms.length === 0 && expect.length === 0;
    const isDecided = !plan && !dryRun && !strict && isAll;
    if (!isDecided || item.location.kind !== "registry") return;
    for (const { location } of this.#targets) {
      if (location.kind !== "registry" || location.domain !== item.location.domain) continue;
      if (isSameLocation(location, item.location)) continue;
      const name = formatLocation(location);
      const push =
        this.#begun.get(name) ??
        new Push(location, this.#open, { signal: this.#context.signal, onEvent: this.#onEvent });
      this.#begun.set(name, push);
      push.begin(planItems(location, [planItem(item, new Map())]));
    }
  }
}

const PROGRESS: ReadonlyMap<string, ProgressMode> = new Map([
  ["auto", "auto"],
  ["tty", "auto"],
  ["plain", "plain"],
  ["rawjson", "plain"],
  ["none", "none"],
  ["quiet", "none"],
]);

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

function planItem(
  { manifest, role, location, tags }: TreeItem,
  near: ReadonlyMap<string, readonly Location[]>,
): PlanItem {
  const sources = [location, ...(near.get(manifest.digest) ?? [])];
  return { manifest, role, sources, tags, toleratesRefusal: false };
}

/** All or the first that failed, in their order; none is left behind unheard. */
async function all<Value>(work: readonly Promise<Value>[]): Promise<Value[]> {
  const results = await Promise.allSettled(work);
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}

function formatted(place: Place | undefined): string {
  return place === undefined ? "the list" : formatPlace(place);
}
