import type * as z from "zod/mini";
import { findNode, kindOf, nodeAt, type FileNode } from "./nodes.js";
import { filledText, quoted, shownText, writtenBeside, type FilledTexts } from "./shownText.js";
import { suggestWord } from "./suggest.js";

/** What the schema has against a part of a file, in words for people who write it by hand. */

export interface SchemaFault {
  readonly offset: number;
  readonly message: string;
}

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** What other tools, and our own command line, call it. */
const OTHER_NAMES = new Map([
  ["name", "target"],
  ["images", "sources"],
  ["manifests", "sources"],
  ["arch", "architecture"],
  ["append", "existing: append"],
  ["merge", "existing: merge"],
]);

/** How to write what must be there. */
const WAYS = new Map([
  ["version", "write version: 1"],
  ["lists", "write lists: and each list after a dash below it"],
  ["target", "write what the list is called as target: registry.example/app:v1"],
  ["architecture", "write it as architecture: amd64"],
  ["image", "a source has image, from, file or descriptor"],
  ["manifests", "a spec file of manifest-tool has image and manifests"],
  ["digest", "a descriptor has at least a digest"],
]);

const KINDS = new Map([
  ["string", "a text"],
  ["array", "a sequence"],
  ["object", "a mapping"],
  ["record", "a mapping"],
]);

/** How to write what is something else than it should be, by its key. */
const FORMS = new Map([
  ["lists", "write each list after a dash"],
  ["sources", "write each source after a dash"],
  ["platform", "write it as linux/amd64"],
  ["platforms", "write it as [linux/amd64, linux/arm64]"],
  ["expect", "write it as [linux/amd64, linux/arm64]"],
  ["descriptor", "write it as { digest: sha256:… }"],
]);

/** The same of what is in a sequence, by the key of that. */
const ITEM_FORMS = new Map([
  ["sources", "write one source after each dash"],
  ["platforms", "write it as linux/amd64"],
  ["expect", "write it as linux/amd64"],
]);

const LIST_FORM = "write it as target: registry.example/app:v1, with its sources: in a line of their own";

/**
 * The faults of a part, one for each place: what else is said of it follows from that.
 * @param keysOf the keys that the mapping at a path may have
 * @param filled what the texts of the part became
 */
export function schemaFaults(
  issues: readonly Issue[],
  node: FileNode,
  keysOf: (path: Path) => readonly string[],
  filled: FilledTexts,
): SchemaFault[] {
  const found = new Map<string, SchemaFault>();
  const missing: { readonly path: Path; readonly fault: SchemaFault }[] = [];
  const meant = new Set<string>();
  const add = (path: Path, offset: number, message: string): void => {
    const id = JSON.stringify(path);
    if (!found.has(id)) found.set(id, { offset, message });
  };
  const tell = (issue: Issue, base: Path): void => {
    const path = [...base, ...issue.path];
    const at = nodeAt(node, path);
    if (issue.code === "unrecognized_keys") {
      for (const key of issue.keys) {
        const meaning = meaningOf(key, keysOf(path));
        if (meaning !== undefined) meant.add(JSON.stringify([...path, meaning]));
        const offset = at.kind === "map" ? at.pairs.get(key)?.keyOffset : undefined;
        add([...path, key], offset ?? at.offset, unknownKey(key, meaning, keysOf(path)));
      }
    } else if (issue.code === "invalid_union") {
      for (const one of nearestBranch(issue.errors)) tell(one, path);
    } else if (findNode(node, path) === undefined) {
      missing.push({ path, fault: { offset: at.offset, message: missingKey(String(path.at(-1))) } });
    } else add(path, at.offset, valueFault(issue, path, at, filled));
  };
  for (const issue of issues) tell(issue, []);
  for (const { path, fault } of missing) {
    if (!meant.has(JSON.stringify(path))) add(path, fault.offset, fault.message);
  }
  return [...found.values()];
}

function meaningOf(key: string, known: readonly string[]): string | undefined {
  const other = OTHER_NAMES.get(key);
  if (other !== undefined && known.includes(other.replace(/:.*/, ""))) return other;
  return suggestWord(key, known);
}

function unknownKey(key: string, meaning: string | undefined, known: readonly string[]): string {
  if (known.includes(key))
    return `${key} cannot be used together with the other keys here: write it as a source of its own`;
  const wayOut =
    meaning !== undefined
      ? `did you mean ${meaning}?`
      : known.length === 0
        ? "leave it out"
        : `the keys are ${[...new Set(known)].join(", ")}`;
  return `unknown key ${quoted(key)}: ${wayOut}`;
}

function missingKey(key: string): string {
  const way = WAYS.get(key);
  return way === undefined ? `${key} is missing` : `${key} is missing: ${way}`;
}

/** Of the ways in which a value might be meant, the one that needs the least to be right. */
function nearestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] {
  const costs = branches.map((issues) => {
    const isOtherKind = issues.some(({ code, path }) => code === "invalid_type" && path.length === 0);
    const faults = issues.map((issue) => (issue.code === "unrecognized_keys" ? issue.keys.length : 1));
    return faults.reduce((sum, one) => sum + one, isOtherKind ? 1000 : 0);
  });
  const [first = []] = branches;
  const least = Math.min(...costs);
  // Of none of the kinds that there are: all of them are ways out.
  if (least >= 1000) {
    const kinds = branches.flatMap(([issue]) => (issue?.code === "invalid_type" ? [issue.expected] : []));
    const [issue] = first;
    if (issue?.code === "invalid_type") return [{ ...issue, message: oneOf(kinds) }];
  }
  return branches[costs.indexOf(least)] ?? first;
}

function oneOf(kinds: readonly string[]): string {
  return [...new Set(kinds.map((kind) => KINDS.get(kind) ?? kind))].join(" or ");
}

function valueFault(issue: Issue, path: Path, at: FileNode, filled: FilledTexts): string {
  const written = at.kind === "text" ? at.text : undefined;
  const text = at.kind === "text" ? filledText(at, filled) : undefined;
  if (issue.code === "invalid_type") {
    const wanted = issue.message.startsWith("a ")
      ? issue.message
      : (KINDS.get(issue.expected) ?? issue.expected);
    if (at.kind === "text" && text === undefined) return `nothing is there: write ${wanted}, or leave it out`;
    return `expected ${wanted}, not ${kindOf(at)}: ${formOf(path, issue.expected, written)}`;
  }
  if (issue.code === "invalid_value") {
    const values = issue.values.map(String);
    const oneOfThem = `write ${alternatives(values)}`;
    if (at.kind !== "text") return `expected a text, not ${kindOf(at)}: ${oneOfThem}`;
    if (text === undefined) return `nothing is there: ${oneOfThem}`;
    const meant = text.length > 1 ? suggestWord(text, values) : undefined;
    return `${shownText(text, written)} is not allowed: ${meant === undefined ? oneOfThem : `did you mean ${meant}?`}`;
  }
  if (issue.code === "invalid_key") return "a key without a name: leave it out";
  if (text === undefined) return issue.message;
  return text === ""
    ? `an empty text${writtenBeside(text, written)}: write a value, or leave it out`
    : `${shownText(text, written)}: ${issue.message}`;
}

/** How what is there, or what should be, is written. */
function formOf(path: Path, expected: string, written: string | undefined): string {
  const [key, parent] = [path.at(-1), path.at(-2)];
  if (key === undefined || (parent === "lists" && typeof key === "number")) return LIST_FORM;
  const form = typeof key === "number" ? ITEM_FORMS.get(String(parent)) : FORMS.get(String(key));
  if (form !== undefined) return form;
  switch (expected) {
    case "array":
      return written !== undefined && /^[\w.:/@${}-]{1,64}$/.test(written)
        ? `write it as [${written}]`
        : "write each after a dash";
    case "string":
      return "write a single text, in quotes if it begins with [ or {";
    default:
      return "write it as KEY: VALUE";
  }
}

/** `auto, docker or oci` */
function alternatives(values: readonly string[]): string {
  return [values.slice(0, -1).join(", "), values.slice(-1).join("")]
    .filter((part) => part !== "")
    .join(" or ");
}
