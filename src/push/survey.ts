import { openLayout } from "../content/layout.js";
import type { Repository } from "../content/repository.js";
import { hasCode, type ManifestError } from "../errors.js";
import { limitTo, type Limit } from "../limit.js";
import type { Location } from "../oci/location.js";
import type { Manifest } from "../oci/manifest.js";
import { childrenOf, ownChildren, rootOf, type BlobStep, type ManifestStep, type Plan } from "./plan.js";
import type { Assumptions } from "./requests.js";
import { isListed } from "./rootAnswers.js";

/** How a target is asked. */
export interface SurveyOptions {
  /** Aborts the call, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Told of each tag and manifest that the target has answered for; `questionsOf` says how many there are. */
  readonly onAnswer?: () => void;
  /** What the push is going to be told; see `ExecuteOptions`. */
  readonly expected?: ((digest: string, target: Location) => boolean) | undefined;
}

/** What a target has of a plan before it is executed, and what that means for each part of it. */
export interface Survey {
  /** The plan that was asked about. */
  readonly plan: Plan;
  /** For `requests()`. */
  readonly assumptions: Assumptions;
  /** The manifests below the root and what refers to them, in the order of the plan. */
  readonly manifests: readonly SurveyedManifest[];
  /** In the order of the plan. */
  readonly blobs: readonly SurveyedBlob[];
  /** Of the root, each once. */
  readonly tags: readonly SurveyedTag[];
}

/** A manifest, and whether the target has it. */
export interface SurveyedManifest {
  readonly step: ManifestStep;
  readonly isThere: boolean;
}

/** A blob, and what a push would do with it. */
export interface SurveyedBlob {
  /** The blob, as the plan has it. */
  readonly step: BlobStep;
  /**
   * `unneeded`: what needs it is there; `present`: it is there itself; `mount` and `copy`: how it would get there, if a
   * registry mounts what it has; `foreign`: it would be mounted if the registry had it, and is never copied; `refused`: it
   * would have to be copied, and only mounts are wanted.
   */
  readonly fate: "unneeded" | "present" | "mount" | "copy" | "foreign" | "refused";
}

/** A tag, and what it names now. */
export type SurveyedTag = { readonly tag: string } & (
  | { readonly state: "absent" }
  /** It names the root already. */
  | { readonly state: "same"; readonly digest: string }
  /** It names something else; `manifest` is undefined where that is nothing that can be read. */
  | { readonly state: "other"; readonly digest: string; readonly manifest: Manifest | undefined }
  /** The registry does not say: it may not be shown to this user, or not be there yet. */
  | { readonly state: "unknown"; readonly error: ManifestError }
);

/** Files of a layout that are read at once. How much a registry is asked at once is its client's to say. */
const MAX_FILES = 32;

/**
 * Asks a target what it has of a plan, and changes nothing: for its manifests as the push would, for the blobs that would
 * have to be copied, and for what each tag names now. Nothing is asked of the sources.
 * @throws what keeps anything from being asked: no answer, or a user who is not accepted
 * @example
 * const { tags, blobs } = await survey(plan(draft), open);
 * blobs.filter(({ fate }) => fate === "copy"); // what would go through this machine
 */
export async function survey(
  plan: Plan,
  open: (location: Location) => Repository,
  options: SurveyOptions = {},
): Promise<Survey> {
  const asking: Asking = { plan, target: open(plan.target), limit: limitFor(plan.target), ...options };
  const root = rootOf(plan);
  const { expected } = options;
  const told = async <Answer>(answer: Promise<Answer>): Promise<Answer> => {
    const known = await answer;
    options.onAnswer?.();
    return known;
  };
  const [tags, manifests] = await Promise.all([
    Promise.all([...new Set(root.tags)].map((tag) => told(surveyTag(asking, tag)))),
    Promise.all(childrenOf(plan).map((step) => told(surveyManifest(asking, step)))),
  ]);
  const present = new Set<string>();
  for (const { step, isThere } of manifests) if (isThere) present.add(step.manifest.digest);
  const blobs = await Promise.all(plan.blobs.map((step) => surveyBlob(asking, step, present)));
  const presentBlobs = new Set<string>();
  for (const { step, fate } of blobs) if (fate === "present") presentBlobs.add(step.digest);
  const layout = await surveyLayout(asking, tags);
  const isAsked = layout !== undefined || tags.length === 0;
  if (isAsked && (await has(asking, root.manifest.digest))) present.add(root.manifest.digest);
  const isAllThere =
    layout === undefined &&
    (tags.length > 0 || present.has(root.manifest.digest)) &&
    tags.every(({ state }) => state === "same") &&
    manifests.every(({ isThere }) => isThere);
  return {
    plan,
    assumptions: {
      hasManifest: (digest) => present.has(digest),
      hasBlob: (digest) => presentBlobs.has(digest),
      ...(expected && { expected: (digest: string) => expected(digest, plan.target) }),
      isTagged: (tag) => tags.some((one) => one.tag === tag && one.state === "same"),
      ...(isAllThere && { isWhole: await isWhole(asking) }),
      ...(layout && { layout }),
    },
    manifests,
    blobs,
    tags,
  };
}

/** How many questions are under way at once. */
export function limitFor(target: Location): Limit {
  return target.kind === "layout" ? limitTo(MAX_FILES) : (ask) => ask();
}

/** How many tags and manifests the target is asked for. */
export function questionsOf(plan: Plan): number {
  return new Set(rootOf(plan).tags).size + childrenOf(plan).length;
}

interface Asking extends SurveyOptions {
  readonly plan: Plan;
  readonly target: Repository;
  readonly limit: Limit;
}

async function surveyTag({ plan, target, limit, signal }: Asking, tag: string): Promise<SurveyedTag> {
  const root = rootOf(plan).manifest;
  try {
    // What is broken in a layout is not there: it will be written again.
    const mustKnow = plan.target.kind === "registry";
    const found = await limit(() => target.resolve(tag, { mustKnow, signal }));
    if (found === undefined) return { tag, state: "absent" };
    const { digest } = found;
    if (digest === root.digest) return { tag, state: "same", digest };
    const manifest = await limit(() => readable(target.get(digest, { signal })));
    return { tag, state: "other", digest, manifest };
  } catch (error) {
    if (hasCode(error, "REGISTRY", "INVALID_ANSWER")) return { tag, state: "unknown", error };
    throw error;
  }
}

/** Undefined for what is no manifest that we know, and for what is there by its tag alone. */
async function readable(reading: Promise<Manifest>): Promise<Manifest | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (hasCode(error, "INVALID_MANIFEST", "UNSUPPORTED_MANIFEST", "INVALID_JSON", "MANIFEST_UNKNOWN"))
      return undefined;
    throw error;
  }
}

/** What the push asks before it leaves out the root. */
async function isWhole(asking: Asking): Promise<boolean> {
  const { plan, target, limit, signal } = asking;
  const { manifest } = rootOf(plan);
  const planned = new Set(plan.manifests.map((step) => step.manifest.digest));
  const answers = await Promise.all([
    limit(() => isListed(target, manifest, signal)),
    ...ownChildren(manifest, planned).map((digest) => has(asking, digest)),
  ]);
  return answers.every((is) => is);
}

/** As the push asks: by its digest, or by every tag that it must have. */
async function surveyManifest(asking: Asking, step: ManifestStep): Promise<SurveyedManifest> {
  const names = step.tags.length === 0 ? [step.manifest.digest] : step.tags;
  const found = await Promise.all(names.map((name) => has(asking, name)));
  return { step, isThere: found.every((isThere) => isThere) };
}

async function has({ target, limit, signal }: Asking, reference: string): Promise<boolean> {
  return (await limit(() => target.resolve(reference, { signal }))) !== undefined;
}

async function surveyBlob(
  asking: Asking,
  step: BlobStep,
  present: ReadonlySet<string>,
): Promise<SurveyedBlob> {
  const { plan, target, limit, signal } = asking;
  if (step.neededBy.every((digest) => present.has(digest))) return { step, fate: "unneeded" };
  if (step.foreign) return { step, fate: "foreign" };
  const sources = plan.mountOnly ? step.sources : step.sources.slice(0, 1);
  if (sources.some((source) => isMountable(source, plan.target))) return { step, fate: "mount" };
  const fate = plan.mountOnly ? "refused" : "copy";
  // In a registry only what is to be copied is asked for.
  if (plan.mountOnly && plan.target.kind === "registry") return { step, fate };
  const size = await limit(() => sizeOf(target.statBlob(step.digest, { signal })));
  return { step, fate: size === step.size ? "present" : fate };
}

/** A registry can mount what it has itself. */
function isMountable(source: Location, target: Location): boolean {
  return source.kind === "registry" && target.kind === "registry" && source.domain === target.domain;
}

/** A registry that does not say is given the blob. */
async function sizeOf(asked: Promise<number | undefined>): Promise<number | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (hasCode(error, "REGISTRY", "INVALID_ANSWER")) return undefined;
    throw error;
  }
}

/** Undefined for a registry. */
async function surveyLayout(
  { plan: { target }, limit }: Asking,
  tags: readonly SurveyedTag[],
): Promise<Assumptions["layout"]> {
  if (target.kind !== "layout") return undefined;
  if (tags.length > 0 && tags.every(({ state }) => state === "same")) return "tagged";
  try {
    await limit(() => openLayout(target.folder).names());
    return "present";
  } catch (error) {
    // No folder, or one without `oci-layout`.
    if (hasCode(error, "MANIFEST_UNKNOWN", "INVALID_MANIFEST")) return "missing";
    throw error;
  }
}
