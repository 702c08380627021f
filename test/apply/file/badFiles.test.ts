import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { readLists } from "../../../src/apply/file/readLists.js";
import { faultsIn, linesOf, listFolder, listsOf, readText } from "./listFiles.js";

const GOOD = "sources: [b]";
const INDENT = "the indentation does not fit: what belongs together begins in the same column";
const COMMA = "a comma is missing before this; if it is part of a value, put the value into quotes";

describe("a bad file", () => {
  it("is told of all at once, in order, with the way out", async () => {
    const text = `version: 2
defalts: {}
lists:
  - target: ghcr.io/o/app:\${NOPE}
    souces: [a]
    tags: ["v 1", UPPER]
  - target: ghcr.io/O/app
    sources: []
    type: ocii
    expect: [linux/amd46]
  - target: ghcr.io/o/app:v2
    sources:
      - imgae: x
      - image: y:1
        platfrom: linux/amd64
      - [a]
      - from: x
        file: y
      - descriptor: { digest: sha256:12, sizee: 3 }
    retries: many
    strict: yes
    wait: 3 years
  -
`;
    expect(await faultsIn(text)).toEqual([
      '1:10: "2" is not allowed: write 1',
      '2:1: unknown key "defalts": did you mean defaults?',
      "4:13: the variable NOPE is not set: set it, or write ${NOPE:-default}",
      '5:5: unknown key "souces": did you mean sources?',
      '6:12: "v 1" is not a tag: a tag has only letters, digits and _ . -',
      '7:13: "ghcr.io/O/app": invalid reference format: repository name (O/app) must be lowercase: write it in lower-case letters',
      "8:14: there are no sources: write at least one",
      '9:11: "ocii" is not allowed: did you mean oci?',
      '10:14: "linux/amd46" is not a platform: did you mean linux/amd64?',
      '13:9: unknown key "imgae": did you mean image?',
      '15:9: unknown key "platfrom": did you mean platform?',
      "16:9: expected a text or a mapping, not a sequence: write one source after each dash",
      "18:9: file cannot be used together with the other keys here: write it as a source of its own",
      '19:42: unknown key "sizee": did you mean size?',
      '20:14: "many": write a whole number up to 100',
      '21:13: "yes": write true or false',
      '22:11: "3 years": not a time: write it as 30s or 2m',
      "23:3: nothing is there: write a mapping, or leave it out",
    ]);
  });

  it.each([
    ["nothing", "", ["there is nothing in it: a file of lists begins with version: 1"], " "],
    [
      "only comments",
      "# a\n---\n# b\n",
      ["there is nothing in it: a file of lists begins with version: 1"],
      " ",
    ],
  ])("has %s", async (_, text, faults, gap) => {
    expect(await faultsIn(text)).toEqual(faults.map((fault) => `${gap}${fault}`));
  });

  it.each([
    ["a text", "foo", "1:1: a file of lists is a mapping: it begins with version: 1"],
    ["a sequence", "- a", "1:1: a file of lists is a mapping: it begins with version: 1"],
    ["no version", "lists: [{target: a, sources: [b]}]", "1:1: version is missing: write version: 1"],
    ["no lists", "version: 1", "1:1: lists is missing: write lists: and each list after a dash below it"],
    ["empty lists", "version: 1\nlists: []", "2:8: there are no lists: write each after a dash"],
    [
      "lists that are nothing",
      "version: 1\nlists:\n",
      "2:7: nothing is there: write a sequence, or leave it out",
    ],
    [
      "lists that are a mapping",
      "version: 1\nlists: {a: b}",
      "2:8: expected a sequence, not a mapping: write each list after a dash",
    ],
    [
      "a list that is a text",
      "version: 1\nlists:\n- a",
      "3:3: expected a mapping, not a text: write it as target: registry.example/app:v1, with its sources: in a line of their own",
    ],
    [
      "a list that is a text, among lists that cannot be taken apart",
      "version: 1\nlists: &a\n- a",
      "3:3: expected a mapping, not a text: write it as target: registry.example/app:v1, with its sources: in a line of their own",
    ],
    [
      "tags that are one text",
      listsOf(`target: a\ntags: v1\n${GOOD}`),
      "4:11: expected a sequence, not a text: write it as [v1]",
    ],
    [
      "sources that are a mapping",
      listsOf("target: a\nsources: { image: b }"),
      "4:14: expected a sequence, not a mapping: write each source after a dash",
    ],
    [
      "a name that is a sequence",
      listsOf(`target: [a]\n${GOOD}`),
      "3:13: expected a text, not a sequence: write a single text, in quotes if it begins with [ or {",
    ],
    [
      "a type that is a sequence",
      listsOf(`target: a\n${GOOD}\ntype: [oci]`),
      "5:11: expected a text, not a sequence: write auto, docker or oci",
    ],
    [
      "a type that is nothing",
      listsOf(`target: a\n${GOOD}\ntype:`),
      "5:10: nothing is there: write auto, docker or oci",
    ],
    [
      "annotations in a sequence",
      listsOf(`target: a\n${GOOD}\nannotations: [a=b]`),
      "5:18: expected a mapping, not a sequence: write it as KEY: VALUE",
    ],
    [
      "expected platforms in a mapping",
      listsOf(`target: a\n${GOOD}\nexpect: { linux: amd64 }`),
      /^5:13: expected a text or a sequence, not a mapping: write it as \[linux\/amd64, linux\/arm64\]$/,
    ],
    [
      "tags that are none",
      listsOf(`target: a\ntags: [-x, .x, "v1 ", "v+1", "${"x".repeat(129)}"]\n${GOOD}`),
      [
        '4:12: "-x" is not a tag: it cannot begin with . or -',
        '4:16: ".x" is not a tag: it cannot begin with . or -',
        '4:20: "v1 " is not a tag: leave out the white space around it',
        '4:27: "v+1" is not a tag: a tag has only letters, digits and _ . -',
        expect.stringMatching(/^4:34: "x{64}…" is not a tag: a tag has at most 128 characters$/) as string,
      ],
    ],
    [
      "a key twice",
      "version: 1\nversion: 1\nlists: []",
      "2:1: version is here twice: leave it out, or the one in line 1",
    ],
    ["bytes", Buffer.from([0x76, 0x0a, 0xff, 0xfe]), "2:1: not a text in UTF-8: save it as UTF-8"],
    [
      "a tag of YAML",
      "version: !!int 1",
      "1:16: a tag of YAML (!), which is not taken here: leave it out; if it is text, put it into quotes",
    ],
    [
      "defaults of what each list must say",
      "version: 1\ndefaults: {target: a}\nlists: [{target: b, sources: [c]}]",
      /^2:12: unknown key "target": the keys are platforms, /,
    ],
    ["no images", listsOf("target: a"), "3:5: no images: write sources, or template and platforms"],
    [
      "no target",
      listsOf("sources: [a]"),
      "3:5: target is missing: write what the list is called as target: registry.example/app:v1",
    ],
    [
      "an image that is nothing",
      listsOf("target: a\nsources: ['']"),
      "4:15: an empty text: write a value, or leave it out",
    ],
    [
      "a digest for a name",
      listsOf(`target: a@sha256:${"a".repeat(64)}\n${GOOD}`),
      /^3:13: .* has a digest, and a list is named by a tag: write it as /,
    ],
    [
      "a scheme in a name",
      listsOf(`target: https://ghcr.io/a:1\n${GOOD}`),
      /^3:13: "https:\/\/ghcr.io\/a:1": invalid reference format: /,
    ],
    [
      "a digest that is cut",
      listsOf("target: a\nsources: ['sha256:12']"),
      /^4:15: "sha256:12": invalid checksum digest length/,
    ],
    [
      "sources beside a template",
      listsOf(`target: a\n${GOOD}\ntemplate: b:{os}\nplatforms: [amd64]`),
      "5:15: sources and template: choose one of them",
    ],
    [
      "a template without platforms",
      listsOf("target: a\ntemplate: b:{os}"),
      "4:15: a template needs platforms: write platforms: [linux/amd64, linux/arm64]",
    ],
    [
      "a template that cannot tell",
      listsOf("target: a\ntemplate: b:{os}\nplatforms: [linux/amd64, linux/arm64]"),
      /^4:15: linux\/amd64 and linux\/arm64 get the same image, "b:linux" \(written "b:\{os\}"\): use /,
    ],
    [
      "a template with a typo",
      listsOf("target: a\ntemplate: b:{arhc}\nplatforms: [amd64]"),
      '4:15: unknown placeholder "{arhc}": did you mean {arch}?',
    ],
    [
      "a template that makes no name",
      listsOf("target: a\ntemplate: B:{arch}\nplatforms: [amd64]"),
      /^4:15: "B:amd64" \(written "B:\{arch\}"\): invalid reference format/,
    ],
    [
      "a platform twice",
      listsOf(`target: a\n${GOOD}\nexpect: [linux/arm64, linux/arm64/v8]`),
      "5:27: linux/arm64 is here twice: leave one of them out",
    ],
    [
      "an alias in a platform's parts",
      listsOf("target: a\nsources: [{image: b, platform: {architecture: x86_64}}]"),
      '4:36: "linux/x86_64" is not in its normal form: write it as architecture: amd64',
    ],
    [
      "a variant without its letter",
      listsOf("target: a\nsources: [{image: b, platform: {architecture: arm, variant: 7}}]"),
      '4:36: "linux/arm/7" is not in its normal form: write it as variant: v7',
    ],
    [
      "a platform without architecture",
      listsOf("target: a\nsources: [{image: b, platform: {os: linux}}]"),
      "4:36: architecture is missing: write it as architecture: amd64",
    ],
    [
      "a file that is not there",
      listsOf("target: a\nsources: [{file: nope.json}]"),
      '4:22: "nope.json": no such file: name a file with a reference, a digest or a descriptor in it',
    ],
    [
      "a subject in docker's list",
      listsOf(`target: a\n${GOOD}\nsubject: b\ntype: docker`),
      "5:14: subject: docker's manifest list has no room for that: write type: oci",
    ],
    [
      "no media type",
      listsOf(`target: a\n${GOOD}\nartifactType: foo`),
      '5:19: "foo" is not a media type: write it as application/vnd.example.thing',
    ],
    [
      "annotations that are nothing",
      listsOf(`target: a\n${GOOD}\nannotations: {a: , b: [x], "": y}`),
      [
        "5:22: nothing is there: write a text, or leave it out",
        "5:27: expected a text, not a sequence: write a single text, in quotes if it begins with [ or {",
        "5:36: a key without a name: leave it out",
      ],
    ],
    [
      "a wait of less than no time",
      listsOf(`target: a\n${GOOD}\nwait: -1s`),
      '5:11: "-1s": a wait cannot be negative: write it as 30s or 2m',
    ],
    [
      "a wait without its unit",
      listsOf(`target: a\n${GOOD}\nwait: 10`),
      '5:11: "10": the unit is missing: write it as 30s or 2m',
    ],
    [
      "a key that can be none",
      listsOf(`target: a\n${GOOD}\n__proto__: {x: 1}`),
      "5:5: __proto__ cannot be a key: write another",
    ],
  ] as const)("has %s", async (_, text, faults) => {
    const found = await faultsIn(text);
    if (faults instanceof RegExp) expect(found).toEqual([expect.stringMatching(faults)]);
    else expect(found).toEqual(typeof faults === "string" ? [faults] : faults);
  });

  it.each([
    ["a tab before a dash", "version: 1\nlists:\n\t- target: a\n", "3:1: a tab cannot indent: use spaces"],
    [
      "a tab before a key",
      "version: 1\nlists:\n  - target: a\n\t  sources: [b]\n",
      "4:4: a tab cannot indent: use spaces",
    ],
    [
      "a bracket that is not closed",
      "version: 1\nlists:\n  - target: a\n    sources: [b\n",
      "4:14: the ] for this [ is missing, or is not indented far enough",
    ],
    [
      "a quote that is not closed",
      'version: 1\nlists:\n  - target: "a\n    sources: [b]\n  - target: c\n    sources: [d]\n',
      '3:13: the closing " of this text is missing',
    ],
    [
      "a quote in brackets that is not closed",
      "version: 1\nlists:\n  - target: a\n    sources: ['b', 'c]\n",
      "4:20: the closing ' of this text is missing",
    ],
    [
      "brackets in brackets, of which the outer one is not closed",
      "version: 1\nlists:\n  - target: a\n    sources: [[b], [c], d\n    strict: true\n",
      "4:14: the ] for this [ is missing, or is not indented far enough",
    ],
    [
      "braces in braces, of which the outer one is not closed",
      "version: 1\nlists:\n  - target: a\n    x: { a: { b: c }, d: { e: f }\n    strict: true\n",
      "4:8: the } for this { is missing, or is not indented far enough",
    ],
    ["a second colon", listsOf("target: a: b"), /^3:13: a second colon in one line/],
    [
      "a key without a colon",
      listsOf("target: a\nsources [b]\nstrict: true"),
      "4:5: a key must be on one line: a colon is missing here, or the next line is indented too far",
    ],
    [
      "a line that is not deep enough",
      "version: 1\nlists:\n  - target: a:1\n   sources: [b]\n",
      `4:4: ${INDENT}`,
    ],
    ["a line that is too deep", "version: 1\nlists:\n  - target: a:1\n     sources: [b]\n", `4:6: ${INDENT}`],
    [
      "a line that is too deep, after an empty one and a comment",
      "version: 1\nlists:\n  - target: a:1\n\n    # c\n     sources:\n       - b\n",
      `6:6: ${INDENT}`,
    ],
    [
      "a line that is too deep after a value in quotes",
      "version: 1\nlists:\n  - target: 'a'\n      sources: [b]\n",
      `4:7: ${INDENT}`,
    ],
    [
      "JSON without a comma in a list",
      '{"version": 1, "lists": [{"target": "a" "sources": ["b"]}]}',
      `1:41: ${COMMA}`,
    ],
    [
      "JSON without a comma between two lists",
      '{"version": 1,\n"lists": [{"target": "a", "sources": ["b"]}\n{"target": "c"}]}',
      `3:1: ${COMMA}`,
    ],
    ["JSON without a comma at the top", '{"version": "1"\n "lists": []}', `2:2: ${COMMA}`],
    [
      "JSON without a comma after a number",
      '{"version": 1 "lists": []}',
      "1:13: a comma is missing after this value; if it has a { or a colon in it, put the value into quotes",
    ],
    [
      "more after a value",
      listsOf("target: 'a'b"),
      "3:16: there is more text after the end of a value: put all of it into quotes",
    ],
    [
      "placeholders in brackets, without quotes",
      "version: 1\nlists: [{target: a, template: b:{os}, platforms: [linux/amd64]}]",
      /if it has a \{ or a colon in it, put the value into quotes/,
    ],
    ["a backquote", listsOf("target: `a`"), "3:13: a value cannot begin with `: put the value into quotes"],
    ["a bad escape", listsOf('target: "\\q"'), /invalid escape sequence \\q: double the backslash/],
  ])("has %s", async (_, text, fault) => {
    const [first, ...more] = await faultsIn(text);
    if (typeof fault === "string") expect(first).toBe(fault);
    else expect(first).toMatch(fault);
    expect(more).toEqual([]);
  });

  it("is told of in one line for each fault, whatever is quoted", async () => {
    const text = listsOf(
      'target: "oci-layout://a\\nb:v1"\nsources: [b]',
      'target: "oci-layout://a\\nb:v1"\nsources: ["oci-layout://\\n:::"]',
    );
    expect(await faultsIn(text)).toEqual([
      expect.stringMatching(/^5:13: /),
      expect.stringMatching(/^6:15: /),
    ]);
  });

  it("has a syntax fault in one list, and others in others", async () => {
    const lists = listsOf("target: [a\nsources: [b]", "target: B:1\nsources: [c]", "target: c\nsource: [d]");
    expect((await faultsIn(lists.replace("[a\n", "'a'b\n"))).map((line) => line.split(":")[0])).toEqual([
      "3",
      "5",
      "8",
    ]);
  });
});

describe("a value with variables", () => {
  const env = { TAG: "feature/foo", R: "abc", T: "ocii", NONE: "", BIG: "x".repeat(70), SECRET: "s3cret" };

  it.each([
    [
      "a name",
      "target: r.example/x:${TAG}\nsources: [b]",
      '3:13: "r.example/x:feature/foo" (written "r.example/x:${TAG}"): invalid reference format: a tag has no / in it',
    ],
    [
      "a name whose fault shows it",
      "target: docker.io/${N:-Team}/app\nsources: [b]",
      /^3:13: "docker.io\/Team\/app" \(written "docker.io\/\$\{N:-Team\}\/app"\): invalid reference format: repository name \(Team\/app\)/,
    ],
    [
      "a number",
      'target: a\nsources: [b]\nretries: "${R:-3}"',
      '5:14: "abc" (written "${R:-3}"): write a whole number up to 100',
    ],
    [
      "a choice",
      "target: a\nsources: [b]\ntype: ${T}",
      '5:11: "ocii" (written "${T}") is not allowed: did you mean oci?',
    ],
    [
      "a tag",
      "target: a\ntags: [v-${R}+]\nsources: [b]",
      '4:12: "v-abc+" (written "v-${R}+") is not a tag: a tag has only letters, digits and _ . -',
    ],
    [
      "a template",
      "target: a\ntemplate: b:${TAG}-{arch}\nplatforms: [linux/amd64]",
      '4:15: "b:feature/foo-amd64" (written "b:${TAG}-{arch}"): invalid reference format: what is behind the colon is no port, and a tag has no / in it',
    ],
    [
      "a platform among others",
      "target: a\nsources: [b]\nexpect: linux/amd64,${R}",
      /^5:13: "abc" is not a platform.* \(written "linux\/amd64,\$\{R\}"\): /,
    ],
    [
      "a time",
      "target: a\nsources: [b]\nwait: ${R}",
      '5:11: "abc" (written "${R}"): not a time: write it as 30s or 2m',
    ],
    [
      "an empty text",
      "target: a\nsources: [b, '${NONE:-}']",
      '4:18: an empty text (written "${NONE:-}"): write a value, or leave it out',
    ],
    [
      "a long text",
      "target: a\nsources: [b]\nartifactType: ${BIG}",
      /^5:19: "x{64}…" \(written "\$\{BIG\}"\) is not a media type/,
    ],
  ])("is shown as it was read and as it is written: %s", async (_, list, fault) => {
    const found = await faultsIn(listsOf(list), env);
    expect(found).toEqual([typeof fault === "string" ? fault : expect.stringMatching(fault)]);
  });

  it("is shown nowhere else: what an annotation became is in no message", async () => {
    const found = await faultsIn(
      listsOf(
        "target: a:b:c\nsources: [b]\nannotations: { x: '${SECRET}', y: ['${SECRET}'], '': '${SECRET}' }",
      ),
      env,
    );
    expect(found).toHaveLength(3);
    expect(found.join("\n")).not.toContain("s3cret");
  });
});

describe("folders of digests and metadata files that are not there", () => {
  it("are told with their own places, beside all other faults", async () => {
    const text = listsOf(
      "target: a\nsources:\n  - from: ./nope\n  - b\n  - from: ./${NOPE}\nstrict: yes",
      "target: c\nsources: [{ from: ${DIR} }]",
    );
    expect(await faultsIn(text, { DIR: "/nowhere/at/all" })).toEqual([
      '5:15: "./nope": no such file or folder: name a folder of files that are called by digests, or a file of docker buildx build --metadata-file',
      "7:15: the variable NOPE is not set: set it, or write ${NOPE:-default}",
      '8:13: "yes": write true or false',
      expect.stringMatching(/^10:23: "\/nowhere\/at\/all" \(written "\$\{DIR\}"\): no such file or folder: /),
    ]);
  });
});

describe("names that two lists would have", () => {
  it("are the same with Docker Hub's domain, with latest, and with variables filled in", async () => {
    const text = listsOf(
      "target: app\nsources: [b]",
      "target: docker.io/library/app:${V}\nsources: [b]",
      "target: x\ntags: [index.docker.io/app, y]\nsources: [b]",
      "target: x:y\nsources: [b]",
    );
    expect(await faultsIn(text, { V: "latest" })).toEqual([
      "5:13: docker.io/library/app:latest is also a name of the list at -:3:13: rename one of them",
      "8:12: docker.io/library/app:latest is also a name of the list at -:3:13: rename one of them",
      "10:13: docker.io/library/x:y is also a name of the list at -:8:33: rename one of them",
    ]);
  });

  it("are the same whatever way their registry is written", async () => {
    const text = listsOf(
      "target: ghcr.io/o/app:1\nsources: [b]",
      "target: GHCR.io/o/app:1\nsources: [b]",
      "target: x\ntags: ['ghcr.io:443/o/app:1', 'ghcr.io:444/o/app:1']\nsources: [b]",
      "target: registry-1.docker.io/library/x\ntags: ['docker.io:443/library/x']\nsources: [b]",
    );
    expect(await faultsIn(text)).toEqual([
      "5:13: GHCR.io/o/app:1 is also a name of the list at -:3:13: rename one of them",
      "8:12: ghcr.io:443/o/app:1 is also a name of the list at -:3:13: rename one of them",
      expect.stringMatching(/^10:13: .* is also a name of the list at -:7:13/),
      expect.stringMatching(/^11:12: .* is also a name of the list at -:7:13/),
    ]);
  });

  it("are told of one list, too", async () => {
    expect(await faultsIn(listsOf("target: app:v1\ntags: [v2, v1, v2]\nsources: [b]"))).toEqual([
      "4:16: docker.io/library/app:v1 is a name of this list already: leave it out",
      "4:20: docker.io/library/app:v2 is a name of this list already: leave it out",
    ]);
  });

  it("are the same layout by way of another path", async () => {
    const text = listsOf(
      "target: oci-layout://out:v1\nsources: [b]",
      "target: oci-layout:///work/x/../out:v1\nsources: [b]",
    );
    expect(await faultsIn(text)).toEqual([
      expect.stringMatching(/^5:13: .* is also a name of the list at -:3:13/),
    ]);
  });
});

describe("aliases", () => {
  it.each([
    [
      "a cycle of all lists",
      "version: 1\nlists: &a [ *a ]\n",
      "2:13: the alias *a contains itself: leave it out",
    ],
    [
      "a cycle in a list",
      listsOf("&l\ntarget: x\nsources: [*l]").replace("- &l\n   ", "- &l\n   "),
      /the alias \*l contains itself/,
    ],
    [
      "an alias of nothing",
      listsOf("target: x\nsources: *nope"),
      "4:14: the alias *nope has no anchor: write &nope before the value that it is to repeat",
    ],
    [
      "<< of no mapping",
      listsOf("<<: [a]\ntarget: x\nsources: [b]"),
      "3:5: << takes a mapping, or a sequence of mappings: write it as <<: *name",
    ],
  ])("%s is told with its place", async (_, text, fault) => {
    const found = await faultsIn(text);
    expect(found).toEqual([typeof fault === "string" ? fault : expect.stringMatching(fault)]);
  });

  it("that are a bomb are told before anything is made of it", async () => {
    const levels = "abcdefghij".split("");
    const lines = levels.map((name, at) => {
      const inner = at === 0 ? "x" : `*${levels[at - 1] ?? ""}`;
      return `x-${name}: &${name} [${Array.from({ length: 9 }, () => inner).join(",")}]`;
    });
    const start = performance.now();
    const found = await faultsIn(`${lines.join("\n")}\nversion: 1\nlists: []\n`);
    expect(found).toEqual([expect.stringMatching(/^6:\d+: its aliases make it larger than any list needs/)]);
    expect(performance.now() - start).toBeLessThan(2_000);
  });

  it("that are a bomb only in all lists together are told, too", async () => {
    const big = `[${Array.from({ length: 490 }, () => `[${"s,".repeat(499)}s]`).join(",")}]`;
    const lists = Array.from({ length: 6 }, (_, at) => `target: a${at}\nsources: [b]\nnote: *b`);
    const found = await faultsIn(`x-b: &b ${big}\n${listsOf(...lists)}`);
    expect(found.map((line) => line.replace(/: (?:there are|the keys are|write fewer).*/, ""))).toEqual([
      '6:5: unknown key "note"',
      '9:5: unknown key "note"',
      '12:5: unknown key "note"',
      '15:5: unknown key "note"',
      "18:11: the aliases up to here repeat more than any file needs",
    ]);
  });
});

describe("a file that is too much", () => {
  const { write } = listFolder();
  const nothing = { env: {}, stdin: () => Readable.from([]) };

  it("is one of 100 MB, of which no more is read than may be", async () => {
    const file = write("huge.yaml", Buffer.alloc(100_000_000, "a"));
    const lines = await linesOf(() => readLists([file], nothing));
    expect(lines).toEqual([
      `${file}: larger than 32 MiB: split it into several files, and pass each with -f`,
    ]);
  });

  it("is standard input without an end", async () => {
    let given = 0;
    function* endless(): Generator<Buffer> {
      for (;;) {
        given += 1024 * 1024;
        yield Buffer.alloc(1024 * 1024, "a");
      }
    }
    const lines = await linesOf(() => readLists(["-"], { env: {}, stdin: () => Readable.from(endless()) }));
    expect(lines).toEqual(["-: larger than 32 MiB: split it into several files, and pass each with -f"]);
    expect(given).toBeLessThan(64 * 1024 * 1024);
  });

  it.each([
    [
      "brackets in brackets",
      `version: 1\nlists: ${"[".repeat(100_000)}`,
      /^2:\d+: nested more than 64 deep: /,
    ],
    ["dashes behind dashes", "- ".repeat(100_000), /^1:\d+: nested more than 64 deep: /],
    [
      "more lists than anybody has",
      `version: 1\nlists:\n${"- a\n".repeat(100_001)}`,
      /^100003:1: more than 100000 lists: split/,
    ],
    ["more documents than anybody has", "--- a\n".repeat(10_002), /^\d+:1: more than 10000 documents: split/],
    [
      "one list of everything",
      `version: 1\nlists: &all\n${"- a\n".repeat(200_000)}`,
      /^\d+:\d+: too much for one list, or outside of the lists: split it up$/,
    ],
  ])("has %s", async (_, text, fault) => {
    expect(await faultsIn(text)).toEqual([expect.stringMatching(fault)]);
  });

  it("is told of a hundred times, and how many more there are", async () => {
    const lists = Array.from({ length: 250 }, (_, at) => `target: a${at}\nsources: [\${NOPE}]`);
    const found = await faultsIn(listsOf(...lists));
    expect(found).toHaveLength(101);
    expect(found.at(-1)).toBe("and 150 more");
  });

  it("has variables that make it so", async () => {
    const sources = Array.from({ length: 1_000 }, () => "${BIG}").join(", ");
    const found = await faultsIn(listsOf(`target: a\nannotations: {a: "${sources}"}\nsources: [b]`), {
      BIG: "x".repeat(100_000),
    });
    expect(found).toEqual(["4:22: with its variables filled in, the file is larger than 64 MiB"]);
  });
});

it("a value of a variable stays one text, whatever is in it", async () => {
  const [order] = await readText(listsOf("target: a\nannotations: { note: ${TRICK} }\nsources: [b]"), {
    TRICK: "1, x: 2 }\n  - target: evil # \"'",
  });
  expect(order!.order.annotations).toMatchObject([
    { key: "note", value: "1, x: 2 }\n  - target: evil # \"'" },
  ]);
});

it("variables may stand in brackets without quotes, and in place of numbers", async () => {
  const [order] = await readText(
    listsOf(
      "target: a\ntags: [${A}, b-${A:-x}]\nsources: [c:${A}]\nretries: ${N}\nstrict: ${S:-true}\ntype: ${T:-oci}",
    ),
    { A: "1", N: "7" },
  );
  expect(order).toMatchObject({ retries: 7, order: { strict: true, type: "oci" } });
  expect(order!.order.targets.map(({ tag }) => tag)).toEqual(["latest", "1", "b-1"]);
});
