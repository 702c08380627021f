import * as z from "zod/mini";
import { ManifestError, systemCode } from "../errors.js";
import { type Auths, parseAuths } from "./auths.js";
import { pathsOf, type Surroundings, variable } from "./environment.js";
import { isObject, jsonFault, knownFields, parseFirst } from "./json.js";
import { printable } from "./printable.js";
import { readBounded, readFault } from "./readBounded.js";

/**
 * The user's docker configuration.
 * https://docs.docker.com/reference/cli/docker/#docker-cli-configuration-file-configjson-properties
 */
export interface DockerConfig {
  readonly auths: Auths;
  /** Helper by registry; an empty name means none, not even `credsStore`. */
  readonly credHelpers: ReadonlyMap<string, string>;
  /** The helper of all other registries; empty if there is none. */
  readonly credsStore: string;
}

/** A configuration, and what in it could not be used; a fault holds no value out of it. */
export interface ParsedConfig {
  readonly config: DockerConfig;
  readonly faults: readonly string[];
}

const MAX_SIZE = 1024 * 1024;

/**
 * The folder of config.json and of the local lists: `DOCKER_CONFIG`, else `.docker` in the user's home.
 * @example
 * dockerConfigDir({ env: {}, home: "/home/me", platform: "linux" }); // "/home/me/.docker"
 */
export function dockerConfigDir(surroundings: Surroundings): string {
  return (
    variable(surroundings, "DOCKER_CONFIG") ??
    pathsOf(surroundings.platform).join(surroundings.home, ".docker")
  );
}

/** The file of that folder which holds the set-up itself. */
export function configFile(surroundings: Surroundings): string {
  return pathsOf(surroundings.platform).join(dockerConfigDir(surroundings), "config.json");
}

/**
 * Reads config.json. A missing or empty file is an empty configuration; a broken one is, as with docker, a warning
 * that names it, and what can be read of it counts.
 */
export async function readDockerConfig(
  surroundings: Surroundings,
  warn: (message: string) => void,
): Promise<DockerConfig> {
  const file = configFile(surroundings);
  try {
    const text = (await readBounded(file, MAX_SIZE)).toString("utf8");
    const { config, faults } = parseDockerConfig(text);
    if (faults.length > 0) warn(`Error parsing config file (${file}): ${summary(faults)}`);
    return config;
  } catch (error) {
    if (systemCode(error) !== "ENOENT") warn(`Error ${whatFailed(error, file)}: ${readFault(error)}`);
    return parseDockerConfig("").config;
  }
}

/** In docker's words. A folder can be opened, but not read. */
function whatFailed(error: unknown, file: string): string {
  if (error instanceof ManifestError) return `parsing config file (${file})`;
  return systemCode(error) === "EISDIR"
    ? `parsing config file (${file}): read ${file}`
    : `loading config file: open ${file}`;
}

/**
 * The `auths` of DOCKER_AUTH_CONFIG, which go before everything else.
 * https://docs.docker.com/reference/cli/docker/#environment-variables
 */
export function readAuthVariable(surroundings: Surroundings, warn: (message: string) => void): Auths {
  const text = variable(surroundings, "DOCKER_AUTH_CONFIG") ?? "";
  const tooLarge = text.length > MAX_SIZE;
  const { config, faults } = parseDockerConfig(tooLarge ? "" : text);
  if (tooLarge) warn(`cannot use DOCKER_AUTH_CONFIG: larger than ${MAX_SIZE} bytes`);
  if (faults.length > 0) warn(`cannot use all of DOCKER_AUTH_CONFIG: ${summary(faults)}`);
  return config.auths;
}

/** Understands a config.json, as Go would: unknown keys are ignored, null is nothing, key names come in any case. */
export function parseDockerConfig(text: string): ParsedConfig {
  const faults: string[] = [];
  const fault = (what: string): void => void faults.push(what);
  const fields = knownFields(parseObject(text, fault), ["auths", "credHelpers", "credsStore"]);
  const config = {
    auths: parseAuths(fields.auths, fault),
    credHelpers: parseHelpers(fields.credHelpers, fault),
    credsStore: parseName(fields.credsStore ?? "", "credsStore", fault),
  };
  return { config, faults };
}

function parseObject(text: string, fault: (what: string) => void): Readonly<Record<string, unknown>> {
  try {
    const value = parseFirst(text) ?? {};
    if (isObject(value)) return value;
    fault("not an object");
  } catch (error) {
    fault(jsonFault(error));
  }
  return {};
}

function parseHelpers(value: unknown, fault: (what: string) => void): Map<string, string> {
  const helpers = new Map<string, string>();
  if (value !== undefined && !isObject(value)) fault("credHelpers is not an object");
  if (!isObject(value)) return helpers;
  for (const [host, name] of Object.entries(value)) {
    helpers.set(host, parseName(name ?? "", `credHelpers[${printable(host)}]`, fault));
  }
  return helpers;
}

function parseName(value: unknown, where: string, fault: (what: string) => void): string {
  const name = z.string().safeParse(value).data;
  if (name === undefined) fault(`${where} is not a string`);
  return name ?? "";
}

function summary(faults: readonly string[]): string {
  const more = faults.length > 3 ? `; and ${faults.length - 3} more` : "";
  return faults.slice(0, 3).join("; ") + more;
}
