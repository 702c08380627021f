import { Buffer } from "node:buffer";
import * as z from "zod/mini";
import type { Credentials } from "../registry/auth/credentials.js";
import { isObject, knownFields } from "./json.js";
import { printable } from "./printable.js";

/**
 * The `auths` of config.json and of DOCKER_AUTH_CONFIG: credentials in plain sight, by registry.
 * https://docs.docker.com/reference/cli/docker/login/#default-behavior
 */

/** By the key as it is written there. */
export type Auths = ReadonlyMap<string, Credentials>;

const AuthEntry = z.object({
  /** base64 of `user:password`; wins over the two fields */
  auth: z._default(z.string(), ""),
  username: z._default(z.string(), ""),
  password: z._default(z.string(), ""),
  /** to be exchanged at the token server */
  identitytoken: z._default(z.string(), ""),
  /** to be sent to the registry as it is */
  registrytoken: z._default(z.string(), ""),
});
type AuthEntry = z.infer<typeof AuthEntry>;
const AUTH_FIELDS = ["auth", "username", "password", "identitytoken", "registrytoken"] as const;

/** Reads what can be read; the rest is told to `fault`, without any of its values. */
export function parseAuths(value: unknown, fault: (text: string) => void): Auths {
  const auths = new Map<string, Credentials>();
  if (value === undefined) return auths;
  if (!isObject(value)) {
    fault("auths is not an object");
    return auths;
  }
  for (const [key, field] of Object.entries(value)) {
    if (field === null) continue;
    const entry = isObject(field) ? AuthEntry.safeParse(knownFields(field, AUTH_FIELDS)).data : undefined;
    const credentials = entry === undefined ? "broken" : credentialsOf(entry);
    if (credentials === "broken") fault(`auths[${printable(key)}] is not what docker login writes`);
    else if (credentials !== undefined) auths.set(key, credentials);
  }
  return auths;
}

function credentialsOf(entry: AuthEntry): Credentials | "broken" | undefined {
  const decoded =
    entry.auth === "" ? { username: entry.username, password: entry.password } : decodeAuth(entry.auth);
  if (entry.registrytoken !== "") return { kind: "registryToken", token: entry.registrytoken };
  if (entry.identitytoken !== "") {
    const username = decoded?.username ?? "";
    return { kind: "identityToken", token: entry.identitytoken, ...(username === "" ? {} : { username }) };
  }
  if (decoded === undefined) return "broken";
  return basicCredentials(decoded.username, decoded.password);
}

/** Docker takes half of a pair for none. */
export function basicCredentials(username: string, password: string): Credentials | undefined {
  return username === "" || password === "" ? undefined : { kind: "basic", username, password };
}

/** `user:password` out of base64. The first colon splits; NULs around the password are padding of old versions. */
function decodeAuth(auth: string): { username: string; password: string } | undefined {
  const base64 = auth.replace(/[\r\n]/g, "");
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) return undefined;
  const text = Buffer.from(base64, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon <= 0) return undefined;
  return { username: text.slice(0, colon), password: trimNuls(text.slice(colon + 1)) };
}

function trimNuls(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && text[start] === "\0") start++;
  while (end > start && text[end - 1] === "\0") end--;
  return text.slice(start, end);
}

const HUB = "docker.io";
const HUB_KEY = "https://index.docker.io/v1/";
const HUB_HOSTS: readonly string[] = [HUB, "index.docker.io", "registry-1.docker.io"];

/** The name under which docker keeps the credentials of a registry: its host, except for Docker Hub. */
export function credentialKey(host: string): string {
  return HUB_HOSTS.includes(host) ? HUB_KEY : host;
}

/** The entry of a registry, under its own key, an old-style key (`https://host/v1/`), or one of Docker Hub's names. */
export function authFor(auths: Auths, host: string): Credentials | undefined {
  const exact = auths.get(credentialKey(host));
  if (exact !== undefined) return exact;
  const hosts = HUB_HOSTS.includes(host) ? HUB_HOSTS : [host];
  for (const [key, credentials] of auths) {
    if (hosts.includes(hostOfKey(key))) return credentials;
  }
  return undefined;
}

function hostOfKey(key: string): string {
  return key.replace(/^https?:\/\//, "").replace(/\/[^]*$/, "");
}
