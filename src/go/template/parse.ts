import { nodesWithin, printNodes, type TemplateNode } from "./nodes.js";
import { parseLists } from "./parser.js";

/** A template with those that are defined in it. */
export interface Template {
  readonly text: string;
  /** By name; that of the template itself is empty, as it is for `template.New("")`. */
  readonly lists: ReadonlyMap<string, readonly TemplateNode[]>;
}

/**
 * Parses a template.
 * @param functions the names of the functions that it may call besides Go's own
 * @throws USAGE with Go's message, or a line that names what Go's templates can do and ours do not
 */
export function parseTemplate(text: string, functions: Iterable<string> = []): Template {
  return { text, lists: parseLists(text, new Set([...BUILTIN_NAMES, ...functions])) };
}

/** The template as Go prints its parse tree: without comments, definitions and what was trimmed. */
export function templateSource(template: Template): string {
  return printNodes(template.lists.get("") ?? []);
}

/**
 * Could the template ask for a field or method of this name, of whatever it may be? False only if it cannot, however
 * it is executed.
 */
export function mentions(template: Template, fieldName: string): boolean {
  for (const list of template.lists.values()) {
    for (const node of nodesWithin(list)) {
      if ("fields" in node && node.fields.includes(fieldName)) return true;
    }
  }
  return false;
}

const BUILTIN_NAMES = [
  ..."and call html index slice js len not or print printf println urlquery".split(" "),
  ..."eq ge gt le lt ne".split(" "),
];
