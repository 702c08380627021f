import type { Interruptible, PutOptions } from "../content/repository.js";
import { ManifestError, messageOf } from "../errors.js";
import { digestLike, isDigest } from "../oci/digest.js";
import type { Manifest } from "../oci/manifest.js";
import { getManifest, type ManifestAddress } from "./api.js";
import { header } from "./http/message.js";
import { RegistryError } from "./http/registryError.js";
import { nameOf, type RepositoryClient } from "./http/repositoryClient.js";
import type { PutMemory } from "./putMemory.js";
import { putOrFind } from "./putOrFind.js";
import { isImmutableTag, lacksContent } from "./putRefusals.js";
import { putTags, type Put, type PutResult } from "./putTags.js";
import { listReferrer } from "./referrersList.js";
import { backoff, DEFAULT_LIMITS, type RetryLimits } from "./retry/backoff.js";
import { pause } from "./retry/pause.js";

export interface PutSettings {
  readonly retries: number;
  readonly limits?: RetryLimits | undefined;
  readonly memory: PutMemory;
}

/** A registry takes a moment to notice what it was just given: the first wait, in milliseconds. */
const LAG_MS = 500;

/** Stores a manifest under each tag, or by its digest alone; see `Repository.put`. */
export async function putManifest(
  client: RepositoryClient,
  settings: PutSettings,
  manifest: Manifest,
  tags: readonly string[],
  options: PutOptions,
): Promise<void> {
  const { memory, limits } = settings;
  const { role, restore } = options;
  // What one tag finds missing all do.
  const together = { ...options, ...(restore && { restore: onceAtATime(restore) }) };
  const put: Put = (address) => putUntilComplete(client, settings, manifest, address, together);
  const [first = manifest.digest, ...others] = new Set(tags);
  const result =
    others.length === 0
      ? await put({ reference: first })
      : await putTags(put, memory, manifest, [first, ...others]);
  const { subject } = manifest;
  if (subject === undefined || (role !== "root" && role !== "referrer")) return;
  // What a registry knows of subjects, only a PUT says.
  const answer = result.kind === "answered" ? result : await put({ reference: manifest.digest });
  if (answer.kind !== "answered" || header(answer.response, "oci-subject") !== undefined) return;
  const key = `${client.location.path}@${subject.digest}`;
  await memory.inTurn(key, () => listReferrer(client, manifest, options, limits));
}

/** Whoever asks while it is under way gets what it comes to. */
function onceAtATime(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () =>
    (running ??= work().finally(() => {
      running = undefined;
    }));
}

/**
 * Puts a manifest, and again a few times while the registry says that something it names is not there: it may have been
 * believed to be there, which `restore` mends, or the registry lags behind. The first `restore` is no retry: what was
 * believed was wrong.
 */
async function putUntilComplete(
  client: RepositoryClient,
  { retries, limits = { ...DEFAULT_LIMITS, baseMs: LAG_MS } }: PutSettings,
  manifest: Manifest,
  address: ManifestAddress,
  options: PutOptions,
): Promise<PutResult> {
  const { restore, stop, signal } = options;
  const start = Date.now();
  for (let attempt = 1; ; attempt++) {
    try {
      return await putOnce(client, manifest, address, options);
    } catch (error) {
      // What can be put right is put right at once.
      const waits = restore === undefined ? attempt : attempt - 1;
      if (!lacksContent(error, manifest) || waits > retries) throw error;
      if (waits > 0) {
        const delay = backoff(waits, { elapsedMs: Date.now() - start, random: Math.random, limits });
        if (delay === undefined) throw error;
        await pause(delay, { stop, signals: [signal] });
      }
      if (stop?.aborted === true) {
        throw new ManifestError("STOPPED", `not tried again: ${error.message}`, { cause: error });
      }
      await restore?.();
    }
  }
}

async function putOnce(
  client: RepositoryClient,
  manifest: Manifest,
  address: ManifestAddress,
  options: PutOptions,
): Promise<PutResult> {
  const { reference } = address;
  try {
    const response = await putOrFind(client, address, manifest, options);
    if (response === undefined) return { kind: "found" };
    const isCertain = response.status === 201 || isDigest(header(response, "docker-content-digest") ?? "");
    if (isCertain) return { kind: "answered", response };
    // A login page says 200 to everything.
    const cause = new RegistryError("PUT", response);
    await readBack(client, manifest, reference, cause, options);
    return { kind: "answered", response };
  } catch (error) {
    if (isDigest(reference) || !isImmutableTag(error)) throw error;
    await checkImmutable(client, manifest, reference, error, options);
    return { kind: "immutable" };
  }
}

/** The answer was a success that only a registry's own would be. Is the manifest there? */
async function readBack(
  client: RepositoryClient,
  manifest: Manifest,
  reference: string,
  answer: RegistryError,
  options: Interruptible,
): Promise<void> {
  const fail = (why: string, cause: unknown): ManifestError =>
    new ManifestError("INVALID_ANSWER", `${answer.message}, but ${why}`, {
      subject: nameOf(client, reference),
      hint: "something between here and the registry may answer in its place",
      cause,
    });
  let stored: Buffer;
  try {
    stored = (await getManifest(client, reference, options)).body;
  } catch (error) {
    if (!(error instanceof ManifestError) || error.code === "STOPPED") throw error;
    throw fail(`the manifest could not be read back: ${messageOf(error)}`, error);
  }
  if (!stored.equals(manifest.bytes)) throw fail("what is there is not what was put", answer);
}

/** A tag that may not be moved is fine when it is where it should be. */
async function checkImmutable(
  client: RepositoryClient,
  manifest: Manifest,
  tag: string,
  refusal: RegistryError,
  options: Interruptible,
): Promise<void> {
  const there = await getManifest(client, tag, options).catch((error: unknown) => {
    if (error instanceof RegistryError) return undefined;
    throw error;
  });
  if (there === undefined) throw refusal;
  if (there.body.equals(manifest.bytes)) return;
  const name = nameOf(client, tag);
  const digest = digestLike(manifest.digest, there.body);
  throw new ManifestError("TAG_IMMUTABLE", `${name} is immutable and stays at ${digest}`, {
    subject: name,
    hint: `the tag is immutable and stays at ${digest}; push under another tag`,
    cause: refusal,
  });
}
