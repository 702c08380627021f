import { expect } from "vitest";

/**
 * Secrets that tests give to the program in every form there is, and that must never come out again. Whoever captures
 * output passes it through `expectNoSecrets`.
 */
export const SECRETS = {
  password: "canary-password-5e1f",
  identityToken: "canary-identity-9b2c",
  registryToken: "canary-registry-77aa",
  bearerToken: "canary-bearer-c0de",
  helperSecret: "canary-helper-1234",
  proxyPassword: "canary-proxy-4321",
  urlPassword: "canary-url-8888",
  signature: "canary-signature-0f0f",
} as const;

/** Fails if a secret is in the text, as it is or in base64. */
export function expectNoSecrets(text: string): void {
  for (const secret of Object.values(SECRETS)) {
    expect(text).not.toContain(secret);
    // At any of the three offsets that base64 knows, without what depends on the neighbours.
    for (const before of ["", "x", "xx"]) {
      const encoded = Buffer.from(before + secret).toString("base64");
      expect(text).not.toContain(encoded.slice(before.length === 0 ? 0 : 4, -4));
    }
  }
}
