import { describe, expect, it } from "vitest";
import { indexAnnotations } from "../../src/action/annotations.js";

describe("annotations and labels of docker/metadata-action", () => {
  it("that are for manifests become the index's, and somebody is told", () => {
    const { flags, notices } = indexAnnotations(["manifest:a.title=App", "manifest:a.url=https://x?y=z"], []);
    expect(flags).toEqual(["index:a.title=App", "index:a.url=https://x?y=z"]);
    expect(notices).toHaveLength(1);
    expect(notices[0]).toMatch(
      /^annotations for manifest \(a\.title, a\.url\): .*DOCKER_METADATA_ANNOTATIONS_LEVELS: index/,
    );
  });

  it("that are for both are there once, and nobody is told", () => {
    const lines = ["manifest:a=1", "manifest:b=2", "index:a=1", "index:b=2"];
    expect(indexAnnotations(lines, [])).toEqual({ flags: ["index:a=1", "index:b=2"], notices: [] });
    expect(indexAnnotations(["manifest,index:a=1"], [])).toEqual({ flags: ["index:a=1"], notices: [] });
  });

  it("are the index's where they say nothing", () => {
    expect(indexAnnotations(["a.b=c"], [])).toEqual({ flags: ["index:a.b=c"], notices: [] });
  });

  it("go before labels, and those for the index before those for manifests", () => {
    const labels = ["a=label", "b=label", "c=label"];
    const { flags } = indexAnnotations(
      ["index:a=index", "manifest:a=manifest", "manifest:b=manifest"],
      labels,
    );
    expect(flags).toEqual(["index:a=index", "index:b=manifest", "index:c=label"]);
  });

  it("stay those of an entry, of all or for one platform", () => {
    const { flags, notices } = indexAnnotations(
      ["manifest-descriptor:a=1", "manifest-descriptor[linux/arm64]:b=2", "manifest[linux/arm/v7]:c=3"],
      [],
    );
    expect(flags).toEqual([
      "manifest-descriptor[linux/arm/v7]:c=3",
      "manifest-descriptor:a=1",
      "manifest-descriptor[linux/arm64]:b=2",
    ]);
    expect(notices).toEqual([]);
  });

  it("are left out where they describe the index itself, and somebody is told", () => {
    const { flags, notices } = indexAnnotations(["index-descriptor:a=1"], []);
    expect(flags).toEqual([]);
    expect(notices[0]).toMatch(/^annotations for index-descriptor \(a\): left out, /);
  });

  it("may have colons in their keys, and anything in their values", () => {
    const labels = ["a:b=c", "d=", 'e=this is a "good" example, 100% = | `all` <b>'];
    expect(indexAnnotations([], labels).flags).toEqual(labels.map((label) => `index:${label}`));
  });

  it.each([
    [["index:a"], [], /^input annotations: invalid annotation "index:a", expected key=value$/],
    [["indx:a=b"], [], /^input annotations: unknown annotation type "indx"$/],
    [["index:=b"], [], /^input annotations: .*its key is empty$/],
    [[], ["a"], /^input labels: "a" has no key$/],
    [[], ["=a"], /^input labels: "=a" has no key$/],
  ])("that cannot be read are quoted: %j %j", (annotations, labels, words) => {
    expect(() => indexAnnotations(annotations, labels)).toThrow(words);
  });
});
