import * as z from "zod/mini";
import type { RegistryLogin } from "./inputs.js";

/** The part of docker's configuration that is added to; what else is in it stays. */
const AuthConfig = z.looseObject({ auths: z._default(z.record(z.string(), z.unknown()), {}) });

/** `user:password` as it goes over the wire and into docker's configuration. A secret as much as the password. */
export function basicAuth({ username, password }: Omit<RegistryLogin, "registry">): string {
  return Buffer.from(`${username}:${password}`).toString("base64");
}

/**
 * The value of DOCKER_AUTH_CONFIG with a login in it, before all others for its registry.
 * https://docs.docker.com/reference/cli/docker/#environment-variables
 * @param existing the value that it has, or undefined. What is no configuration is replaced: it was of no use.
 */
export function withLogin(existing: string | undefined, login: RegistryLogin): string {
  const { auths, ...others } = AuthConfig.safeParse(jsonOf(existing)).data ?? { auths: {} };
  const keys = new Set(keysOf(login.registry));
  const rest = Object.entries(auths).filter(([key]) => !keys.has(hostOf(key)));
  return JSON.stringify({
    ...others,
    auths: { ...Object.fromEntries(rest), [login.registry]: { auth: basicAuth(login) } },
  });
}

const HUB_HOSTS = ["docker.io", "index.docker.io", "registry-1.docker.io"];

function keysOf(registry: string): readonly string[] {
  return HUB_HOSTS.includes(registry) ? HUB_HOSTS : [registry];
}

/** Of `ghcr.io` and of `https://index.docker.io/v1/`. */
function hostOf(key: string): string {
  return key.replace(/^https?:\/\//, "").replace(/\/[^]*$/, "");
}

function jsonOf(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
}
