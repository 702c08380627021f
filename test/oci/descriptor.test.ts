import { describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { parseJson } from "../../src/go/json.js";
import { Descriptor, encodeDescriptor } from "../../src/oci/descriptor.js";

const DIGEST = `sha256:${"0".repeat(64)}`;
const withSize = (size: string): string => `{"mediaType":"a/b","digest":"${DIGEST}","size":${size}}`;
const read = (json: string): Descriptor => z.parse(Descriptor, parseJson(Buffer.from(json)));

describe("a descriptor's size", () => {
  it.each(["0", "-5", "9007199254740991", "9007199254740993", "9223372036854775807", "-9223372036854775808"])(
    "of %s is written as it was read",
    (size) => {
      expect(encodeDescriptor(read(withSize(size)))).toBe(withSize(size));
    },
  );

  it.each(["9223372036854775808", "-9223372036854775809", "1.5", "1e30", '"5"', "true"])(
    "of %s is refused, as by docker",
    (size) => {
      expect(() => read(withSize(size))).toThrow("should be a whole number of 64 bits");
    },
  );
});
