import { authFor, credentialKey } from "./auths.js";
import { configFile, type DockerConfig, readAuthVariable, readDockerConfig } from "./config.js";
import { defaultStore } from "./defaultStore.js";
import type { Surroundings } from "./environment.js";
import { askHelper, helperProgram } from "./helper.js";
import type { Credentials } from "../registry/auth/credentials.js";

/** Where credentials are looked for. */
export interface CredentialOptions extends Surroundings {
  /** Told, in one line without secrets, what docker would be silent about: a helper that fails, a broken file. */
  readonly warn: (message: string) => void;
  /** How long a helper may take; a minute if left out, since some ask the user something. */
  readonly helperTimeoutMs?: number;
}

/**
 * The user's credentials for a registry (`host[:port]`, or `docker.io`), if there are any.
 * @throws only what the signal was aborted with
 */
export type CredentialsFor = (host: string, signal?: AbortSignal) => Promise<Credentials | undefined>;

const HELPER_TIMEOUT_MS = 60_000;

/**
 * Looks where docker looks: DOCKER_AUTH_CONFIG, then the registry's own helper or else the one for all, then the file.
 * A helper that knows nothing of a registry has the last word; one that fails leaves it to the file. Nothing is read
 * or run before the first question, and nothing twice.
 * @example
 * const credentials = createCredentials({ env: {}, home: "/home/me", platform: "linux", warn: console.warn });
 * await credentials("registry.example");
 */
export function createCredentials(options: CredentialOptions): CredentialsFor {
  const known = new Map<string, Promise<Credentials | undefined>>();
  let config: Promise<DockerConfig> | undefined;

  const find = async (host: string, signal: AbortSignal | undefined): Promise<Credentials | undefined> => {
    config ??= readDockerConfig(options, options.warn);
    return credentialsIn(await config, host, options, signal);
  };

  let variable: ReturnType<typeof readAuthVariable> | undefined;
  return (host, signal) => {
    variable ??= readAuthVariable(options, options.warn);
    const given = authFor(variable, host);
    if (given !== undefined) return Promise.resolve({ ...given, origin: "DOCKER_AUTH_CONFIG" });
    const earlier = known.get(host);
    if (earlier !== undefined) return earlier;
    const found = find(host, signal);
    known.set(host, found);
    // Whoever asks again after an abort gets a new answer.
    found.catch(() => known.delete(host));
    return found;
  };
}

async function credentialsIn(
  config: DockerConfig,
  host: string,
  options: CredentialOptions,
  signal: AbortSignal | undefined,
): Promise<Credentials | undefined> {
  const { env, platform, warn, helperTimeoutMs: timeoutMs = HELPER_TIMEOUT_MS } = options;
  const key = credentialKey(host);
  const chosen = config.credHelpers.get(key) ?? config.credsStore;
  const helper = chosen === "" ? await defaultStore(config, options) : chosen;
  if (helper !== undefined) {
    const result = await askHelper(helper, key, { env, platform, timeoutMs, signal });
    if (result.kind === "answer") {
      const { credentials } = result;
      return credentials && { ...credentials, origin: helperProgram(helper) };
    }
    // Nobody asked for the platform's own store, so nobody wants to hear that it is locked or not set up.
    if (chosen !== "") warn(`no credentials for ${host} from the credential helper: ${result.why}`);
  }
  const stored = authFor(config.auths, host);
  return stored && { ...stored, origin: configFile(options) };
}
