import { setTimeout } from "node:timers/promises";
import { MAX_MANIFESTS } from "../content/bounds.js";
import type { Repository } from "../content/repository.js";
import { hasCode, ManifestError, messageOf, NotFoundError } from "../errors.js";
import type { Limit } from "../limit.js";
import type { Descriptor } from "../oci/descriptor.js";
import { formatLocation, type Location } from "../oci/location.js";
import type { Manifest } from "../oci/manifest.js";
import { isForeignLayer, isListType, mayBeManifest } from "../oci/mediaTypes.js";
import { rootOf, type ManifestStep, type Plan } from "./plan.js";
import { limitFor } from "./survey.js";

/** What is looked at. */
export interface VerifyOptions {
  /** Is every blob asked for, too, and its size? Default: false. */
  readonly blobs?: boolean;
  /** Gives up. */
  readonly signal?: AbortSignal | undefined;
}

/** What is looked at, and how long it may take to show. */
export interface VerifyWithinOptions extends VerifyOptions {
  /** How long it may take until all is there, in milliseconds: some registries lag behind what they were given. */
  readonly waitMs: number;
  /** The time in milliseconds. Default: the clock. */
  readonly now?: () => number;
  /** A wait in milliseconds, which ends early with the signal. */
  readonly sleep?: (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>;
}

/** Something in the target that is not as it was planned. `subject`: the tag, manifest or blob, with its repository. */
export type VerifyFault = { readonly subject: string } & (
  | { readonly kind: "missing" }
  /** The tag names this digest instead. */
  | { readonly kind: "moved"; readonly digest: string }
  /** It has other bytes than its digest says. */
  | { readonly kind: "different" }
  /** A blob that is so many bytes long. */
  | { readonly kind: "resized"; readonly size: number; readonly expected: number }
  /** It could not be found out. */
  | { readonly kind: "unanswered"; readonly error: Error }
);

/** What was pushed is not, or not all, there afterwards. */
export class NotVerifiedError extends ManifestError {
  /** `NotVerifiedError`. */
  override readonly name = "NotVerifiedError";
  /** All of them; the message names the first few. */
  readonly faults: readonly VerifyFault[];

  constructor(faults: readonly VerifyFault[]) {
    const unanswered = faults.find((fault) => fault.kind === "unanswered");
    super("NOT_VERIFIED", summaryOf(faults), {
      subject: faults[0]?.subject,
      hint: hintFor(faults),
      cause: unanswered?.error,
    });
    this.faults = faults;
  }
}

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 5_000;
/** How many faults a message names. */
const SHOWN_FAULTS = 3;

/**
 * Checks the target of an executed plan: every tag names the root, and everything that the root needs, or that refers to it,
 * is there and is what was planned, to the byte. What was in the target before, and was therefore not in the plan, is
 * checked as well. Changes nothing.
 *
 * A tag by which a referrer is found may name another one: the push leaves what others have attached under that name.
 * @throws NotVerifiedError (NOT_VERIFIED) with all that is not so
 * @example
 * await verify(planned, open, { blobs: true });
 */
export async function verify(
  plan: Plan,
  open: (location: Location) => Repository,
  options: VerifyOptions = {},
): Promise<void> {
  const faults = await new Verification(plan, open(plan.target), options).faults();
  if (faults.length > 0) throw new NotVerifiedError(faults);
}

/**
 * The same for a registry that may lag behind: asks again for what is missing, until it is there or the time is over.
 * @throws NotVerifiedError (NOT_VERIFIED) with what is not so at the end
 * @example
 * await verifyWithin(planned, open, { waitMs: 30_000 });
 */
export async function verifyWithin(
  plan: Plan,
  open: (location: Location) => Repository,
  { waitMs, now = Date.now, sleep = pauseFor, ...options }: VerifyWithinOptions,
): Promise<void> {
  const verification = new Verification(plan, open(plan.target), options);
  const end = now() + waitMs;
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
    const faults = await verification.faults();
    if (faults.length === 0) return;
    const left = end - now();
    if (left <= 0) throw new NotVerifiedError(faults);
    await sleep(Math.min(wait, left), options.signal);
  }
}

async function pauseFor(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await setTimeout(milliseconds, undefined, signal && { signal });
}

/** What a manifest that is in the target needs there. */
type Contents = Pick<Manifest, "blobs" | "children">;

/** Content that was found to be as planned stays so, and is not asked for again; tags may move at any time. */
class Verification {
  readonly #plan: Plan;
  readonly #target: Repository;
  readonly #options: VerifyOptions;
  readonly #limit: Limit;
  readonly #steps: ReadonlyMap<string, ManifestStep>;
  readonly #found = new Map<string, Contents>();
  readonly #foundBlobs = new Set<string>();

  constructor(plan: Plan, target: Repository, options: VerifyOptions) {
    this.#plan = plan;
    this.#target = target;
    this.#options = options;
    this.#limit = limitFor(plan.target);
    this.#steps = new Map(plan.manifests.map((step) => [step.manifest.digest, step]));
  }

  /** Everything at once; in the order of tags, manifests, blobs. */
  async faults(): Promise<VerifyFault[]> {
    const { manifests } = this.#plan;
    const root = rootOf(this.#plan);
    const seen = new Set<string>(this.#steps.keys());
    const [tags, others] = await Promise.all([
      Promise.all([...new Set(root.tags)].map((tag) => this.#rootTag(tag, root.manifest.digest))),
      Promise.all(manifests.map((step) => this.#step(step, seen))),
    ]);
    const blobs = this.#options.blobs === true ? await this.#blobs(seen) : [];
    this.#options.signal?.throwIfAborted();
    return [...tags.flat(), ...others.flat(), ...blobs];
  }

  #rootTag(tag: string, expected: string): Promise<VerifyFault[]> {
    return this.#tag(tag, (digest) => {
      return digest === expected ? [] : [{ kind: "moved", subject: this.#name(tag), digest }];
    });
  }

  #tag(tag: string, check: (digest: string) => VerifyFault[]): Promise<VerifyFault[]> {
    const subject = this.#name(tag);
    return this.#asked(subject, async () => {
      const found = await this.#resolve(tag);
      return found === undefined ? [{ kind: "missing", subject }] : check(found.digest);
    });
  }

  async #step({ manifest, role, tags }: ManifestStep, seen: Set<string>): Promise<VerifyFault[]> {
    const { digest } = manifest;
    if (role !== "root" && tags.length > 0) {
      const named = new Set<string>();
      const note = (found: string): VerifyFault[] => {
        named.add(found);
        return [];
      };
      const faults = (await Promise.all(tags.map((tag) => this.#tag(tag, note)))).flat();
      if (faults.length > 0 || !named.has(digest)) return faults;
    }
    const faults = await this.#manifest(digest, manifest);
    const below = await Promise.all(manifest.children.map((child) => this.#below(child, seen)));
    return [...faults, ...below.flat()];
  }

  /** What an index names: planned, or there before; and what that names in turn. */
  async #below(child: Descriptor, seen: Set<string>): Promise<VerifyFault[]> {
    const { digest, mediaType } = child;
    if (seen.has(digest) || !mayBeManifest(mediaType)) return [];
    seen.add(digest);
    if (seen.size > MAX_MANIFESTS) {
      const message = `${this.#name(digest)} is one of more than ${MAX_MANIFESTS} manifests`;
      throw new ManifestError("LIMIT", message, { subject: digest });
    }
    const isRead = this.#options.blobs === true || mediaType === "" || isListType(mediaType);
    const faults = isRead ? await this.#manifest(digest) : await this.#present(digest);
    const children = this.#found.get(digest)?.children ?? [];
    const below = await Promise.all(children.map((one) => this.#below(one, seen)));
    return [...faults, ...below.flat()];
  }

  /** Reads a manifest, and compares it with what was planned. */
  async #manifest(digest: string, planned?: Manifest): Promise<VerifyFault[]> {
    if (this.#found.has(digest)) return [];
    const subject = this.#name(digest);
    return this.#asked(subject, async () => {
      const found = await this.#target.get(digest, { signal: this.#options.signal });
      if (planned !== undefined && !found.bytes.equals(planned.bytes))
        return [{ kind: "different", subject }];
      const { blobs, children } = found;
      this.#found.set(digest, { blobs, children });
      return [];
    });
  }

  /** Asks whether an image is there that was so before the push. */
  async #present(digest: string): Promise<VerifyFault[]> {
    if (this.#found.has(digest)) return [];
    const subject = this.#name(digest);
    return this.#asked(subject, async () => {
      if ((await this.#resolve(digest)) === undefined) return [{ kind: "missing", subject }];
      this.#found.set(digest, { blobs: [], children: [] });
      return [];
    });
  }

  /** The blobs of all manifests that are there. Those of the others are looked at when these are. */
  async #blobs(seen: ReadonlySet<string>): Promise<VerifyFault[]> {
    const wanted = new Map<string, Descriptor>();
    for (const digest of seen) {
      const { blobs, children } = this.#found.get(digest) ?? { blobs: [], children: [] };
      // An index may name what is no manifest.
      const all = [...blobs, ...children.filter(({ mediaType }) => !mayBeManifest(mediaType))];
      for (const blob of all) {
        if (!isForeignLayer(blob.mediaType)) wanted.set(`${blob.digest} ${blob.size}`, blob);
      }
    }
    const asked = [...wanted].map(([key, blob]) => this.#blob(key, blob));
    return (await Promise.all(asked)).flat();
  }

  async #blob(key: string, { digest, size }: Descriptor): Promise<VerifyFault[]> {
    if (this.#foundBlobs.has(key)) return [];
    const subject = `blob ${this.#name(digest)}`;
    return this.#asked(subject, async () => {
      const found = await this.#target.statBlob(digest, { signal: this.#options.signal });
      if (found === undefined) return [{ kind: "missing", subject }];
      if (found !== Number(size)) return [{ kind: "resized", subject, size: found, expected: Number(size) }];
      this.#foundBlobs.add(key);
      return [];
    });
  }

  #resolve(reference: string): Promise<Descriptor | undefined> {
    return this.#target.resolve(reference, { mustKnow: true, signal: this.#options.signal });
  }

  /** One question in its turn: what it finds, or what kept it from being answered. */
  #asked(subject: string, ask: () => Promise<VerifyFault[]>): Promise<VerifyFault[]> {
    return this.#limit(async () => {
      try {
        this.#options.signal?.throwIfAborted();
        return await ask();
      } catch (error) {
        this.#options.signal?.throwIfAborted();
        if (error instanceof NotFoundError && error.code === "MANIFEST_UNKNOWN" && !error.mayBeHidden)
          return [{ kind: "missing", subject }];
        if (hasCode(error, "DIGEST_MISMATCH", "MANIFEST_MISMATCH")) return [{ kind: "different", subject }];
        if (!(error instanceof ManifestError)) throw error;
        return [{ kind: "unanswered", subject, error }];
      }
    });
  }

  #name(reference: string): string {
    const separator = reference.includes(":") ? "@" : ":";
    return `${formatLocation(this.#target.location)}${separator}${reference}`;
  }
}

function summaryOf(faults: readonly VerifyFault[]): string {
  const more = faults.length - SHOWN_FAULTS;
  const shown = faults.slice(0, SHOWN_FAULTS).map((fault) => `${fault.subject}: ${textOf(fault)}`);
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join("; ");
}

function textOf(fault: VerifyFault): string {
  switch (fault.kind) {
    case "missing":
      return "is not there";
    case "moved":
      return `somebody else has moved the tag to ${fault.digest} meanwhile`;
    case "different":
      return "is not what was pushed";
    case "resized":
      return `has ${fault.size} instead of ${fault.expected} bytes`;
    case "unanswered":
      return messageOf(fault.error);
  }
}

function hintFor(faults: readonly VerifyFault[]): string {
  const isOnly = (kind: VerifyFault["kind"]): boolean => faults.every((fault) => fault.kind === kind);
  if (isOnly("moved"))
    return "all that was pushed is there: inspect the tag, and push again if it shall move back";
  if (isOnly("unanswered")) return "the tags have moved; whether all is there could not be found out";
  return "push again: what is missing is put again; a registry that lags may only need a moment";
}
