import * as z from "zod/mini";
import { basicCredentials } from "./auths.js";
import type { Credentials } from "../registry/auth/credentials.js";
import type { Surroundings } from "./environment.js";
import { findExecutable } from "./executable.js";
import { isObject, knownFields, parseFirst } from "./json.js";
import { printable } from "./printable.js";
import { runProgram } from "./runProgram.js";

/**
 * Credential helpers: programs that keep the user's passwords.
 * https://github.com/docker/docker-credential-helpers#development
 */

const NOT_FOUND = "credentials not found in native keychain";
/** The user name by which a helper says that the secret is an identity token. */
const TOKEN_USER = "<token>";
const MAX_OUTPUT = 1024 * 1024;

const HelperAnswer = z.object({
  Username: z._default(z.string(), ""),
  Secret: z._default(z.string(), ""),
});

export type HelperResult =
  /** It works; it may know nothing of the registry. */
  | { readonly kind: "answer"; readonly credentials: Credentials | undefined }
  /** It does not work. `why` is a clause for a message; nothing in it comes from the helper. */
  | { readonly kind: "failure"; readonly why: string };

export interface HelperOptions extends Omit<Surroundings, "home"> {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** The program behind a helper's name. */
export function helperProgram(name: string): string {
  return `docker-credential-${name}`;
}

/**
 * Asks `docker-credential-<name> get` for the credentials under a key.
 * @throws only what the signal was aborted with
 */
export async function askHelper(name: string, key: string, options: HelperOptions): Promise<HelperResult> {
  if (!/^[A-Za-z0-9_.-]{1,100}$/.test(name)) return failure(`${printable(name)} is no name for a helper`);
  const program = helperProgram(name);
  const file = await findExecutable(program, options);
  if (file === undefined) return failure(`${program} is not on the PATH`);
  const { output, fault } = await runProgram(file, ["get"], {
    ...options,
    input: key,
    maxOutput: MAX_OUTPUT,
  });
  if (fault === undefined) {
    return parseHelperAnswer(output) ?? failure(`${program} did not print what a helper prints`);
  }
  return output.trim() === NOT_FOUND
    ? { kind: "answer", credentials: undefined }
    : failure(`${program} failed (${fault}); to see why: echo ${key} | ${program} get`);
}

function failure(why: string): HelperResult {
  return { kind: "failure", why };
}

/** Understands `{"ServerURL":"…","Username":"…","Secret":"…"}`; undefined if it is something else. */
function parseHelperAnswer(output: string): HelperResult | undefined {
  const value = parseOrUndefined(output);
  if (!isObject(value)) return undefined;
  const answer = HelperAnswer.safeParse(knownFields(value, ["Username", "Secret"])).data;
  if (answer === undefined) return undefined;
  const { Username: username, Secret: secret } = answer;
  const isToken = username === TOKEN_USER && secret !== "";
  return {
    kind: "answer",
    credentials: isToken ? { kind: "identityToken", token: secret } : basicCredentials(username, secret),
  };
}

function parseOrUndefined(text: string): unknown {
  try {
    return parseFirst(text);
  } catch {
    return undefined;
  }
}
