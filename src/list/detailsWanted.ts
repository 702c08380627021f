import { nodesWithin, type AnyNode, type TemplateNode } from "../go/template/nodes.js";
import { mentions, templateSource, type Template } from "../go/template/parse.js";

/** Which details of images are wanted, besides what the manifest itself says. */
export interface DetailParts {
  readonly configs: boolean;
  readonly sboms: boolean;
  readonly provenance: boolean;
}

/**
 * What a template may ask for of `.Image`, `.SBOM` and `.Provenance`. The last two are methods, to which only their
 * names lead; the first is also in `.` as a whole, as in `{{json .}}`.
 */
export function detailsWanted(template: Template): DetailParts {
  return {
    configs: mentions(template, "Image") || showsWhole(template),
    sboms: mentions(template, "SBOM"),
    provenance: mentions(template, "Provenance"),
  };
}

/** Is it `{{.Manifest}}` and nothing else? buildx shows the text then, not the fields of the manifest. */
export function isWholeManifest(template: Template): boolean {
  return /^\{\{\s*\.Manifest\s*\}\}$/.test(templateSource(template).trim());
}

/** Does it do something with all that it is given, other than look at a field of it? */
function showsWhole({ lists }: Template): boolean {
  const main = lists.get("") ?? [];
  const isDollar = (node: AnyNode): boolean =>
    node.type === "variable" && node.name === "$" && node.fields.length === 0;
  // In a template that is defined in it, `.` and `$` are what it is called with, which is found at the call.
  return [...nodesWithin(main)].some(isDollar) || [...underOuterDot(main)].some(({ type }) => type === "dot");
}

/** All nodes for which `.` is what the template was given. */
function* underOuterDot(nodes: readonly TemplateNode[]): Generator<AnyNode> {
  for (const node of nodes) {
    if (node.type === "if" || node.type === "range" || node.type === "with") {
      yield* nodesWithin([node.pipe]);
      if (node.type === "if") yield* underOuterDot(node.list);
      yield* underOuterDot(node.elseList ?? []);
    } else {
      yield* nodesWithin([node]);
    }
  }
}
