import { execFileSync } from "node:child_process";
import { join } from "node:path";

/**
 * A certificate that is its own CA, for loopback and one more address.
 * @param {string} folder
 * @param {string} address
 */
export function makeCertificate(folder, address) {
  const key = join(folder, "key.pem");
  const cert = join(folder, "cert.pem");
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const names = ["-subj", "/CN=bench", "-addext", `subjectAltName=DNS:localhost,IP:127.0.0.1,IP:${address}`];
  execFileSync("openssl", ["req", "-x509", ...curve, "-keyout", key, "-out", cert, ...names], {
    stdio: "ignore",
  });
  return { key, cert };
}
