import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { authFor } from "../../src/docker/auths.js";
import { parseDockerConfig } from "../../src/docker/config.js";
import { ManifestError } from "../../src/errors.js";
import { formatReference, parseCanonical, parseReference } from "../../src/oci/reference.js";
import { missingScopes, preferredChallenge, realmOf } from "../../src/registry/auth/challenge.js";
import { resolveLocation, closingUrl } from "../../src/registry/http/locations.js";
import { parseRetryAfter, retryAfterInText } from "../../src/registry/http/retryAfter.js";
import { parseChallenges } from "../../src/registry/http/wwwAuthenticate.js";
import { fuzz, FUZZ_TIMEOUT_MS } from "../helpers/fuzz.js";
import { challengeLines } from "../helpers/generators/challenges.js";
import { CANARY, dockerConfig } from "../helpers/generators/dockerConfigs.js";
import { location, requestUrl } from "../helpers/generators/locations.js";
import { referenceText } from "../helpers/generators/references.js";
import { retryAfter } from "../helpers/generators/retryAfters.js";

/** Runs something that may refuse its input, in words for people only. */
function refusable(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    expect(error.message).not.toContain(CANARY);
  }
}

describe("whatever comes", { timeout: FUZZ_TIMEOUT_MS }, () => {
  it("as a reference is read or refused; what was read reads the same again", () => {
    fuzz(referenceText, (text) => {
      refusable(() => {
        const reference = parseReference(text);
        expect(parseCanonical(formatReference(reference))).toEqual(reference);
        expect(parseReference(formatReference(reference))).toEqual(reference);
      });
      refusable(() => parseCanonical(text));
    });
  });

  it("as challenges is read", () => {
    fuzz(challengeLines, (lines) => {
      const challenges = parseChallenges(lines);
      const preferred = preferredChallenge(challenges);
      const realm = preferred && realmOf(preferred);
      if (realm !== undefined) expect(realm.protocol).toMatch(/^https?:$/);
      missingScopes(challenges);
    });
  });

  it("as config.json is read, and its secrets are in no message", () => {
    fuzz(dockerConfig, (text) => {
      const { config, faults } = parseDockerConfig(text);
      expect(faults.join("\n")).not.toContain(CANARY);
      for (const host of ["registry.example", "127.0.0.1:5000", "docker.io", "__proto__", "constructor"]) {
        authFor(config.auths, host);
        config.credHelpers.get(host);
      }
      expect(Object.keys(Object.prototype)).toEqual([]);
    });
  });

  it("as Location is resolved or refused, and never leaves http(s)", () => {
    fuzz(fc.tuple(location, requestUrl, fc.boolean()), ([text, url, allowPlainHttp]) => {
      refusable(() => {
        const resolved = resolveLocation(text, url, { allowPlainHttp });
        expect(resolved.url.protocol).toMatch(/^https?:$/);
        expect(resolved.url.username + resolved.url.password).toBe("");
        if (url.protocol === "https:" && !allowPlainHttp) expect(resolved.url.protocol).toBe("https:");
        expect(closingUrl(resolved.url, "sha256:0").search).toContain("digest=sha256%3A0");
      });
    });
  });

  it("as Retry-After is a bounded wait or none", () => {
    fuzz(fc.tuple(retryAfter, fc.nat({ max: 4e12 })), ([text, now]) => {
      for (const wait of [
        parseRetryAfter(text, now),
        retryAfterInText(text),
        retryAfterInText(`retry-after: ${text}`),
      ]) {
        if (wait === undefined) continue;
        expect(wait).toBeGreaterThanOrEqual(0);
        expect(Number.isFinite(wait)).toBe(true);
      }
    });
  });
});
