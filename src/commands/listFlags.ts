import { ManifestError, messageOf } from "../errors.js";
import { parseDuration } from "../go/duration.js";
import type { FlagTable, FlagValues } from "../go/flags.js";
import { checkOutputFlags, outputFileFlags, outputFlags, summaryFlags } from "./outputFlags.js";

/** What `create` and `imagetools create` have in common: where images come from. */
export const sourceFlags = {
  from: {
    kind: "stringArray",
    value: "path",
    description:
      "Take images from a folder of files named by digest, or from a metadata file of docker buildx; may be repeated",
  },
  platform: {
    kind: "stringArray",
    short: "p",
    value: "list",
    description: "Take only these platforms, separated by commas; may be repeated",
  },
  attestations: {
    kind: "string",
    value: "what",
    default: "keep",
    choices: ["keep", "drop"],
    description: "What to do with the attestations of the sources: keep or drop",
  },
  merge: {
    kind: "bool",
    description:
      "Like --append, but a new image takes the place of the one for its platform; begins a list where there is none",
  },
} as const satisfies FlagTable;

/** What must be so, or nothing is pushed. */
export const expectationFlags = {
  expect: {
    kind: "stringArray",
    value: "list",
    description: "Fail unless the list has exactly these platforms, each once; may be repeated",
  },
  strict: {
    kind: "bool",
    description: "Fail where there would be a warning: a platform twice, an attestation without its image",
  },
} as const satisfies FlagTable;

/** For registries that lag behind. */
export const waitFlags = {
  wait: {
    kind: "string",
    value: "time",
    description: "How long to wait for a registry that lags behind: 30s, 2m",
  },
} as const satisfies FlagTable;

/** What the list says of itself. */
export const settingFlags = {
  subject: {
    kind: "string",
    value: "image",
    description: "What the list refers to: an image, or a digest in the list's repository; none removes it",
  },
  artifactType: {
    kind: "string",
    value: "type",
    description: "The artifact type of the list; none removes it",
  },
} as const satisfies FlagTable;

/** What commands that push have in common. */
export const pushFlags = {
  referrers: {
    kind: "bool",
    description: "Take along all that is attached to the images: signatures, attestations, SBOMs",
  },
  plan: {
    kind: "bool",
    description: "Show the requests that would be sent and what would change, and change nothing",
  },
  ...outputFlags,
  format: {
    ...summaryFlags.format,
    description:
      "How the result is printed, or what --plan shows: text, json, or markdown for the summary of a job",
  },
  verify: {
    kind: "optional",
    value: "what",
    alone: "manifests",
    choices: ["manifests", "blobs"],
    description: "Read back what was pushed: manifests, or with =blobs each blob too",
  },
  ...waitFlags,
  ...outputFileFlags,
} as const satisfies FlagTable;

export type PushFlags = FlagValues<typeof pushFlags>;

/**
 * The value of `--wait`, in milliseconds; 0 where it was not given.
 * @throws USAGE
 */
export function waitMs({ wait }: FlagValues<typeof waitFlags>): number {
  const fault = (why: string): ManifestError =>
    new ManifestError("USAGE", `--wait ${wait}: ${why}`, {
      subject: wait,
      hint: "write a number and a unit: 30s, 2m or 1h",
    });
  let ms: number;
  try {
    ms = wait === "" ? 0 : parseDuration(wait);
  } catch (error) {
    throw fault(messageOf(error));
  }
  if (ms < 0) throw fault("it must not be negative");
  return ms;
}

/**
 * Checks what is only used when everything else is done.
 * @throws USAGE
 */
export function checkPushFlags(flags: PushFlags): void {
  waitMs(flags);
  checkOutputFlags(flags);
}
