import { defineCommand, type CommandEntry } from "../../src/commands/command.js";
import { ManifestError, messageOf } from "../../src/errors.js";
import { formatReference, parseReference } from "../../src/oci/reference.js";
import { USAGE } from "./usageCases.js";

/**
 * docker's flags and arities with next to nothing behind them: what these commands print is what docker prints when
 * there is no local list at all.
 */
const common = { description: "A stand-in.", completes: [] };
const insecure = { kind: "bool", description: "Allow it" } as const;
const text = { kind: "string", value: "text", description: "Some text" } as const;

const push = defineCommand({
  ...common,
  name: "push",
  args: USAGE["push"] ?? "",
  arity: { min: 1, max: 1 },
  flags: { insecure, purge: { kind: "bool", short: "p", description: "Remove it" } },
  run: (_context, _flags, args) => missing(args),
});

const rm = defineCommand({
  ...common,
  name: "rm",
  args: USAGE["rm"] ?? "",
  arity: { min: 1 },
  flags: {},
  run: (_context, _flags, args) => missing(args),
});

const annotate = defineCommand({
  ...common,
  name: "annotate",
  args: USAGE["annotate"] ?? "",
  arity: { min: 2, max: 2 },
  flags: {
    os: text,
    arch: text,
    variant: text,
    osVersion: text,
    osFeatures: { kind: "stringSlice", value: "list", description: "Some more" },
  },
  run: (_context, _flags, [list = "", image = ""]): Promise<void> => {
    check("manifest list", list);
    check("manifest", image);
    return Promise.reject(
      new ManifestError("ENTRY_NOT_FOUND", `manifest for image ${image} does not exist in ${list}`),
    );
  },
});

const create = defineCommand({
  ...common,
  name: "create",
  args: USAGE["create"] ?? "",
  arity: { min: 2 },
  flags: { amend: { kind: "bool", short: "a", description: "Add to it" }, insecure },
  run: () => Promise.resolve(),
});

const inspect = defineCommand({
  ...common,
  name: "inspect",
  args: USAGE["inspect"] ?? "",
  arity: { min: 1, max: 2 },
  flags: { insecure, verbose: { kind: "bool", short: "v", description: "More of it" } },
  run: () => Promise.resolve(),
});

export const stubCommands: readonly CommandEntry[] = [annotate, create, inspect, push, rm].map((command) => ({
  name: command.name,
  summary: `The ${command.name} stand-in`,
  load: () => Promise.resolve(command),
}));

function missing(args: readonly string[]): Promise<void> {
  const lines = args.map((arg) => {
    try {
      return `No such manifest: ${formatReference(parseReference(arg))}`;
    } catch (error) {
      return messageOf(error);
    }
  });
  return Promise.reject(new ManifestError("LIST_NOT_FOUND", lines.join("\n")));
}

/** Throws docker's message about a name that is no reference. */
function check(what: string, name: string): void {
  try {
    parseReference(name);
  } catch (error) {
    throw new ManifestError(
      "INVALID_REFERENCE",
      `annotate: error parsing name for ${what} ${name}: ${messageOf(error)}`,
    );
  }
}
