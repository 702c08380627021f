import * as z from "zod/mini";
import { ManifestError } from "../errors.js";
import type { Draft } from "../list/draft.js";
import { nearestName } from "../oci/editDistance.js";

/** What functions may be called with. Programs in JavaScript have no compiler to tell them: here they are told. */

/** A value for which the test holds; `what` completes "… must be". */
const value = (what: string, test: (given: unknown) => boolean): z.ZodMiniType => z.custom(test, what);

const isText = (given: unknown): given is string => typeof given === "string";
const isTexts = (given: unknown): boolean => Array.isArray(given) && given.every(isText);
const isObject = (given: unknown): boolean => typeof given === "object" && given !== null;
const isPem = (given: unknown): boolean =>
  isText(given) && /-----BEGIN [A-Z0-9 ]*CERTIFICATE-----/.test(given);

const text = value("a string", isText);
const texts = value('a list of strings, such as ["linux/amd64"]', isTexts);
const yesOrNo = value("true or false", (given) => typeof given === "boolean");
const callback = value("a function", (given) => typeof given === "function");
const anyObject = value("an object", isObject);
const milliseconds = value(
  "a number of milliseconds from 0 on",
  (given) => typeof given === "number" && given >= 0,
);
const domains = value(
  'true, false or a list of domains, such as ["registry.example:5000"]',
  (given) => typeof given === "boolean" || isTexts(given),
);
const annotations = z.record(z.string(), text, 'an object of strings, such as { "key": "value" }');

function count(least: number): z.ZodMiniType {
  return value(
    `a whole number from ${least} on`,
    (given) => Number.isSafeInteger(given) && Number(given) >= least,
  );
}

function oneOf(...values: readonly (string | boolean)[]): z.ZodMiniType {
  const named = values.map((one) => JSON.stringify(one));
  return value(`${named.slice(0, -1).join(", ")} or ${named.at(-1) ?? ""}`, (given) =>
    values.some((one) => one === given),
  );
}

/** An object that has these keys and no others; any of them may be left out. */
function optional<Shape extends z.core.$ZodShape>(shape: Shape) {
  return z.partial(z.strictObject(shape, "an object"));
}

const connecting = {
  docker: value(
    "what userDocker() gives",
    (given) => z.safeParse(z.object({ credentials: callback, certificates: callback }), given).success,
  ),
  credentials: callback,
  insecure: domains,
  plainHttp: domains,
  ca: value(
    "certificates as PEM: a string or a list of strings",
    (given) => isPem(given) || (Array.isArray(given) && given.every(isPem)),
  ),
  onRequest: callback,
  onWarning: callback,
  retries: count(0),
  concurrency: count(1),
  patient: yesOrNo,
  timeouts: optional({ connect: milliseconds, headers: milliseconds, stall: milliseconds }),
  retryLimits: z.strictObject(
    {
      baseMs: milliseconds,
      capMs: milliseconds,
      longestRetryAfterMs: milliseconds,
      totalMs: milliseconds,
      patienceMs: z.optional(milliseconds),
    },
    "an object",
  ),
  userAgent: value("a line of text", (given) => isText(given) && /^[\t\x20-\x7e]+$/.test(given)),
};

const calling = {
  ...connecting,
  connection: anyObject,
  signal: value("an AbortSignal", (given) => given instanceof AbortSignal),
};

const transferring = {
  ...calling,
  verify: oneOf(true, false, "blobs"),
  waitMs: count(0),
  onEvent: callback,
};

const listing = {
  platforms: texts,
  attestations: oneOf("keep", "drop"),
  expect: texts,
  strict: yesOrNo,
  annotations,
  type: oneOf("auto", "docker", "oci"),
  subject: text,
  artifactType: text,
};

const names = value("a name or a list of names", (given) => isText(given) || isTexts(given));

export const CONNECT_OPTIONS = optional(connecting);
export const CALL_OPTIONS = optional(calling);
export const COPY_OPTIONS = optional({ ...transferring, referrers: yesOrNo, platforms: texts });
export const DRAFT_OPTIONS = optional({ ...calling, ...listing, waitMs: count(0) });
export const PUSH_LIST_OPTIONS = optional({
  ...transferring,
  ...listing,
  referrers: yesOrNo,
  from: value("a list of sources", Array.isArray),
});
export const PUSH_DRAFT_OPTIONS = optional({
  ...transferring,
  expect: texts,
  strict: yesOrNo,
  referrers: yesOrNo,
  to: names,
  crossRegistry: yesOrNo,
});
export const APPEND_OPTIONS = optional({
  ...transferring,
  ...listing,
  referrers: yesOrNo,
  mode: oneOf("append", "merge"),
});
export const REPOSITORY_OPTIONS = optional({ push: yesOrNo, signal: calling.signal });
export const USER_DOCKER_OPTIONS = optional({
  env: anyObject,
  home: text,
  platform: text,
  onWarning: callback,
});
export const IMAGE_SOURCE = z.strictObject(
  { image: text, platform: z.optional(text), annotations: z.optional(annotations) },
  'a string, or an object with "image" or "from"',
);
export const BUILD_SOURCE = z.strictObject({ from: text }, "an object");

/** As much of a draft as tells it from other objects. */
const SomeDraft = z.object({
  name: z.object({ domain: z.string(), path: z.string() }),
  entries: z.array(z.object({ descriptor: z.object({ digest: z.string() }) })),
  settings: z.object({ annotations: z.record(z.string(), z.string()) }),
});

/**
 * @param owner of the options, where it is not the call: `a source`
 * @throws USAGE, with the name of the first option that is wrong as its `subject`
 */
export function checkOptions(schema: z.ZodMiniType, given: unknown, owner?: string): void {
  const issue = z.safeParse(schema, given).error?.issues[0];
  if (issue === undefined) return;
  const path = issue.path.map(String);
  if (issue.code !== "unrecognized_keys") {
    const named = path.length === 0 ? (owner ?? "the options") : path.join(".");
    throw usage(`${named} must be ${issue.message}`, path.join("."));
  }
  const [unknown = ""] = issue.keys;
  const meant = nearestName(unknown, keysAt(schema, issue.path));
  const subject = [...path, unknown].join(".");
  const where = owner === undefined ? "" : ` of ${owner}`;
  throw usage(
    `there is no option ${subject}${where}`,
    subject,
    meant && `did you mean ${[...path, meant].join(".")}?`,
  );
}

/**
 * Is it a draft, rather than names?
 * @throws USAGE for an object that is neither
 */
export function isDraft(thing: unknown): thing is Draft {
  if (typeof thing !== "object" || thing === null || Array.isArray(thing)) return false;
  if (z.safeParse(SomeDraft, thing).success) return true;
  throw usage("neither a name nor a draft, as createDraft and emptyDraft make them", "");
}

function usage(message: string, subject: string, hint?: string): ManifestError {
  return new ManifestError("USAGE", message, { ...(subject !== "" && { subject }), hint });
}

/** The names of the options at a place in them. */
function keysAt(schema: unknown, path: readonly PropertyKey[]): string[] {
  const shape = schema instanceof z.ZodMiniObject ? schema.shape : undefined;
  if (shape === undefined)
    return schema instanceof z.ZodMiniOptional ? keysAt(schema.def.innerType, path) : [];
  const [first, ...rest] = path;
  return first === undefined ? Object.keys(shape) : keysAt(shape[String(first)], rest);
}
