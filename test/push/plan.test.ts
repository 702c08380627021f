import { describe, expect, test } from "vitest";
import { digestOf } from "../../src/oci/digest.js";
import type { Entry } from "../../src/list/entry.js";
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX } from "../../src/oci/mediaTypes.js";
import { parseReference } from "../../src/oci/reference.js";
import { planPush } from "../../src/push/old/plan.js";
import { createTestRegistry, type ImageOptions } from "../../src/testing/index.js";
import { entryOf } from "../helpers/scene.js";

const builder = createTestRegistry();

function entry(source: string, options: ImageOptions = {}): Entry {
  return entryOf(source, builder.putImage("any", options));
}

const TARGET = parseReference("reg.example/team/app:v1");

describe("a plan", () => {
  test("is all that is going to be done, as data", () => {
    const image = builder.putImage("any", { os: "windows", foreignLayers: 1, layers: ["one"] });
    const source = parseReference("reg.example/src/a:v1");
    const plan = planPush(TARGET, [entryOf("reg.example/src/a:v1", image)]);
    const foreign = Buffer.from(`foreign layer 0 of {"architecture":"amd64","os":"windows"} `);
    const config = builder.blob("any", image.blobs[0] ?? "") ?? Buffer.alloc(0);
    const blob = (content: Buffer, isForeign = false): object => ({
      digest: digestOf(content),
      size: content.byteLength,
      foreign: isForeign,
      from: source,
    });
    expect(plan).toEqual({
      target: TARGET,
      children: [
        {
          ref: `reg.example/team/app@${image.digest}`,
          source,
          digest: image.digest,
          mediaType: DOCKER_MANIFEST,
          body: image.body,
          blobs: [blob(config), blob(foreign, true), blob(Buffer.from("one"))],
          toleratesRefusal: true,
        },
      ],
      list: {
        digest: digestOf(plan.list.body),
        mediaType: DOCKER_LIST,
        body: plan.list.body,
        reference: "v1",
      },
    });
  });

  test("keeps the list's order, and leaves out what is in the target's repository already", () => {
    const entries = ["reg.example/src/b:v1", "reg.example/team/app:x", "reg.example/src/a:v1"].map((source) =>
      entry(source),
    );
    const plan = planPush(TARGET, entries);
    expect(plan.children.map(({ source }) => source.path)).toEqual(["src/b", "src/a"]);
    expect(JSON.parse(plan.list.body.toString())).toHaveProperty("manifests.length", 3);
  });

  test("puts the list under its digest where the target has no tag", () => {
    const target = parseReference(`reg.example/team/app@sha256:${"a".repeat(64)}`);
    const plan = planPush(target, [entry("reg.example/src/a:v1")]);
    expect(plan.list.reference).toBe(plan.list.digest);
  });

  test("makes an OCI index when the first image is OCI's", () => {
    const plan = planPush(TARGET, [entry("reg.example/a:v1", { kind: "oci" }), entry("reg.example/b:v1")]);
    expect(plan.list.mediaType).toBe(OCI_INDEX);
  });

  test.each([
    ["a list without entries", [], "reg.example/team/app:v1 not found"],
    [
      "an entry without architecture",
      [entry("reg.example/a:v1", { architecture: "" })],
      "manifest reg.example/a:v1 must have an OS and Architecture to be pushed to a registry",
    ],
    [
      "another registry",
      [entry("other.example/a:v1")],
      "cannot use source images from a different registry than the target image: other.example != reg.example",
    ],
    [
      "bytes that are not the entry's",
      [{ ...entry("reg.example/a:v1"), raw: Buffer.from("{}") }],
      /^internal digest mismatch for reg\.example\/a:v1: expected sha256:\S+, got sha256:\S+$/,
    ],
  ])("is refused in docker's words for %s", (_name, entries, message) => {
    expect(() => planPush(TARGET, entries)).toThrow(message);
  });

  test("takes other registries where that is allowed", () => {
    expect(planPush(TARGET, [entry("other.example/a:v1")], true).children).toHaveLength(1);
  });
});
