import { readDockerSetup, type DockerSetup } from "../docker/setup.js";
import { homeFolder } from "../homeFolder.js";
import { checkOptions, USER_DOCKER_OPTIONS } from "./options.js";

/** Where the set-up of docker is looked for, where that is not this process and its user. */
export interface UserDockerOptions {
  /** The environment variables: `DOCKER_CONFIG`, `DOCKER_AUTH_CONFIG`, `HTTPS_PROXY` and so on. Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** The home folder, for `~/.docker/config.json`. Default: the user's. */
  readonly home?: string | undefined;
  /** The operating system. Default: `process.platform`. */
  readonly platform?: NodeJS.Platform | undefined;
  /** Called with a line, without secrets, about what cannot be used: a helper that fails, a broken file. */
  readonly onWarning?: ((text: string) => void) | undefined;
}

/**
 * What the user has set up for docker: credentials (`docker login`, credential helpers), certificates (`certs.d`), proxies.
 * This is the one function of the library that looks at the process and its environment; without it everything is
 * anonymous and direct. Nothing is read or run before a registry is talked to, and each thing once.
 * @example
 * const { root } = await inspect("registry.example/app:v1", { docker: userDocker() });
 */
export function userDocker(options: UserDockerOptions = {}): DockerSetup {
  checkOptions(USER_DOCKER_OPTIONS, options);
  const { env, home, platform, onWarning } = options;
  // eslint-disable-next-line no-restricted-globals -- whoever calls this asks for the surroundings of the process.
  const { env: ownEnv, platform: ownPlatform } = process;
  return readDockerSetup(
    { env: env ?? ownEnv, home: home ?? homeFolder(), platform: platform ?? ownPlatform },
    onWarning ?? (() => undefined),
  );
}
