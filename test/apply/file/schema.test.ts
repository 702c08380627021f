import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { encodeSchema, SCHEMA_FILE } from "../../../tools/schema.js";
import * as schema from "../../../src/apply/file/schema.js";
import { faultsIn, listsOf } from "./listFiles.js";

const committed = readFileSync(SCHEMA_FILE, "utf8");
const validate = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(JSON.parse(committed) as object);

/** What is right and what is wrong, for editors and for us alike. */
const GOOD: readonly (readonly [string, string])[] = [
  ["the least", listsOf("target: a\nsources: [b]")],
  [
    "numbers and booleans where texts are meant",
    listsOf("target: a:1\ntags: [1.10, 2, true]\nsources: [b]\nannotations: { a: 1.5, b: true }"),
  ],
  [
    "variables in place of anything",
    listsOf(
      "target: a\nsources: [b]\nstrict: '${A:-true}'\nretries: '${A:-1}'\ntype: '${A:-oci}'\nverify: '${A:-blobs}'",
    ),
  ],
  [
    "numbers in quotes",
    listsOf("target: a\nsources: [b]\nretries: '3'\nstrict: 'false'").replace("version: 1", "version: '1'"),
  ],
  [
    "each kind of source",
    listsOf(
      `target: a\nsources:\n  - b\n  - { image: c, platform: linux/arm64, annotations: { d: e } }\n  - { image: c, platform: { architecture: 386, os.version: "1" } }\n  - { from: / }\n  - { descriptor: { digest: "sha256:${"a".repeat(64)}", size: 3 } }`,
    ),
  ],
  [
    "a template",
    listsOf("target: a\ntemplate: b:{arch}\nplatforms: [linux/amd64, { architecture: arm, variant: v7 }]"),
  ],
  [
    "all settings",
    listsOf(
      "target: a\nsources: [b]\nplatforms: amd64\nexpect: [amd64]\ntype: oci\nstrict: true\nattestations: drop\nreferrers: false\nsubject: c\nartifactType: a/b\nexisting: append\npreferIndex: true\nverify: true\nwait: 3s\nretries: 4",
    ),
  ],
  [
    "keys for anchors, and $schema",
    `$schema: x\nx-a: [1]\n${listsOf("target: a\nsources: [b]")}defaults: { retries: 2 }\n`,
  ],
];

const BAD: readonly (readonly [string, string])[] = [
  ["no version", "lists: [{ target: a, sources: [b] }]"],
  ["another version", "version: 2\nlists: [{ target: a, sources: [b] }]"],
  ["an unknown key", "version: 1\nlist: []\nlists: [{ target: a, sources: [b] }]"],
  ["an unknown key of a list", listsOf("target: a\nsources: [b]\nexpects: [c]")],
  ["an unknown key of defaults", `defaults: { target: a }\n${listsOf("target: a\nsources: [b]")}`],
  ["no target", listsOf("sources: [b]")],
  ["neither sources nor a template", listsOf("target: a")],
  ["both", listsOf("target: a\nsources: [b]\ntemplate: c:{os}\nplatforms: [amd64]")],
  ["no source", listsOf("target: a\nsources: []")],
  ["two things in one source", listsOf("target: a\nsources: [{ from: a, file: b }]")],
  ["a platform without architecture", listsOf("target: a\nsources: [{ image: a, platform: { os: linux } }]")],
  ["no true or false", listsOf("target: a\nsources: [b]\nstrict: sometimes")],
  ["no number", listsOf("target: a\nsources: [b]\nretries: many")],
  ["too large a number", listsOf("target: a\nsources: [b]\nretries: 101")],
  ["no such type", listsOf("target: a\nsources: [b]\ntype: ociv1")],
  ["annotations of annotations", listsOf("target: a\nsources: [b]\nannotations: { a: { b: c } }")],
  ["nothing for a value", listsOf("target: a\nsources: [b]\nexpect:")],
];

describe("the JSON Schema of the file of lists", () => {
  it("is the one that is made of the schema; `node tools/schema.js` writes it", async () => {
    expect(committed).toBe(await encodeSchema(schema));
  });

  it("says what each key means", () => {
    const { definitions, ...rest } = JSON.parse(committed) as {
      definitions?: unknown;
      properties: { lists: { items: { properties: Record<string, { description?: string }> } } };
    };
    expect(definitions).toBeUndefined();
    for (const [key, { description }] of Object.entries(rest.properties.lists.items.properties)) {
      expect(description, key).toMatch(/\.$|…$|[:)]/);
    }
  });

  it.each(GOOD)("takes %s, as we do", async (_, text) => {
    expect(validate(parse(text)), JSON.stringify(validate.errors)).toBe(true);
    expect(await faultsIn(text)).toEqual([]);
  });

  it.each(BAD)("refuses %s, as we do", async (_, text) => {
    expect(validate(parse(text))).toBe(false);
    expect(await faultsIn(text)).not.toEqual([]);
  });
});
