import { createPrivateKey, X509Certificate } from "node:crypto";
import { ManifestError } from "../errors.js";
import { printable } from "./printable.js";
import { readBounded, readFault } from "./readBounded.js";

/** Certificates and keys in PEM files, checked before TLS meets them, where errors no longer name a file. */

export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
}

const MAX_SIZE = 4 * 1024 * 1024;
const CERTIFICATE = /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[^-]*-----END (?:TRUSTED )?CERTIFICATE-----/g;

/**
 * The certificates of a PEM file, one string each.
 * @throws ManifestError if none of them can be read; Node's errors if the file cannot be
 */
export async function readCertificates(file: string): Promise<string[]> {
  const text = (await readBounded(file, MAX_SIZE)).toString("latin1");
  const certificates = (text.match(CERTIFICATE) ?? []).filter(isCertificate);
  if (certificates.length === 0) throw new ManifestError("CONFIG", "it holds no certificate");
  return certificates;
}

/**
 * A client certificate (with its chain) and its key.
 * @throws ManifestError if they do not fit; Node's errors if a file cannot be read
 */
export async function readClientCertificate(certFile: string, keyFile: string): Promise<ClientCertificate> {
  const certificates = await readCertificates(certFile);
  const key = (await readBounded(keyFile, MAX_SIZE)).toString("latin1");
  if (!fits(certificates[0] ?? "", key)) {
    throw new ManifestError("CONFIG", "its key is broken, encrypted, or not its own");
  }
  return { cert: certificates.join("\n"), key };
}

/**
 * The certificates of a file that the user named (`--ca-file`).
 * @throws ManifestError that names the file
 */
export async function readCaFile(file: string): Promise<string[]> {
  try {
    return await readCertificates(file);
  } catch (error) {
    throw new ManifestError("CONFIG", `cannot use the CA file ${printable(file)}: ${readFault(error)}`, {
      hint: "--ca-file takes certificates as PEM, which begin with -----BEGIN CERTIFICATE-----",
      cause: error,
    });
  }
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.byteLength > 0;
  } catch {
    return false;
  }
}

function fits(certificate: string, key: string): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}
