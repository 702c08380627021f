import { goQuote } from "../../go/quote.js";
import { suggestWord } from "./suggest.js";

/**
 * The images of a list as one name with placeholders: `registry.example/app:v1-{os}-{arch}{variant}`.
 */

/** What the placeholders stand for. A variant may be empty. */
export interface TemplateValues {
  readonly os: string;
  readonly arch: string;
  readonly variant: string;
}

const PLACEHOLDERS = ["os", "arch", "variant"] as const satisfies readonly (keyof TemplateValues)[];
const KNOWN = "{os}, {arch} and {variant}";

/** What others call them. */
const OTHER_NAMES = new Map([
  ["architecture", "arch"],
  ["platform", "os}-{arch"],
]);

/** What is wrong with a template, with the way out; undefined if nothing is. */
export function templateFault(template: string): string | undefined {
  const names = [...template.matchAll(/\{([^{}]*)\}/g)].map(([, name = ""]) => name);
  const unknown = names.find((name) => !PLACEHOLDERS.some((known) => known === name));
  if (unknown !== undefined) {
    const meant = OTHER_NAMES.get(unknown.toLowerCase()) ?? suggestWord(unknown, PLACEHOLDERS);
    const wayOut = meant === undefined ? `the placeholders are ${KNOWN}` : `did you mean {${meant}}?`;
    return `unknown placeholder ${goQuote(`{${unknown}}`)}: ${wayOut}`;
  }
  if (/[{}]/.test(template.replace(/\{[^{}]*\}/g, "")))
    return `a brace that belongs to no placeholder: the placeholders are ${KNOWN}`;
  return names.length === 0 ? `a template without placeholders: use some of ${KNOWN}` : undefined;
}

/** The name of one image. The template must have no fault. */
export function fillTemplate(template: string, values: TemplateValues): string {
  return PLACEHOLDERS.reduce((text, name) => text.replaceAll(`{${name}}`, () => values[name]), template);
}
