import type { FlagTable, FlagValues } from "../go/flags.js";

/** What a list of ours can say of itself besides annotations, and docker's cannot. */
export const subjectFlags = {
  subject: {
    kind: "string",
    value: "image",
    description: "What the list refers to: an image, a digest in the list's repository, or none",
  },
  artifactType: { kind: "string", value: "type", description: "The list's artifact type, or none" },
} as const satisfies FlagTable;

export type SubjectFlags = FlagValues<typeof subjectFlags>;

export function hasSubjectFlags({ subject, artifactType }: SubjectFlags): boolean {
  return subject !== "" || artifactType !== "";
}
