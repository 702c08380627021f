import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { SCHEMA_FILE } from "../../../tools/schema.js";
import { keysOfFile, keysOfList } from "../../../src/apply/file/schema.js";
import { faultsIn, listFolder, listsOf, readText } from "./listFiles.js";

const page = readFileSync(fileURLToPath(new URL("../../../docs/apply.md", import.meta.url)), "utf8");
const examples = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text = ""]) => text);
const files = examples.filter((text) => /^(?:version|image):/m.test(text));
const validate = new Ajv({ allowUnionTypes: true }).compile(
  JSON.parse(readFileSync(SCHEMA_FILE, "utf8")) as object,
);

describe("docs/apply.md", () => {
  const { folder } = listFolder();
  mkdirSync(join(folder, "digests"));

  it("has examples, of which all but one are files of lists", () => {
    expect(files.length).toBeGreaterThanOrEqual(5);
    expect(examples.length - files.length).toBe(1);
  });

  it.each(files.map((text, at) => [at + 1, text] as const))(
    "has in example %i a file that can be read",
    async (_, text) => {
      const warnings: string[] = [];
      const onWarning = (warning: string): unknown => warnings.push(warning);
      const orders = await readText(text, { VERSION: "1.10" }, onWarning, folder);
      expect(orders.length).toBeGreaterThan(0);
      expect(warnings).toEqual([]);
    },
  );

  it.each(files.filter((text) => text.includes("version: 1")).map((text, at) => [at + 1, text] as const))(
    "has in example %i a file that editors take",
    (_, text) => {
      // Editors see a variable as nothing but text.
      const documents = parseAllDocuments(text.replace(/\$\{(\w+)[^}]*\}/g, "$1"), { merge: true });
      for (const document of documents) {
        expect(validate(document.toJS()), JSON.stringify(validate.errors)).toBe(true);
      }
    },
  );

  it("has a row for each key, and no other", () => {
    const rows = [...page.matchAll(/^\| `([a-zA-Z$]+)`/gm)].map(([, key = ""]) => key);
    const keys = [...keysOfFile([]), ...keysOfList([])];
    expect(new Set(rows)).toEqual(new Set(keys));
  });

  it("shows errors as they are", async () => {
    const shown = [...page.matchAll(/^lists\.yaml:\d+:\d+: (.*)$/gm)].map(([, message = ""]) => message);
    const found = [
      ...(await faultsIn(
        listsOf(
          "target: ghcr.io/example/app:v1\nsouces: [b]",
          "target: b:${VERSION}\nsources: [c]",
          "target: ghcr.io/example/app:v1\nsources: [c]",
        ),
      )),
      ...(await faultsIn("version: 1\nlists:\n\t- target: a\n")),
    ];
    const messages = found.map((line) => line.replace(/^\d+:\d+: /, "").replace("at -:", "at lists.yaml:"));
    expect(messages).toEqual(shown);
  });
});
