import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The certificates in the folder of this name, PEM. */
export type CertificateName = "ca" | "server" | "other" | "client";

export function certificateFile(name: CertificateName): string {
  return fileURLToPath(new URL(`certificates/${name}.crt`, import.meta.url));
}

export function certificate(name: CertificateName): string {
  return readFileSync(certificateFile(name), "utf8");
}

export function privateKey(name: Exclude<CertificateName, "ca">): string {
  return readFileSync(fileURLToPath(new URL(`certificates/${name}.key`, import.meta.url)), "utf8");
}
