import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The certificates in the folder of this name, PEM. */
export type CertificateName = KeyedName | "ca" | "clients";
/** Those whose keys are there. */
export type KeyedName = "server" | "other" | "client" | "expired" | "stranger";

export function certificateFile(name: CertificateName): string {
  return fileURLToPath(new URL(`certificates/${name}.crt`, import.meta.url));
}

export function certificate(name: CertificateName): string {
  return readFileSync(certificateFile(name), "utf8");
}

export function privateKey(name: KeyedName): string {
  return readFileSync(fileURLToPath(new URL(`certificates/${name}.key`, import.meta.url)), "utf8");
}
