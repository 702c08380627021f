import { describe, expect, test } from "vitest";
import { emptyDraft, type Draft } from "../../src/list/draft.js";
import { encodeList } from "../../src/list/encode.js";
import type { Entry } from "../../src/list/entry.js";
import { digestOf } from "../../src/oci/digest.js";
import { locationOf, type Location } from "../../src/oci/location.js";
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX } from "../../src/oci/mediaTypes.js";
import { parseReference } from "../../src/oci/reference.js";
import { accessesOf, childrenOf, plan, rootOf } from "../../src/push/plan.js";
import { createTestRegistry, type ImageOptions } from "../../src/testing/index.js";
import { entryOf } from "../helpers/scene.js";

const builder = createTestRegistry();

function entry(source: string, options: ImageOptions = {}): Entry {
  return entryOf(source, builder.putImage("any", options));
}

const TARGET = parseReference("reg.example/team/app:v1");
const draft = (...entries: readonly Entry[]): Draft => ({ ...emptyDraft(TARGET), entries });
const at = (name: string): Location => locationOf(parseReference(name));
const LAYOUT: Location = { kind: "layout", folder: "/work/out" };

describe("a plan", () => {
  test("is all that is going to be done, as data", () => {
    const image = builder.putImage("any", { os: "windows", foreignLayers: 1, layers: ["one"] });
    const list = draft(entryOf("reg.example/src/a:v1", image));
    const foreign = Buffer.from(`foreign layer 0 of {"architecture":"amd64","os":"windows"} `);
    const config = builder.blob("any", image.blobs[0] ?? "") ?? Buffer.alloc(0);
    const blob = (content: Buffer, isForeign = false): object => ({
      digest: digestOf(content),
      size: content.byteLength,
      foreign: isForeign,
      sources: [at("reg.example/src/a")],
      neededBy: [image.digest],
    });
    expect(plan(list)).toEqual({
      target: at("reg.example/team/app"),
      mountOnly: false,
      blobs: [blob(config), blob(foreign, true), blob(Buffer.from("one"))],
      manifests: [
        {
          manifest: expect.objectContaining({
            kind: "image",
            digest: image.digest,
            mediaType: DOCKER_MANIFEST,
            bytes: image.body,
          }) as unknown,
          role: "child",
          needs: [config, foreign, Buffer.from("one")].map(digestOf),
          tags: [],
          toleratesRefusal: true,
        },
        {
          manifest: expect.objectContaining({
            kind: "index",
            digest: encodeList(list).digest,
            mediaType: DOCKER_LIST,
          }) as unknown,
          role: "root",
          needs: [image.digest],
          tags: ["v1"],
          toleratesRefusal: false,
        },
      ],
    });
  });

  test("keeps the list's order, and leaves out what is in the target's repository already", () => {
    const entries = ["reg.example/src/b:v1", "reg.example/team/app:x", "reg.example/src/a:v1"].map(
      (source, index) => entry(source, { seed: String(index) }),
    );
    const planned = plan(draft(...entries));
    const digests = childrenOf(planned).map(({ manifest }) => manifest.digest);
    expect(digests).toEqual([entries[0]?.descriptor.digest, entries[2]?.descriptor.digest]);
    expect(rootOf(planned).manifest.children).toHaveLength(3);
  });

  test("has each blob and each manifest once, with all sources, all that can be mounted from before the others", () => {
    const [far, near, nearer] = ["other.example/a:v1", "reg.example/b:v1", "reg.example/c:v1"].map((source) =>
      entry(source, { layers: ["shared"] }),
    );
    const planned = plan(draft(far!, near!, nearer!), { anyRegistry: true });
    expect(planned.manifests).toHaveLength(2);
    expect(planned.blobs).toHaveLength(2);
    for (const { sources, neededBy } of planned.blobs) {
      expect(sources).toEqual([at("reg.example/b"), at("reg.example/c"), at("other.example/a")]);
      expect(neededBy).toEqual([far?.descriptor.digest]);
    }
  });

  test("says who must be able to do what, the target first, each repository once", () => {
    const entries = ["reg.example/b:v1", "reg.example/c:v1", "reg.example/b:v2"].map((source, index) =>
      entry(source, { seed: String(index) }),
    );
    expect(accessesOf(plan(draft(...entries)))).toEqual([
      { location: at("reg.example/team/app"), actions: ["pull", "push"] },
      { location: at("reg.example/b"), actions: ["pull"] },
      { location: at("reg.example/c"), actions: ["pull"] },
    ]);
  });

  test("puts the list under its digest where the target has no tag", () => {
    const name = parseReference(`reg.example/team/app@sha256:${"a".repeat(64)}`);
    const planned = plan({ ...emptyDraft(name), entries: [entry("reg.example/src/a:v1")] });
    expect(rootOf(planned).tags).toEqual([]);
  });

  test("can go elsewhere, under other tags; then what is in the list's own repository is copied, too", () => {
    const own = entry("reg.example/team/app:x", { layers: 1 });
    const planned = plan(draft(own), { target: LAYOUT, tags: ["a", "b"] });
    expect(planned.target).toEqual(LAYOUT);
    expect(planned.blobs.map(({ sources }) => sources)).toEqual([
      [at("reg.example/team/app")],
      [at("reg.example/team/app")],
    ]);
    expect(rootOf(planned).tags).toEqual(["a", "b"]);
    // A layout's readers look for nothing else, whatever the images are.
    expect(rootOf(planned).manifest.mediaType).toBe(OCI_INDEX);
  });

  test("makes an OCI index when the first image is OCI's", () => {
    const planned = plan(draft(entry("reg.example/a:v1", { kind: "oci" }), entry("reg.example/b:v1")));
    expect(rootOf(planned).manifest.mediaType).toBe(OCI_INDEX);
  });

  test.each([
    ["a list without entries", [], { code: "LIST_EMPTY", list: "reg.example/team/app:v1" }],
    [
      "an entry without architecture",
      [entry("reg.example/a:v1", { architecture: "" })],
      { code: "PLATFORM_MISSING", entry: "reg.example/a:v1" },
    ],
    [
      "another registry",
      [entry("other.example/a:v1")],
      {
        code: "OTHER_REGISTRY",
        entry: "other.example/a:v1",
        source: "other.example",
        target: "reg.example",
      },
    ],
    [
      "bytes that are not the entry's",
      [{ ...entry("reg.example/a:v1"), raw: Buffer.from("{}") }],
      { code: "DIGEST_MISMATCH", entry: "reg.example/a:v1" },
    ],
    [
      "an entry without a manifest",
      [{ ...entry("reg.example/a:v1"), manifest: undefined }],
      { code: "PAYLOAD_MISSING", entry: "reg.example/a:v1" },
    ],
  ])("is refused for %s", (_name, entries, fault) => {
    expect(() => plan(draft(...entries))).toThrow(
      expect.objectContaining({ code: fault.code, fault: expect.objectContaining(fault) as unknown }),
    );
  });

  test("takes other registries where that is allowed, and where the target is no registry", () => {
    expect(childrenOf(plan(draft(entry("other.example/a:v1")), { anyRegistry: true }))).toHaveLength(1);
    expect(childrenOf(plan(draft(entry("other.example/a:v1")), { target: LAYOUT }))).toHaveLength(1);
  });
});
