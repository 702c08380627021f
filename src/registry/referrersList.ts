import { referrerDescriptor, referrersTag } from "../content/referrer.js";
import type { Interruptible } from "../content/repository.js";
import { ManifestError } from "../errors.js";
import { compactJson } from "../go/json.js";
import { elementsOf, joinElements, joinMembers, membersOf } from "../go/jsonParts.js";
import { encodeDescriptor, type Descriptor } from "../oci/descriptor.js";
import { isDigest } from "../oci/digest.js";
import { parseIndex, type Manifest } from "../oci/manifest.js";
import { OCI_INDEX } from "../oci/mediaTypes.js";
import { nameOf, type RepositoryClient } from "./http/repositoryClient.js";
import { putOrFind } from "./putOrFind.js";
import { getReferrersIndex } from "./referrers.js";
import { backoff, DEFAULT_LIMITS, type RetryLimits } from "./retry/backoff.js";
import { pause } from "./retry/pause.js";

/** Others may attach something at the same time, and put an index without ours: so often it is put again. */
const MAX_TRIES = 10;

/** Nobody is waited for longer than this, in milliseconds. */
const LONGEST_SETTLING_MS = 2_000;

/**
 * Lists a manifest among those that refer to its subject, in the index that clients keep where a registry does not have
 * the referrers API. What is in that index already stays as it is, to the byte.
 *
 * No registry compares before it replaces. The index is put right behind being read, and read back when all who had read
 * it before that have put theirs, if they are not much slower: what somebody slower than that replaces is lost.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests-with-subject
 * @throws INVALID_MANIFEST if something else has the tag; TAG_MOVED if others are faster every time
 */
export async function listReferrer(
  client: RepositoryClient,
  manifest: Manifest,
  options: Interruptible,
  limits: RetryLimits = DEFAULT_LIMITS,
): Promise<void> {
  const { subject, digest } = manifest;
  if (subject === undefined || !isDigest(subject.digest)) return;
  const own = referrerDescriptor(manifest);
  const tag = referrersTag(subject.digest);
  const read = (): Promise<Manifest | undefined> => getReferrersIndex(client, subject.digest, options);
  const isListedIn = (index: Manifest | undefined): boolean =>
    index?.children.some((child) => child.digest === digest) === true;
  const start = Date.now();
  for (let attempt = 1; ; attempt++) {
    const begun = Date.now();
    const there = await read();
    if (isListedIn(there)) return;
    await putOrFind(client, { reference: tag }, withReferrer(there, own), options);
    const settling = Math.min(Math.max(2 * (Date.now() - begun), limits.baseMs), LONGEST_SETTLING_MS);
    await pause(settling, { stop: options.stop, signals: [options.signal] });
    if (isListedIn(await read())) return;
    const wait = { elapsedMs: Date.now() - start, random: Math.random, limits };
    const delay = attempt < MAX_TRIES ? backoff(attempt, wait) : undefined;
    if (delay === undefined || options.stop?.aborted === true) throw overtaken(client, tag, digest);
    await pause(delay, { stop: options.stop, signals: [options.signal] });
  }
}

/** The index with one more descriptor at its end. */
function withReferrer(index: Manifest | undefined, own: Descriptor): Manifest {
  const empty = `{"schemaVersion":2,"mediaType":"${OCI_INDEX}","manifests":[]}`;
  const members = membersOf(index === undefined ? Buffer.from(empty) : compactJson(index.bytes));
  // As Go matches the name of a field: whatever the case; the last one counts.
  const place = members.findLastIndex(({ key }) => key.toLowerCase() === "manifests");
  const listed = members[place]?.value;
  const others = listed?.[0] === OPEN_BRACKET ? elementsOf(listed) : [];
  const value = joinElements([...others, Buffer.from(encodeDescriptor(own))]);
  const changed = members.map((member, at) => (at === place ? { ...member, value } : member));
  return parseIndex(
    OCI_INDEX,
    joinMembers(place === -1 ? [...changed, { key: "manifests", value }] : changed),
  );
}

const OPEN_BRACKET = 0x5b;

function overtaken(client: RepositoryClient, tag: string, digest: string): ManifestError {
  const name = nameOf(client, tag);
  const message = `${name} does not list ${digest}: others have put it again each time`;
  return new ManifestError("TAG_MOVED", message, {
    subject: name,
    hint: "the manifest itself is there; push it again when nobody else attaches anything",
  });
}
