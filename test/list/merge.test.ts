import { describe, expect, it } from "vitest";
import { DEFAULT_SETTINGS, emptyDraft, type Annotations, type Draft } from "../../src/list/draft.js";
import { encodeList } from "../../src/list/encode.js";
import type { Entry } from "../../src/list/entry.js";
import { baseOf, isMergedIn, mergeDrafts, type Merged } from "../../src/list/merge.js";
import { parseReference } from "../../src/oci/reference.js";
import { entryOf } from "../helpers/entries.js";
import { attestationOf, inIndex } from "../helpers/attestations.js";

const LIST = parseReference("r.example/app:v1");

const image = (name: string, architecture: string): Entry =>
  inIndex("r.example/app:v1", entryOf("r.example/app:v1", { seed: name, architecture }));

const amd64 = image("amd64", "amd64");
const arm64 = image("arm64", "arm64");
const newArm64 = image("arm64, rebuilt", "arm64");
const s390x = image("s390x", "s390x");
const riscv64 = image("riscv64", "riscv64");

function annotated(entry: Entry, annotations: Annotations): Entry {
  return { ...entry, descriptor: { ...entry.descriptor, annotations } };
}

/** An image for one variant of arm, which may be the same for several. */
function forVariant(variant: string, more: Partial<Entry["descriptor"]> = {}): Entry {
  const platform = { ...amd64.descriptor.platform!, architecture: "arm", variant };
  return { ...amd64, descriptor: { ...amd64.descriptor, ...more, platform } };
}

interface Change {
  readonly mode?: "append" | "merge";
  readonly base: readonly Entry[];
  readonly ours: readonly Entry[];
  readonly theirs: readonly Entry[];
  /** The list's own: of the base, ours, theirs. */
  readonly annotations?: readonly [Annotations, Annotations, Annotations];
}

const draftOf = (entries: readonly Entry[], annotations: Annotations = {}): Draft => ({
  ...emptyDraft(LIST),
  entries,
  settings: { ...DEFAULT_SETTINGS, annotations },
});

function merge({ mode = "append", base, ours, theirs, annotations = [{}, {}, {}] }: Change): Merged {
  const [before, own, other] = annotations;
  return mergeDrafts(baseOf("sha256:0", mode, base, before), draftOf(ours, own), {
    entries: theirs,
    annotations: other,
  });
}

const mergedEntries = (change: Change): readonly Entry[] => merge(change).draft.entries;

describe("two changes of one list", () => {
  it("both add: what they have added comes first", () => {
    expect(mergedEntries({ base: [amd64], ours: [amd64, arm64], theirs: [amd64, s390x] })).toEqual([
      amd64,
      s390x,
      arm64,
    ]);
  });

  it("both add the same: it is there once", () => {
    const merged = merge({ base: [amd64], ours: [amd64, arm64], theirs: [amd64, arm64] });
    expect(merged.draft.entries).toEqual([amd64, arm64]);
    expect(merged.conflicts).toEqual([]);
  });

  it("both add an image for one platform: both are there where images are appended", () => {
    const change = { base: [amd64], ours: [amd64, newArm64], theirs: [amd64, arm64] };
    const { draft, conflicts } = merge(change);
    expect(draft.entries).toEqual([amd64, arm64, newArm64]);
    expect(conflicts).toEqual([]);
  });

  it("both add an image for one platform: ours is there where images are merged, and it is said", () => {
    const { draft, conflicts } = merge({
      mode: "merge",
      base: [amd64],
      ours: [amd64, newArm64],
      theirs: [amd64, arm64, attestationOf(arm64)],
    });
    expect(draft.entries).toEqual([amd64, newArm64]);
    expect(conflicts).toEqual(
      [arm64, attestationOf(arm64)].map(
        ({ descriptor: { digest } }) => `${digest}, which somebody else has put there meanwhile`,
      ),
    );
  });

  it("we have replaced an image, and they added another: the old one stays gone, and its attestation", () => {
    const old = [amd64, arm64, attestationOf(arm64)];
    const { draft, conflicts } = merge({
      mode: "merge",
      base: old,
      ours: [amd64, newArm64, attestationOf(newArm64)],
      theirs: [...old, s390x],
    });
    expect(draft.entries).toEqual([amd64, s390x, newArm64, attestationOf(newArm64)]);
    expect(conflicts).toEqual([]);
  });

  it("they have removed an image: it stays removed, and its attestation", () => {
    const base = [amd64, arm64, attestationOf(arm64)];
    expect(mergedEntries({ base, ours: [...base, s390x], theirs: [amd64] })).toEqual([amd64, s390x]);
  });

  it("we have removed an image: it is removed, whatever they added", () => {
    expect(mergedEntries({ base: [amd64, arm64], ours: [amd64], theirs: [amd64, arm64, s390x] })).toEqual([
      amd64,
      s390x,
    ]);
  });

  it("they have removed what we have annotated: it is there again", () => {
    const mine = annotated(arm64, { a: "b" });
    expect(mergedEntries({ base: [amd64, arm64], ours: [amd64, mine], theirs: [amd64] })).toEqual([
      amd64,
      mine,
    ]);
  });

  it.each([
    ["we", arm64, annotated(arm64, { a: "ours" }), arm64, "ours"],
    ["they", arm64, arm64, annotated(arm64, { a: "theirs" }), "theirs"],
  ])("%s say something of an entry: that stays", (_who, was, ours, theirs, value) => {
    const { draft, conflicts } = merge({ base: [was], ours: [ours, s390x], theirs: [theirs, amd64] });
    expect(draft.entries.map(({ descriptor }) => descriptor.annotations["a"])).toEqual([
      value,
      undefined,
      undefined,
    ]);
    expect(conflicts).toEqual([]);
  });

  it("both say something of an entry: ours counts, and it is said", () => {
    const [ours, theirs] = [annotated(arm64, { a: "ours" }), annotated(arm64, { a: "theirs" })];
    const { draft, conflicts } = merge({ base: [arm64], ours: [ours], theirs: [theirs] });
    expect(draft.entries).toEqual([ours]);
    expect(conflicts).toEqual([`what is said of ${arm64.descriptor.digest}`]);
  });

  it("one image for several platforms is several entries: each keeps what is said of it", () => {
    const [v6, v7] = [forVariant("v6"), forVariant("v7")];
    const mine = forVariant("v7", { annotations: { a: "b" } });
    const { draft, conflicts } = merge({ base: [v6, v7], ours: [v6, mine], theirs: [v6, v7, s390x] });
    expect(draft.entries).toEqual([v6, mine, s390x]);
    expect(conflicts).toEqual([]);
  });

  it("one of the platforms of an image is removed: the other stays", () => {
    const [v6, v7] = [forVariant("v6"), forVariant("v7")];
    expect(mergedEntries({ base: [v6, v7], ours: [v7], theirs: [v6, v7, s390x] })).toEqual([v7, s390x]);
    expect(mergedEntries({ base: [v6, v7], ours: [v6, v7, s390x], theirs: [v7] })).toEqual([v7, s390x]);
  });

  it("the list is gone: it is what we have added", () => {
    expect(mergedEntries({ base: [amd64], ours: [amd64, arm64], theirs: [] })).toEqual([arm64]);
  });

  it("say something of the list itself: each stays, and ours counts where both say it otherwise", () => {
    const { draft, conflicts } = merge({
      base: [amd64],
      ours: [amd64],
      theirs: [amd64],
      annotations: [
        { stays: "0", ours: "0", theirs: "0", both: "0", gone: "0" },
        { stays: "0", ours: "1", theirs: "0", both: "1", added: "1" },
        { stays: "0", ours: "0", theirs: "2", both: "2", gone: "0", other: "2" },
      ],
    });
    expect(draft.settings.annotations).toEqual({
      stays: "0",
      ours: "1",
      theirs: "2",
      both: "1",
      added: "1",
      other: "2",
    });
    expect(conflicts).toEqual(["the list's annotation both"]);
  });

  it("may say it by names that every object has", () => {
    const names = (value: string, ...all: string[]): Annotations =>
      Object.fromEntries(all.map((name) => [name, value]));
    const { draft, conflicts } = merge({
      base: [amd64],
      ours: [amd64],
      theirs: [amd64],
      annotations: [
        names("0", "constructor", "__proto__"),
        names("1", "toString"),
        names("0", "constructor", "__proto__"),
      ],
    });
    expect(Object.entries(draft.settings.annotations)).toEqual([["toString", "1"]]);
    expect(conflicts).toEqual([]);
  });
});

describe("what we have made of a list", () => {
  /** Is ours, made of the base, in a list that others have made since? */
  function isIn(
    { mode = "append", base, ours, theirs, annotations = [{}, {}, {}] }: Change,
    more: { readonly there?: readonly Entry[] } = {},
  ): boolean {
    const [before, own, other] = annotations;
    const draft = draftOf(ours, own);
    const put = { root: encodeList(draft), theirs: encodeList(draftOf(more.there ?? base, before)) };
    return isMergedIn(baseOf("sha256:0", mode, base, before), draft, put, encodeList(draftOf(theirs, other)));
  }

  it("is in one that has it all, and more", () => {
    const change = { base: [amd64], ours: [amd64, arm64], theirs: [amd64, arm64, s390x] };
    expect(isIn(change)).toBe(true);
  });

  it("is not in one that lacks what we have added", () => {
    expect(isIn({ base: [amd64], ours: [amd64, arm64], theirs: [amd64, s390x] })).toBe(false);
  });

  it("is in one in which somebody has replaced it since", () => {
    const change = { base: [amd64], ours: [amd64, arm64], theirs: [amd64, newArm64] };
    expect(isIn({ ...change, mode: "merge" })).toBe(true);
    expect(isIn({ ...change, mode: "append" })).toBe(false);
  });

  it("is not in one that has again what we had replaced, and somebody else had added before", () => {
    const change = { base: [amd64], ours: [amd64, newArm64], theirs: [amd64, arm64, s390x] };
    expect(isIn({ ...change, mode: "merge" }, { there: [amd64, arm64] })).toBe(false);
  });

  it("is not in one that has again what we have removed", () => {
    expect(isIn({ base: [amd64, arm64], ours: [amd64], theirs: [amd64, arm64, riscv64] })).toBe(false);
  });

  it("is not in one in which an entry or the list says again what it said before", () => {
    const mine = annotated(arm64, { a: "ours" });
    expect(isIn({ base: [arm64], ours: [mine], theirs: [arm64, amd64] })).toBe(false);
    const said = [{ a: "0" }, { a: "1" }, { a: "0" }] as const;
    expect(isIn({ base: [arm64], ours: [arm64], theirs: [arm64], annotations: said })).toBe(false);
  });

  it("is in one in which somebody has said something else since", () => {
    const mine = annotated(arm64, { a: "ours" });
    expect(isIn({ base: [arm64], ours: [mine], theirs: [annotated(arm64, { a: "theirs" })] })).toBe(true);
    const said = [{ a: "0" }, { a: "1" }, { a: "2" }] as const;
    expect(isIn({ base: [arm64], ours: [arm64], theirs: [arm64], annotations: said })).toBe(true);
  });
});
