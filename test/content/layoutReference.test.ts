import { describe, expect, it } from "vitest";
import { isLayoutReference, parseLayoutReference } from "../../src/content/layoutReference.js";

const SHA256 = `sha256:${"a".repeat(64)}`;
const SHA512 = `sha512:${"0".repeat(128)}`;

/** What buildx 0.38.2 makes of it, too, unless it says otherwise. */
const READ: [input: string, as: object][] = [
  ["/path/to/layout", { folder: "/path/to/layout" }],
  ["/path/to/layout:1.3", { folder: "/path/to/layout", tag: "1.3" }],
  ["a:1.3", { folder: "a", tag: "1.3" }],
  ["../out:latest", { folder: "../out", tag: "latest" }],
  [`/path@${SHA256}`, { folder: "/path", digest: SHA256 }],
  [`/path:v1@${SHA256}`, { folder: "/path", tag: "v1", digest: SHA256 }],
  [`a@${SHA512}`, { folder: "a", digest: SHA512 }],
  [`/a/@/b@${SHA256}`, { folder: "/a/@/b", digest: SHA256 }],
  ["/a/@/b", { folder: "/a/@/b" }],
  ["me@home:v1", { folder: "me@home", tag: "v1" }],
  ["C:\\out", { folder: "C:\\out" }],
  ["C:/out", { folder: "C:/out" }],
  ["C:\\out:v1", { folder: "C:\\out", tag: "v1" }],
  [`C:\\out:v1@${SHA256}`, { folder: "C:\\out", tag: "v1", digest: SHA256 }],
  ["C:v1", { folder: "C", tag: "v1" }],
  ["a:b:v1", { folder: "a:b", tag: "v1" }],
  ["a%20b:v1", { folder: "a%20b", tag: "v1" }],
  // buildx takes `b/c` for the tag, and finds none.
  ["a:b/c", { folder: "a:b/c" }],
  ["a:b/", { folder: "a:b/" }],
];

const REFUSED: [input: string, message: RegExp][] = [
  ["oci-layout://", /the folder is missing/],
  ["oci-layout://:v1", /the folder is missing/],
  ["oci-layout://a\0b", /the folder is missing/],
  ["oci-layout://out:", /"" is not a tag/],
  ["oci-layout://out:a b", /"a b" is not a tag/],
  ["oci-layout://out:..", /".." is not a tag/],
  [`oci-layout://out:${"t".repeat(129)}`, /is not a tag/],
  ["oci-layout://out@sha256:48", /invalid checksum digest length/],
  ["oci-layout://out@sha256:../../x", /invalid checksum digest/],
  [`oci-layout://out@sha1:${"a".repeat(40)}`, /unsupported digest algorithm/],
  ["oci-layout:out", /does not begin with oci-layout:\/\//],
  ["OCI-layout://out", /does not begin with/],
];

describe("the reference of a layout", () => {
  it.each(READ)("%s is read", (input, as) => {
    expect(parseLayoutReference(`oci-layout://${input}`)).toEqual(as);
  });

  it.each(REFUSED)("%s is refused", (input, message) => {
    expect(() => parseLayoutReference(input)).toThrow(message);
    expect(() => parseLayoutReference(input)).toThrow(expect.objectContaining({ code: "INVALID_REFERENCE" }));
  });

  it("is told from that of a registry by its beginning", () => {
    expect(isLayoutReference("oci-layout://")).toBe(true);
    expect(isLayoutReference("registry.example/oci-layout:v1")).toBe(false);
  });
});
