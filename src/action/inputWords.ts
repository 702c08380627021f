import type { CommandError } from "../context.js";
import type { ActionInputs, RegistryLogin } from "./inputs.js";

/**
 * The program's errors, for people who have set inputs of a step and have never seen a flag: what to do is said in terms of
 * the inputs.
 */

/** Flags that are inputs of the same name. */
const SAME =
  "from expect append merge referrers cross-registry shard jobs verify wait retries insecure plain-http ca-file config";

/** The inputs behind the program's flags. What is no input, such as docker's `--metadata-file`, stays as it is. */
const INPUTS = new Map([
  ["tag", "tags"],
  ["annotation", "annotations"],
  ["platform", "platforms"],
  ...SAME.split(" ").map((name) => [name, name] as const),
]);

const SWITCHES = new Set(["insecure", "plain-http", "cross-registry"]);

const TO_LOG_IN =
  "log in with docker/login-action in an earlier step, or set the inputs registry, username and password";

/** The same error, with a hint that names the inputs to look at wherever one is to blame. */
export function inInputWords(error: CommandError, inputs: ActionInputs): CommandError {
  const { code, message, hint } = adviceFor(error, inputs);
  return { code, message: withoutFlags(message), hint: hint === undefined ? undefined : withoutFlags(hint) };
}

function adviceFor(error: CommandError, inputs: ActionInputs): CommandError {
  switch (error.code) {
    case "USAGE":
      return adviceOnUsage(error);
    case "INVALID_REFERENCE":
      return adviceOnReference(error);
    case "INVALID_PLATFORM":
      return { ...error, message: `${platformInput(error, inputs)}${error.message}` };
    case "EXPECTATION":
      return adviceOnExpectation(error, inputs);
    case "NO_MATCH":
      return adviceOnChoice(error, inputs);
    case "MANIFEST_UNKNOWN":
      return adviceOnRights(adviceOnUnknown(error, inputs), inputs);
    case "CREDENTIALS_MISSING":
      return { ...error, hint: [error.hint?.replace(/: put .*$/, ""), TO_LOG_IN].filter(Boolean).join(": ") };
    default:
      return adviceOnRights(error, inputs);
  }
}

/** What is no number is told in the words of Go's parsers; where no shard is known, all CI systems are named. */
function adviceOnUsage(error: CommandError): CommandError {
  const [, value, flag = ""] =
    /^invalid argument ("[^]*") for (?:"-\w, )?"?--([a-z-]+)" flag: /.exec(error.message) ?? [];
  const input = INPUTS.get(flag);
  if (value !== undefined && input !== undefined) {
    const hint = "write a whole number, such as 4";
    return { ...error, message: `input ${input}: ${value} is not a number`, hint };
  }
  if (!error.message.startsWith("--shard auto: nothing ")) return error;
  return { ...error, hint: "set the inputs job-index and job-total, or shard to I/N" };
}

function adviceOnReference(error: CommandError): CommandError {
  const tag = /^--tag ("[^]*") cannot be read(?::.*)?$/.exec(error.hint ?? "")?.[1];
  if (tag !== undefined) {
    const way = error.message.endsWith("must be lowercase")
      ? "write it in lowercase, as docker/metadata-action does"
      : "write whole references, such as ghcr.io/me/app:v1, one per line or separated by commas";
    return { ...error, hint: `input tags: cannot read ${tag}; ${way}` };
  }
  if (!error.message.startsWith("failed to parse source ")) return error;
  return { ...error, hint: "input sources: write one reference or digest per line" };
}

/** The input that names the platform which the error quotes. */
function platformInput({ message }: CommandError, { expect, platforms }: ActionInputs): string {
  const isIn = (names: readonly string[]): boolean =>
    names.some((name) => message.includes(JSON.stringify(name)));
  return isIn(expect) ? "input expect: " : isIn(platforms) ? "input platforms: " : "";
}

function adviceOnExpectation(error: CommandError, inputs: ActionInputs): CommandError {
  const { message, hint = "" } = error;
  if (hint.includes("--strict")) {
    return {
      ...error,
      hint: "nothing was changed: strict in the file of lists turns this warning into an error",
    };
  }
  if (!message.includes(" the expected platforms: ")) return error;
  const where =
    inputs.files.length > 0
      ? "the sources and expect of this list in the file of lists"
      : `that each of them, and no other, has an image in ${sourceInputs(inputs)}, or change ${choosingInputs(inputs)}`;
  return { ...error, hint: `nothing was changed: check ${where}` };
}

/** `from`; `from and sources`. */
function sourceInputs({ from, sources }: ActionInputs): string {
  const given = [...(from.length > 0 ? ["from"] : []), ...(sources.length > 0 ? ["sources"] : [])];
  return `${given.length > 1 ? "the inputs" : "input"} ${given.join(" and ")}`;
}

function choosingInputs({ platforms }: ActionInputs): string {
  return platforms.length > 0 ? "input platforms or expect" : "input expect";
}

function adviceOnChoice(error: CommandError, inputs: ActionInputs): CommandError {
  const images = inputs.files.length > 0 ? "its sources" : `the images in ${sourceInputs(inputs)}`;
  const chosen =
    inputs.files.length > 0
      ? "platforms of this list in the file of lists"
      : `input platforms (${inputs.platforms.join(", ")})`;
  const what = error.message.startsWith("cannot filter")
    ? `one of ${images} does not say which platform it is for: leave it out or rebuild it`
    : `check ${chosen}: none of ${images} is for any of these`;
  return { ...error, hint: [what, error.hint].filter((part) => part !== undefined).join("; ") };
}

function adviceOnUnknown(error: CommandError, { append, tags, sources }: ActionInputs): CommandError {
  const { hint = "" } = error;
  const missing = hint.replace(/check the name, and whether it was pushed$/, "");
  if (missing === hint && hint !== "") return error;
  if (append && tags.some((tag) => error.message.startsWith(`${tag}:`))) {
    return { ...error, hint: "there is no list to append to: merge instead of append makes one" };
  }
  if (sources.length === 0) return error;
  return { ...error, hint: `${missing}check input sources, and whether the job that pushes it has finished` };
}

/** Who is logged in comes from this step or from an earlier one. */
function adviceOnRights(error: CommandError, { credentials }: ActionInputs): CommandError {
  const { message, hint } = error;
  if (hint === undefined) return error;
  const toCheck = loginToCheck(`${message}\n${hint}`, credentials);
  if (NOT_ACCEPTED.test(hint)) return { ...error, hint: hint.replace(NOT_ACCEPTED, toCheck) };
  if (NOT_LOGGED_IN.test(hint)) {
    return {
      ...error,
      hint: hint.replace(NOT_LOGGED_IN, `$1: ${credentials === undefined ? TO_LOG_IN : toCheck}`),
    };
  }
  if (!NOT_ALLOWED.test(hint)) return error;
  const way = `${message}\n${hint}`.includes("//ghcr.io/") ? FOR_GITHUB_TOKEN : toCheck;
  return { ...error, hint: hint.replace(NOT_ALLOWED, `$1: ${way}`) };
}

/** What the hints of refusals end in, and what follows them for people with a command line. */
const NOT_ACCEPTED = /the (?:user name or password|saved login|token) for .* is not accepted.*$/;
const NOT_LOGGED_IN = /(not logged in to \S+, or not with enough rights)(?:: .*)?$/;
const NOT_ALLOWED = /(the account may not do this there)(?:: .*)?$/;

const FOR_GITHUB_TOKEN =
  "with github.token the job needs the permission packages: write, and the package has to grant this repository access";

function loginToCheck(text: string, credentials: RegistryLogin | undefined): string {
  if (credentials === undefined) return "check the login of docker/login-action in an earlier step";
  const { registry } = credentials;
  const own = "check the inputs username and password";
  const isNamed =
    text.startsWith(`${registry} refused`) ||
    [`//${registry}/`, `service=${registry}&`, `.${registry}/`].some((part) => text.includes(part));
  return isNamed ? own : `${own} if this is about ${registry}, else the login of docker/login-action`;
}

/** The text with inputs in place of the flags that are inputs here. */
function withoutFlags(text: string): string {
  return text
    .replace(/\bpass --([a-z-]+)(?: (I\/N))?/g, (all, flag: string, value: string | undefined) => {
      const input = INPUTS.get(flag);
      if (input === undefined) return all;
      const wanted = value ?? (SWITCHES.has(input) ? "true" : undefined);
      return `set input ${input}${wanted === undefined ? "" : ` to ${wanted}`}`;
    })
    .replace(/(?<![\w-])--([a-z-]+)/g, (all, flag: string) => {
      const input = INPUTS.get(flag);
      return input === undefined ? all : `input ${input}`;
    });
}
