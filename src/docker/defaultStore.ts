import type { DockerConfig } from "./config.js";
import type { Surroundings } from "./environment.js";
import { findExecutable } from "./executable.js";
import { helperProgram } from "./helper.js";

const PLATFORM_STORES = new Map<NodeJS.Platform, string>([
  ["darwin", "osxkeychain"],
  ["win32", "wincred"],
]);

/**
 * The helper that docker uses where nobody has chosen one and no credentials are written down: the keychain of the
 * platform, if its helper is installed.
 * https://docs.docker.com/reference/cli/docker/login/#default-behavior
 */
export async function defaultStore(
  config: DockerConfig,
  surroundings: Omit<Surroundings, "home">,
): Promise<string | undefined> {
  if (config.auths.size > 0 || config.credHelpers.size > 0 || config.credsStore !== "") return undefined;
  const name = await platformStore(surroundings);
  if (name === undefined) return undefined;
  return (await findExecutable(helperProgram(name), surroundings)) === undefined ? undefined : name;
}

async function platformStore(surroundings: Omit<Surroundings, "home">): Promise<string | undefined> {
  if (surroundings.platform !== "linux") return PLATFORM_STORES.get(surroundings.platform);
  return (await findExecutable("pass", surroundings)) === undefined ? "secretservice" : "pass";
}
