import { readdir } from "node:fs/promises";
import path from "node:path";
import { systemCode, ManifestError } from "../errors.js";
import { isBelowFile } from "../fileSystem.js";
import { pathsOf, type Surroundings, variable } from "./environment.js";
import { type ClientCertificate, readCertificates, readClientCertificate } from "./pem.js";
import { printable } from "./printable.js";
import { readFault } from "./readBounded.js";

/**
 * The certificates that the user keeps for a registry.
 * https://docs.docker.com/engine/security/certificates/
 */
export interface RegistryCertificates {
  /** To be trusted besides the usual roots; PEM, one certificate each. */
  readonly ca: readonly string[];
  /** To show to the registry; PEM. */
  readonly clients: readonly ClientCertificate[];
}

const MAX_FILES = 100;

/**
 * The certs.d folders: the machine's, and the one of a docker without root.
 * @example
 * certsFolders({ env: {}, home: "/home/me", platform: "linux" })[0]; // "/etc/docker/certs.d"
 */
export function certsFolders(surroundings: Surroundings): string[] {
  const { platform, home } = surroundings;
  const paths = pathsOf(platform);
  if (platform === "win32") {
    return [paths.join(variable(surroundings, "ProgramData") ?? "C:\\ProgramData", "docker", "certs.d")];
  }
  const userConfig = variable(surroundings, "XDG_CONFIG_HOME") ?? paths.join(home, ".config");
  return ["/etc/docker/certs.d", paths.join(userConfig, "docker", "certs.d")];
}

/**
 * What the certs.d folders hold for a registry (`host[:port]`): `*.crt` are CAs, `*.cert` with `*.key` are client
 * certificates. What cannot be used is left out, with a warning that names the file.
 * @example
 * const { ca } = await readRegistryCertificates("registry.example", ["certs.d"], "linux", console.warn);
 */
export async function readRegistryCertificates(
  host: string,
  folders: readonly string[],
  platform: NodeJS.Platform,
  warn: (message: string) => void,
): Promise<RegistryCertificates> {
  const name = folderName(host, platform);
  if (name === undefined) return { ca: [], clients: [] };
  const found = await Promise.all(folders.map((folder) => readFolder(path.join(folder, name), warn)));
  return { ca: found.flatMap(({ ca }) => ca), clients: found.flatMap(({ clients }) => clients) };
}

/** The folder of a registry; Windows knows no colons in names. Undefined for what is no host: it is never a path. */
function folderName(host: string, platform: NodeJS.Platform): string | undefined {
  if (!/^[A-Za-z0-9._:[\]-]{1,300}$/.test(host) || /^[.:]+$/.test(host)) return undefined;
  return platform === "win32" ? host.replaceAll(":", "") : host;
}

async function readFolder(folder: string, warn: (message: string) => void): Promise<RegistryCertificates> {
  const ca: string[] = [];
  const clients: ClientCertificate[] = [];
  const names = await listFolder(folder, warn);
  for (const name of names) {
    const file = path.join(folder, name);
    try {
      switch (path.extname(name)) {
        case ".crt":
          ca.push(...(await readCertificates(file)));
          break;
        case ".cert":
          clients.push(await readClientCertificate(file, path.join(folder, partnerOf(name, ".key", names))));
          break;
        case ".key":
          partnerOf(name, ".cert", names);
      }
    } catch (error) {
      warn(`cannot use ${printable(file)}: ${readFault(error)}`);
    }
  }
  return { ca, clients };
}

/** A certificate's key, or a key's certificate. */
function partnerOf(name: string, extension: ".key" | ".cert", names: readonly string[]): string {
  const partner = path.basename(name, path.extname(name)) + extension;
  if (names.includes(partner)) return partner;
  const what = extension === ".key" ? "key" : "client certificate";
  const hint = extension === ".key" ? " (the certificate of a CA must be called .crt)" : "";
  throw new ManifestError("CONFIG", `missing ${what} ${printable(partner)}${hint}`);
}

async function listFolder(folder: string, warn: (message: string) => void): Promise<string[]> {
  try {
    return (await readdir(folder)).sort().slice(0, MAX_FILES);
  } catch (error) {
    if (systemCode(error) === "ENOENT" || (await isBelowFile(path.dirname(folder)))) return [];
    warn(`cannot read the certificates in ${printable(folder)}: ${readFault(error)}`);
    return [];
  }
}
