import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ManifestError } from "../../src/errors.js";
import {
  formatReference,
  parseCanonical,
  parseReference,
  repositoryName,
  withDigest,
  withTag,
} from "../../src/oci/reference.js";
import { referenceFault } from "../../src/oci/referenceFault.js";
import { referenceCases } from "../helpers/referenceCases.js";

const DIGEST = `sha256:${"a".repeat(64)}`;

/** docker's message, and what to do behind it. */
const refusal = (message: string, subject: string): ManifestError =>
  new ManifestError("INVALID_REFERENCE", message, { subject, hint: referenceFault(subject) });

describe("parseReference", () => {
  for (const { name, input, reference, error } of referenceCases) {
    it(`${error === undefined ? "reads" : "refuses"} ${name}`, () => {
      if (reference !== undefined) expect(formatReference(parseReference(input))).toBe(reference);
      else expect(() => parseReference(input)).toThrow(refusal(error ?? "", input));
    });
  }

  it("gives the parts", () => {
    expect(parseReference(`127.0.0.1:5001/multi/app:v1@${DIGEST}`)).toEqual({
      domain: "127.0.0.1:5001",
      path: "multi/app",
      tag: "v1",
      digest: DIGEST,
    });
  });

  it("leaves out what is not there", () => {
    expect(parseReference(`a@${DIGEST}`)).toStrictEqual({
      domain: "docker.io",
      path: "library/a",
      digest: DIGEST,
    });
  });

  it("reads its own output as the same reference", () => {
    const valid = referenceCases.flatMap(({ input, reference }) => (reference === undefined ? [] : [input]));
    for (const input of valid) {
      const once = parseReference(input);
      expect(parseReference(formatReference(once))).toEqual(once);
    }
    fc.assert(
      fc.property(
        fc.stringMatching(/^([a-zA-Z.:0-9_-]{1,8}\/)?[a-z0-9._/-]{1,8}(:[\w.-]{1,4})?$/),
        (input) => {
          let once;
          try {
            once = parseReference(input);
          } catch {
            return;
          }
          expect(parseReference(formatReference(once))).toEqual(once);
          expect(parseCanonical(formatReference(once))).toEqual(once);
        },
      ),
      { seed: 1, numRuns: 2000 },
    );
  });

  it.each([
    ["one component", "a".repeat(100_000)],
    ["separators", `a${"-".repeat(100_000)}`],
    ["components and separators", `${"a-".repeat(50_000)}!`],
    ["slashes", `a.b/${"a/".repeat(50_000)}`],
    ["a host of labels", `${"a.".repeat(50_000)}/a`],
    ["a host of hyphens", `a.${"-a".repeat(50_000)}_/b`],
    ["a tag", `a:${"t".repeat(100_000)}`],
    ["an algorithm", `a@${"a.".repeat(50_000)}:`],
    ["underscores", `${"a_".repeat(50_000)}A/a`],
  ])("refuses a very long name of %s at once", (_, input) => {
    const start = performance.now();
    expect(() => parseReference(input)).toThrow(ManifestError);
    expect(performance.now() - start).toBeLessThan(500);
  });
});

describe("parseCanonical", () => {
  it.each(["docker.io/library/a", "docker.io/library/a:t", `x.com/a:t@${DIGEST}`, "a_b.c/d"])(
    "reads %s",
    (input) => {
      expect(formatReference(parseCanonical(input))).toBe(input);
    },
  );

  it("adds no tag", () => {
    expect(parseCanonical("docker.io/library/a")).toStrictEqual({ domain: "docker.io", path: "library/a" });
  });

  it.each(["a", "library/a", "docker.io/a", "index.docker.io/library/a"])(
    "refuses the short form %s",
    (input) => {
      expect(() => parseCanonical(input)).toThrow(
        new ManifestError("INVALID_REFERENCE", "repository name must be canonical"),
      );
    },
  );

  it("refuses what is no reference for that reason", () => {
    expect(() => parseCanonical("")).toThrow(refusal("invalid reference format", ""));
  });
});

describe("a reference", () => {
  const reference = parseReference("a");

  it("names its repository", () => {
    expect(repositoryName(reference)).toBe("docker.io/library/a");
    expect(repositoryName(parseReference("a_b.c/d:t"))).toBe("a_b.c/d");
  });

  it("takes another digest and keeps its tag", () => {
    expect(formatReference(withDigest(reference, DIGEST))).toBe(`docker.io/library/a:latest@${DIGEST}`);
  });

  it("takes another tag and keeps its digest", () => {
    expect(formatReference(withTag(withDigest(reference, DIGEST), "t"))).toBe(
      `docker.io/library/a:t@${DIGEST}`,
    );
  });
});
