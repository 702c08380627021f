import { describe, expect, it } from "vitest";
import { addEntries, emptyDraft, findEntry, withEntries } from "../../src/list/draft.js";
import { isSameDraft } from "../../src/list/encode.js";
import type { Entry } from "../../src/list/entry.js";
import { parseReference } from "../../src/oci/reference.js";
import { entryOf } from "../helpers/entries.js";
import { attestationOf, inIndex } from "../helpers/attestations.js";

const LIST = parseReference("r.example/app:v1");
const names = ({ entries }: { entries: readonly Entry[] }): string[] =>
  entries.map(({ descriptor }) => descriptor.digest);

const amd64 = inIndex("r.example/app:latest", entryOf("r.example/app:latest", { seed: "amd64" }));
const arm64 = inIndex("r.example/app:latest", entryOf("r.example/app:latest", { seed: "arm64" }));
const rebuilt = inIndex("r.example/app:latest", entryOf("r.example/app:latest", { seed: "arm64, again" }));
const plain = entryOf("r.example/other:v1");

/** An image as its index has it for one variant of arm. */
function forVariant(variant: string): Entry {
  const platform = { ...amd64.descriptor.platform!, architecture: "arm", variant };
  return { ...amd64, descriptor: { ...amd64.descriptor, platform } };
}

describe("a draft", () => {
  it("keeps an entry that it has, since that may have been annotated", () => {
    const annotated = { ...plain, descriptor: { ...plain.descriptor, annotations: { a: "b" } } };
    const draft = { ...emptyDraft(LIST), entries: [annotated] };
    expect(addEntries(draft, [plain]).entries).toEqual([annotated]);
  });

  it("gets the bytes that an entry of an old docker version lacks", () => {
    const draft = { ...emptyDraft(LIST), entries: [{ ...plain, raw: undefined }] };
    expect(addEntries(draft, [plain]).entries).toEqual([plain]);
  });

  it("loses what an index that was rebuilt contributes no more, with its attestations", () => {
    const before = addEntries(emptyDraft(LIST), [
      amd64,
      arm64,
      plain,
      attestationOf(amd64),
      attestationOf(arm64),
    ]);
    const after = addEntries(before, [amd64, rebuilt, attestationOf(amd64), attestationOf(rebuilt)]);
    expect(new Set(names(after))).toEqual(
      new Set(names({ entries: [amd64, plain, rebuilt, attestationOf(amd64), attestationOf(rebuilt)] })),
    );
  });

  it("loses what an index contributed that has become an image", () => {
    const image = entryOf("r.example/app:latest", { seed: "now an image" });
    const before = addEntries(emptyDraft(LIST), [amd64, arm64, plain]);
    expect(addEntries(before, [image]).entries).toEqual([plain, image]);
  });

  it("loses an image that has become an index", () => {
    const image = entryOf("r.example/app:latest", { seed: "was an image" });
    const before = addEntries(emptyDraft(LIST), [image, plain]);
    expect(addEntries(before, [amd64, arm64]).entries).toEqual([plain, amd64, arm64]);
  });

  it("has one image for as many platforms as the index that was rebuilt says", () => {
    const v6 = forVariant("v6");
    const v7 = forVariant("v7");
    const one = addEntries(emptyDraft(LIST), [v6, plain]);
    const two = addEntries(one, [v6, v7]);
    expect(new Set(two.entries)).toEqual(new Set([v6, v7, plain]));
    expect(new Set(addEntries(two, [v7]).entries)).toEqual(new Set([v7, plain]));
  });

  it("keeps the platform that an image has from another source, and gets the others", () => {
    const other = { ...forVariant("v6"), origins: ["r.example/app:other"] };
    const draft = addEntries(emptyDraft(LIST), [other]);
    const both = { ...other, origins: ["r.example/app:other", "r.example/app:latest"] };
    expect(addEntries(draft, [forVariant("v6"), forVariant("v7")]).entries).toEqual([both, forVariant("v7")]);
  });

  it("keeps what another source contributes too, until that contributes it no more", () => {
    const fromB = (entry: Entry): Entry => ({ ...entry, origins: ["oci-layout:///b"] });
    const before = addEntries(emptyDraft(LIST), [amd64, arm64, fromB(arm64), plain]);
    expect(before.entries.map(({ origins }) => origins?.length)).toEqual([1, 2, undefined]);
    const withoutA = addEntries(before, [amd64]);
    expect(withoutA.entries).toEqual([amd64, fromB(arm64), plain]);
    expect(addEntries(withoutA, [fromB(rebuilt)]).entries).toEqual([amd64, plain, fromB(rebuilt)]);
  });

  it("keeps what was named itself, whatever an index says of it", () => {
    const named = { ...arm64, origins: undefined };
    const before = addEntries(addEntries(emptyDraft(LIST), [named]), [amd64, arm64]);
    expect(names(before)).toEqual(names({ entries: [named, amd64] }));
    expect(addEntries(before, [amd64]).entries).toEqual([named, amd64]);
  });

  it("keeps what other sources contributed", () => {
    const other = { ...rebuilt, origins: ["r.example/app:other"] };
    const draft = addEntries(emptyDraft(LIST), [other, plain]);
    expect(addEntries(draft, [amd64]).entries).toEqual([other, plain, amd64]);
  });

  it("has one image for two platforms twice, and what is equal to the byte once", () => {
    const twin = forVariant("v7");
    const draft = addEntries(emptyDraft(LIST), [amd64, twin, { ...amd64 }]);
    expect(draft.entries).toEqual([amd64, twin]);
    expect(findEntry(draft, amd64.ref)).toBe(amd64);
  });

  it("lets an attestation leave with its image, and only with its own", () => {
    const lost = attestationOf(rebuilt);
    const before = {
      ...emptyDraft(LIST),
      entries: [amd64, arm64, attestationOf(amd64), attestationOf(arm64), lost],
    };
    const after = withEntries(
      before,
      before.entries.filter((entry) => entry !== arm64),
    );
    expect(after.entries).toEqual([amd64, attestationOf(amd64), lost]);
  });

  it("is the same as another if both would be stored and pushed alike", () => {
    const draft = addEntries(emptyDraft(LIST), [amd64]);
    expect(isSameDraft(draft, addEntries(emptyDraft(LIST), [{ ...amd64 }]))).toBe(true);
    expect(isSameDraft(draft, addEntries(draft, [plain]))).toBe(false);
    const settings = { ...draft.settings, annotations: { a: "b" } };
    expect(isSameDraft(draft, { ...draft, settings })).toBe(false);
  });
});
