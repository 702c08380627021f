import {
  addEntries,
  appendTo,
  checkExpectations,
  combine,
  descriptor,
  emptyDraft,
  executeAll,
  formatDifference,
  formatPlanReport,
  formatReference,
  locationOf,
  ManifestCache,
  NotVerifiedError,
  parseAnnotations,
  parseManifest,
  plan,
  planManifests,
  readExpectations,
  registrySource,
  rootOf,
  SourceReader,
  survey,
  TreeReader,
  verifyWithin,
  withDigest,
  type Draft,
  type Location,
  type Plan,
  type PushResult,
  type Reference,
  type Repository,
} from "../../src/index.js";

/** The programs of docs/library.md: test/library.test.ts runs them, and finds each of them there. */

type Open = (location: Location) => Repository;

export async function pushToSeveral(
  draft: Draft,
  list: Reference,
  elsewhere: Reference,
  open: Open,
): Promise<PushResult[]> {
  // program: several registries
  const plans = [list, elsewhere].map((ref) =>
    plan(draft, { target: locationOf(ref), tags: ["v1", "latest"], anyRegistry: true }),
  );
  const results = await executeAll(plans, open);
  // end
  return results;
}

export async function append(list: Reference, image: Reference, open: Open): Promise<void> {
  // program: append
  const reader = new SourceReader();
  const repository = open(locationOf(list));
  const added = await reader.entries(registrySource(image, open(locationOf(image))));

  await appendTo({
    repository,
    tag: "v1",
    put: async (base, guard) => {
      const source = base && registrySource(withDigest(list, base.digest), repository);
      const there = source === undefined ? [] : await reader.entries(source, base);
      const planned = plan(addEntries(emptyDraft(list), [...there, ...added]));
      await executeAll([planned], open, { guard });
      return rootOf(planned).manifest;
    },
    isIn: ({ children }) => {
      const digests = new Set(children.map(({ digest }) => digest));
      return added.every(({ descriptor }) => digests.has(descriptor.digest));
    },
  });
  // end
}

export async function showPlan(draft: Draft, open: Open): Promise<string> {
  // program: plan
  const surveyed = await survey(plan(draft), open);
  const text = formatPlanReport([surveyed], "text");
  const copied = surveyed.blobs.filter(({ fate }) => fate === "copy");
  const bytes = copied.reduce((sum, { step }) => sum + step.size, 0);
  // end
  return `${text}${bytes}`;
}

export async function check(planned: Plan, open: Open): Promise<void> {
  // program: verify
  try {
    await verifyWithin(planned, open, { blobs: true, waitMs: 30_000 });
  } catch (error) {
    if (!(error instanceof NotVerifiedError)) throw error;
    for (const { kind, subject } of error.faults) console.error(`${subject}: ${kind}`);
    throw error;
  }
  // end
}

export function expectPlatforms(draft: Draft): void {
  // program: expectations
  const expected = readExpectations(["linux/amd64,linux/arm64"]);
  const descriptors = draft.entries.map(({ descriptor }) => descriptor);
  const difference = checkExpectations(descriptors, expected);
  if (difference !== undefined) throw new Error(formatDifference(difference));
  // end
}

export async function carryOver(image: Reference, list: Reference, open: Open): Promise<void> {
  // program: attached
  const repository = open(locationOf(image));
  const root = await repository.get("v1");
  const reader = new TreeReader(new ManifestCache(), { isWanted: () => true, byTags: true });
  const name = formatReference(image);
  const children = root.children.map((child) => reader.read(repository, child, name));
  const found = await Promise.all([...children, reader.readAttached(repository, root.digest)]);
  const items = found.flat().map(({ location, ...item }) => {
    return { ...item, sources: [location], toleratesRefusal: false };
  });
  const target = locationOf(list);
  const planned = planManifests({
    target,
    root,
    rootSources: [repository.location],
    tags: ["v1"],
    items,
  });
  await executeAll([planned], open);
  // end
}

export async function combined(tags: readonly string[], repository: Repository): Promise<string> {
  // program: combine
  const sources = await Promise.all(
    tags.map(async (tag) => {
      const { mediaType, digest, bytes } = await repository.get(tag);
      return { descriptor: descriptor(mediaType, digest, bytes.byteLength), bytes };
    }),
  );
  const annotations = parseAnnotations(["index:org.opencontainers.image.version=1.0"]);
  const made = combine(sources, { annotations, preferIndex: true });
  const root = parseManifest(made.descriptor.mediaType, made.bytes);
  // end
  return root.digest;
}
