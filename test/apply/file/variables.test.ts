import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fillIn, isVariable, outsideVariables } from "../../../src/apply/file/variables.js";

const VALUES: Readonly<Record<string, string>> = { TAG: "v1", EMPTY: "", TRICK: '", x: ${TAG}\n- y' };

function fill(text: string): string | readonly string[] {
  const faults: string[] = [];
  const filled = fillIn(
    text,
    (name) => VALUES[name],
    (message) => faults.push(message),
  );
  return faults.length === 0 ? filled : faults;
}

describe("variables in texts", () => {
  it.each([
    ["app:${TAG}", "app:v1"],
    ["${TAG}-${TAG}", "v1-v1"],
    ["app:${NOPE:-dev}", "app:dev"],
    ["app:${EMPTY:-dev}", "app:dev"],
    ["app${EMPTY:-}", "app"],
    ["${TAG:-dev}", "v1"],
    ["${NOPE:-a:-b}", "a:-b"],
    ["$${TAG}", "${TAG}"],
    ["$$${TAG}", "$${TAG}"],
    ["$TAG $$ $(TAG) 5$", "$TAG $$ $(TAG) 5$"],
    ["{TAG}", "{TAG}"],
  ])("%s is %s", (text, filled) => {
    expect(fill(text)).toBe(filled);
  });

  it("takes a value as it is, whatever is in it", () => {
    expect(fill("<${TRICK}>")).toBe(`<${VALUES["TRICK"] ?? ""}>`);
  });

  it.each([
    ["${NOPE}", "the variable NOPE is not set: set it, or write ${NOPE:-default}"],
    ["${EMPTY}", "the variable EMPTY is set to nothing: set it, or write ${EMPTY:-default}"],
    ["${TAG", "the } of a variable is missing: write it as ${NAME}, and ${ itself as $${"],
    ["${}", "not a variable: write it as ${NAME} or ${NAME:-default}, and ${ itself as $${"],
    ["${A-x}", "not a variable: write it as ${NAME} or ${NAME:-default}, and ${ itself as $${"],
    ["${NOPE:-${TAG}}", "the default of ${NOPE} has a variable in it: write a default without variables"],
  ])("%s is refused", (text, fault) => {
    expect(fill(text)).toEqual([fault]);
  });

  it("tells of each that is missing", () => {
    expect(fill("${A}${B}")).toHaveLength(2);
  });

  it("leaves a text without ${ as it is", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(!text.includes("${"));
        expect(fill(text)).toBe(text);
      }),
    );
  });
});

describe("what is written outside of variables", () => {
  it.each([
    ["${REGISTRY}/app:v${N:-1}", "/app:v"],
    ["${NAME:-a/b:c}", ""],
    ["$${A/B}", "${A/B}"],
    ["$$${A}", "$${A}"],
    ["$${${A}", "${"],
    ["$A:{B}", "$A:{B}"],
  ])("of %s is %s", (text, outside) => {
    expect(outsideVariables(text)).toBe(outside);
  });

  it("is what a text becomes where its variables have no value", () => {
    const part = fc.constantFrom("a", "/", "$", "${", "$${", "}", "${A}", "${B:-}");
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const text = parts.join("");
        const faults: string[] = [];
        const filled = fillIn(
          text,
          () => undefined,
          (fault) => faults.push(fault),
        );
        fc.pre(faults.every((fault) => fault.includes(" is not set: ")));
        expect(outsideVariables(text)).toBe(filled);
      }),
    );
  });

  it("is nothing of a single variable", () => {
    expect(["${A}", "${A:-b/c}"].map(isVariable)).toEqual([true, true]);
    expect(["$${A}", "${A}${B}", "a${B}", "${A}b", "A"].map(isVariable)).not.toContain(true);
  });
});
