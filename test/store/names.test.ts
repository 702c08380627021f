import fc from "fast-check";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { parseReference } from "../../src/oci/reference.js";
import { storeName } from "../../src/store/names.js";
import { referenceText } from "../helpers/generators/references.js";

const DIGEST = `sha256:${"0".repeat(64)}`;

describe("the name in the store", () => {
  it.each([
    ["a", "docker.io_library_a-latest"],
    ["127.0.0.1:5001/multi/app:v1", "127.0.0.1-5001_multi_app-v1"],
    ["[::1]:5000/a", "[--1]-5000_a-latest"],
    ["x.example/a/b_c:V1.0-rc_1", "x.example_a_b_c-V1.0-rc_1"],
    [`x.example/a@${DIGEST}`, `x.example_a@sha256-${"0".repeat(64)}`],
    [`x.example/a:t@${DIGEST}`, `x.example_a-t@sha256-${"0".repeat(64)}`],
    ["x.example/a__b---c.d", "x.example_a__b---c.d-latest"],
    ["LOCALHOST/a", "LOCALHOST_a-latest"],
  ])("of %s is %s", (reference, expected) => {
    expect(storeName(parseReference(reference))).toBe(expected);
  });

  it.each([
    ["x.example/a/b", "x.example/a_b"],
    ["x.example/a:1-b", "x.example/a-1:b"],
    ["x.example:80/a", "x.example-80/a"],
  ])("of %s is that of %s, too, as with docker", (one, other) => {
    expect(storeName(parseReference(one))).toBe(storeName(parseReference(other)));
  });

  it.each([
    { domain: "", path: ".." },
    { domain: "", path: "" },
    { domain: "", path: "..\\..\\x" },
    { domain: "..", path: "x" },
    { domain: "", path: "a\0b" },
  ])("is refused where a reference made by hand would lead elsewhere: %o", (reference) => {
    expect(() => storeName(reference)).toThrow("cannot be the name of a file");
  });

  it("never leaves the folder, on any system, and never begins with a dot", () => {
    fc.assert(
      fc.property(referenceText, (text) => {
        let name: string;
        try {
          name = storeName(parseReference(text));
        } catch {
          return;
        }
        expect(path.posix.dirname(path.posix.join("/store", name))).toBe("/store");
        expect(path.win32.dirname(path.win32.join("C:\\store", name))).toBe("C:\\store");
        // A drive, a stream or a wildcard of Windows, or one of our own folders.
        expect(name).not.toMatch(/[\\/:*?"<>|]|^\./);
      }),
    );
  });
});
