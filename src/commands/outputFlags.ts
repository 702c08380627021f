import { ManifestError } from "../errors.js";
import type { FlagTable, FlagValues } from "../go/flags.js";

/** How commands print their results. docs/outputs.md says what each of them prints. */
export const formatFlags = {
  format: {
    kind: "string",
    value: "format",
    choices: ["text", "json"],
    default: "text",
    description: "How the result is printed: text or json",
  },
} as const satisfies FlagTable;

export const quietFlags = {
  quiet: { kind: "bool", description: "Print no result: warnings and errors only" },
} as const satisfies FlagTable;

/** The same for commands whose result belongs into the summary of a job. */
export const summaryFlags = {
  format: {
    ...formatFlags.format,
    choices: ["text", "json", "markdown"],
    description: "How the result is printed: text, json, or markdown for the summary of a job",
  },
} as const satisfies FlagTable;

export const outputFlags = { ...formatFlags, ...quietFlags } as const satisfies FlagTable;
export type OutputFlags = FlagValues<typeof outputFlags>;

/** Files for what was pushed. */
export const outputFileFlags = {
  digestFile: {
    kind: "string",
    value: "file",
    description: "Write the digest of the list into this file, once it is pushed",
  },
  metadataFile: {
    kind: "string",
    value: "file",
    description: "Write digest, size, names and platforms of the list into this file, as JSON",
  },
} as const satisfies FlagTable;
export type OutputFileFlags = FlagValues<typeof outputFileFlags>;

/**
 * The flags of which one says that something is printed and another that nothing is.
 * @throws USAGE
 */
export function checkOutputFlags({
  format,
  quiet,
  plan = false,
}: OutputFlags & { readonly plan?: boolean }): void {
  if (!quiet) return;
  const other = plan ? "--plan" : format === "text" ? undefined : `--format ${format}`;
  if (other !== undefined) throw new ManifestError("USAGE", `${other} and --quiet: choose one of them`);
}
