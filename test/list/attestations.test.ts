import { expect, test } from "vitest";
import { attestedDigest, inListOrder, isAttestation } from "../../src/list/attestations.js";
import { inIndex, attestationOf } from "../helpers/attestations.js";
import { entryOf } from "../helpers/entries.js";

const image = (seed: string) => inIndex("r.example/app:latest", entryOf("r.example/app:latest", { seed }));
const [first, second, third] = [image("1"), image("2"), image("3")];

test("an attestation is known by its annotations", () => {
  expect(isAttestation(attestationOf(first).descriptor)).toBe(true);
  expect(attestedDigest(attestationOf(first).descriptor)).toBe(first.descriptor.digest);
  expect(attestedDigest(first.descriptor)).toBeUndefined();
});

test("attestations come behind all images, in the order of theirs, one without an image last", () => {
  const orphan = attestationOf(image("gone"));
  const entries = [
    orphan,
    attestationOf(third),
    first,
    attestationOf(first),
    second,
    third,
    attestationOf(second),
  ];
  expect(inListOrder(entries)).toEqual([
    first,
    second,
    third,
    attestationOf(first),
    attestationOf(second),
    attestationOf(third),
    orphan,
  ]);
});

test("a list without attestations stays as it is", () => {
  const entries = [third, first];
  expect(inListOrder(entries)).toBe(entries);
});
