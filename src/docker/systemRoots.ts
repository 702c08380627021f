import * as tls from "node:tls";
import { type Surroundings, variable } from "./environment.js";
import { readCertificates } from "./pem.js";

/** https://nodejs.org/api/tls.html#tlsgetcacertificatestype, in Node from 22.15 on */
type NewerTls = Pick<typeof tls, "rootCertificates"> & { getCACertificates?: (type: "system") => string[] };

/** Where the distributions keep the certificates that the whole machine trusts. */
const BUNDLES: readonly string[] = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/tls/cacert.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/**
 * The certificates that the machine trusts, PEM, one each. Docker goes by them, Node by a list of its own: a company's
 * CA is often only here. `SSL_CERT_FILE` replaces them, as with Go and OpenSSL. An empty array if there are none.
 */
export async function systemRoots(
  surroundings: Omit<Surroundings, "home">,
  bundles: readonly string[] = BUNDLES,
): Promise<string[]> {
  const chosen = variable(surroundings, "SSL_CERT_FILE");
  if (chosen !== undefined) return readOrNothing(chosen);
  for (const bundle of surroundings.platform === "win32" ? [] : bundles) {
    const roots = await readOrNothing(bundle);
    if (roots.length > 0) return roots;
  }
  return keychainRoots();
}

async function readOrNothing(file: string): Promise<string[]> {
  try {
    return await readCertificates(file);
  } catch {
    return [];
  }
}

/** Newer Nodes can ask macOS and Windows themselves. */
function keychainRoots(): string[] {
  const newer: NewerTls = tls;
  return newer.getCACertificates?.("system") ?? [];
}
