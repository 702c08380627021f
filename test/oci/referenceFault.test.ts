import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ManifestError } from "../../src/errors.js";
import { parseReference } from "../../src/oci/reference.js";
import { referenceFault } from "../../src/oci/referenceFault.js";
import { referenceCases } from "../helpers/referenceCases.js";

const HEX = "a".repeat(64);

function refusalOf(input: string): unknown {
  try {
    return parseReference(input);
  } catch (error) {
    return error;
  }
}

describe("a name that docker refuses", () => {
  it.each([
    ["", "the name is empty: was a variable not set?"],
    [" ", "the name is empty: was a variable not set?"],
    [":v1", "the name is empty: was a variable not set?"],
    ["https://registry.example/app:v1", "a name has no https:// in front"],
    ["docker://registry.example/app:v1", "a name has no docker:// in front"],
    ["registry.example/app:", "the tag is empty: was a variable not set?"],
    ["localhost:5000/app:", "the tag is empty: was a variable not set?"],
    ["registry.example//app:v1", "a part of the name is empty: was a variable not set?"],
    ["/app:v1", "a part of the name is empty: was a variable not set?"],
    ["registry.example/", "a part of the name is empty: was a variable not set?"],
    ["registry.example/app@", "the digest is empty: was a variable not set?"],
    ["registry.example/app@sha256:", "the digest is empty behind sha256: was a variable not set?"],
    ["registry.example/app@sha256:abc", "a digest has 64 digits behind sha256:, and this one 3"],
    [`registry.example/app@sha256:${HEX}a`, "a digest has 64 digits behind sha256:, and this one 65"],
    [`registry.example/app@sha256:${HEX.toUpperCase()}`, "the digits of a digest are 0 to 9 and a to f"],
    [`registry.example/app@${HEX}`, "a digest is written as sha256: and 64 digits, 0 to 9 and a to f"],
    [`registry.example/app@md5:${HEX}`, "a digest is written as sha256: and 64 digits, 0 to 9 and a to f"],
    ["registry.example/Team/app:v1", "write it in lower-case letters"],
    ["App", "write it in lower-case letters"],
    ["registry.example/app:v 1", "a name has no spaces or line ends in it"],
    ["registry.example/app:v1\n", "a name has no spaces or line ends in it"],
    ["registry.example/app:-v1", "a tag begins with a letter, a digit or _"],
    ["registry.example/app:v1+2", "a tag has only letters, digits, _, . and -"],
    [`registry.example/app:${"v".repeat(129)}`, "a tag has at most 128 characters, and this one 129"],
    ["registry.example/app:feature/foo", "a tag has no / in it"],
    ["app:feature/foo", "what is behind the colon is no port, and a tag has no / in it"],
    [HEX, "the ID of an image is no name: write it as NAME@sha256:…"],
    [`registry.example/${"a".repeat(256)}`, "the path of a name has at most 255 characters"],
    ["-", "a name has lower-case letters and digits with single . _ - between them, and / between its parts"],
  ])("%j: %s", (input, hint) => {
    expect(refusalOf(input)).toMatchObject({ code: "INVALID_REFERENCE", subject: input, hint });
  });

  it("keeps docker's message, and always has a line on what to do", () => {
    for (const { input, error } of referenceCases) {
      if (error === undefined) continue;
      const refusal = refusalOf(input);
      expect(refusal).toBeInstanceOf(ManifestError);
      expect(refusal).toMatchObject({ message: error, subject: input, hint: referenceFault(input) });
    }
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(referenceFault(text)).toMatch(/^[^\n]+$/);
      }),
      { seed: 1 },
    );
  });

  it("is judged in linear time", () => {
    const start = performance.now();
    for (const part of ["a", "/", ":", "@", "A", "a-", "sha256:", " "]) referenceFault(part.repeat(100_000));
    expect(performance.now() - start).toBeLessThan(500);
  });
});
