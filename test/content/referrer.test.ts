import { describe, expect, test } from "vitest";
import { referrerDescriptor, referrersTag } from "../../src/content/referrer.js";
import { parseManifest } from "../../src/oci/manifest.js";
import { OCI_INDEX, OCI_MANIFEST } from "../../src/oci/mediaTypes.js";

const subject = { mediaType: OCI_MANIFEST, digest: `sha256:${"a".repeat(64)}`, size: 2 };
const config = { mediaType: "application/vnd.example.config", digest: `sha256:${"b".repeat(64)}`, size: 2 };
const annotations = { "org.example.note": "kept" };

const described = (mediaType: string, body: object) =>
  referrerDescriptor(parseManifest(mediaType, Buffer.from(JSON.stringify({ schemaVersion: 2, ...body }))));

describe("what refers to a manifest is described", () => {
  test("by its own artifact type and all its annotations", () => {
    const body = { config, layers: [], subject, artifactType: "text/sbom", annotations };
    expect(described(OCI_MANIFEST, body)).toMatchObject({
      mediaType: OCI_MANIFEST,
      artifactType: "text/sbom",
      annotations,
    });
  });

  test("by the type of its config where it has no other", () => {
    expect(described(OCI_MANIFEST, { config, layers: [], subject }).artifactType).toBe(config.mediaType);
  });

  test("by no type where it is an index that has none", () => {
    expect(described(OCI_INDEX, { manifests: [], subject }).artifactType).toBe("");
  });
});

// The examples of the specification.
test.each([
  [`sha256:${"a".repeat(64)}`, `sha256-${"a".repeat(64)}`],
  [`sha512:${"a".repeat(128)}`, `sha512-${"a".repeat(64)}`],
  [
    "test+algorithm+using+algorithm+separators+and+lots+of+characters+to+excercise+overall+truncation:" +
      "alsoSome=InTheEncodedSectionToShowHyphenReplacementAndLotsAndLotsOfCharactersToExcerciseEncodedTruncation",
    "test-algorithm-using-algorithm-s-alsoSome-InTheEncodedSectionToShowHyphenReplacementAndLotsAndLot",
  ],
])("what refers to %s is listed under %s", (digest, tag) => {
  expect(referrersTag(digest)).toBe(tag);
});
