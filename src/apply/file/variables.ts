/**
 * Variables in the texts of a file of lists, as a small part of what `sh` has.
 *
 *     variable = "${" name [ ":-" default ] "}"
 *     name     = ( ALPHA / "_" ) *( ALPHA / DIGIT / "_" )
 *     default  = *( any character but "}" )                ; without a variable in it
 *
 * `$${` stands for `${` itself, and no other `$` means anything. They are filled in when the file has been read as YAML: no
 * value can change what a file says but the text that it stands in.
 */

/** The value of a variable: undefined where it is not set. */
export type Variables = (name: string) => string | undefined;

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * The text with its variables filled in. One that is not set, or set to nothing, is a fault unless it has a default:
 * in a CI job what was never given is mostly an empty variable, and `app:` is the name of another image than `app:v1`.
 * @param onFault is told of each fault, with the way out; the text is of no use then
 * @example
 * fillIn("app:${VERSION:-dev}", () => undefined, fail); // "app:dev"
 */
export function fillIn(text: string, variables: Variables, onFault: (message: string) => void): string {
  let at = text.indexOf("${");
  if (at === -1) return text;
  let filled = "";
  let rest = text;
  for (; at !== -1; at = rest.indexOf("${")) {
    if (rest[at - 1] === "$") {
      filled += `${rest.slice(0, at - 1)}\${`;
      rest = rest.slice(at + 2);
      continue;
    }
    filled += rest.slice(0, at);
    const end = rest.indexOf("}", at);
    if (end === -1) {
      onFault("the } of a variable is missing: write it as ${NAME}, and ${ itself as $${");
      return filled;
    }
    filled += valueOf(rest.slice(at + 2, end), variables, onFault);
    rest = rest.slice(end + 1);
  }
  return filled + rest;
}

/**
 * What is written outside of the variables of a text.
 * @example
 * outsideVariables("${REGISTRY}/app:v${N:-1}"); // "/app:v"
 */
export function outsideVariables(text: string): string {
  return text.replace(/\$\$\{|\$\{[^}]*\}/g, (found) => (found === "$${" ? "${" : ""));
}

/** Is a text one variable, and nothing else? */
export function isVariable(text: string): boolean {
  return /^\$\{[^}]*\}$/.test(text);
}

function valueOf(inside: string, variables: Variables, onFault: (message: string) => void): string {
  const colon = inside.indexOf(":-");
  const name = colon === -1 ? inside : inside.slice(0, colon);
  const otherwise = colon === -1 ? undefined : inside.slice(colon + 2);
  if (!NAME.test(name)) {
    onFault("not a variable: write it as ${NAME} or ${NAME:-default}, and ${ itself as $${");
    return "";
  }
  if (otherwise?.includes("${") === true) {
    onFault(`the default of \${${name}} has a variable in it: write a default without variables`);
    return "";
  }
  const value = variables(name);
  if (value !== undefined && value !== "") return value;
  if (otherwise === undefined) {
    const what = value === undefined ? "is not set" : "is set to nothing";
    onFault(`the variable ${name} ${what}: set it, or write \${${name}:-default}`);
  }
  return otherwise ?? "";
}
