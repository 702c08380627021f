import { describe, expect, it } from "vitest";
import { fillTemplate, templateFault } from "../../../src/apply/file/template.js";

describe("the template of a list's images", () => {
  it("has a platform's parts filled in", () => {
    const values = { os: "linux", arch: "arm", variant: "v7" };
    expect(fillTemplate("app:1-{os}-{arch}{variant}-{arch}", values)).toBe("app:1-linux-armv7-arm");
  });

  it("has nothing for a variant that there is not", () => {
    expect(fillTemplate("app:{arch}{variant}", { os: "linux", arch: "amd64", variant: "" })).toBe(
      "app:amd64",
    );
  });

  it.each([
    ["app:{arch}", undefined],
    ["app:{arhc}", 'unknown placeholder "{arhc}": did you mean {arch}?'],
    ["app:{architecture}", 'unknown placeholder "{architecture}": did you mean {arch}?'],
    ["app:{OS}", 'unknown placeholder "{OS}": did you mean {os}?'],
    [
      "app:{os.version}",
      'unknown placeholder "{os.version}": the placeholders are {os}, {arch} and {variant}',
    ],
    ["app:{arch", "a brace that belongs to no placeholder: the placeholders are {os}, {arch} and {variant}"],
    [
      "app:{{arch}}",
      "a brace that belongs to no placeholder: the placeholders are {os}, {arch} and {variant}",
    ],
    ["app:1", "a template without placeholders: use some of {os}, {arch} and {variant}"],
  ])("of %s it says %s", (template, fault) => {
    expect(templateFault(template)).toBe(fault);
  });
});
