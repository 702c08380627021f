// Writes schema/lists.schema.json, which editors know the file of lists by, from the schema that reads it.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { format } from "prettier";
import * as z from "zod/mini";

const root = fileURLToPath(new URL("..", import.meta.url));

export const SCHEMA_FILE = `${root}/schema/lists.schema.json`;

/** Where a variable stands, there may be anything. */
const VARIABLE = "\\$\\{";

/**
 * The JSON Schema as text, in draft 7: what all editors know.
 * @param {typeof import("../src/apply/file/schema.js")} schema
 */
export async function encodeSchema({ ListEntry, ListsFile, writtenAs }) {
  const { $schema, ...made } = z.toJSONSchema(ListsFile, {
    target: "draft-7",
    io: "input",
    override({ zodSchema, jsonSchema }) {
      const how = writtenAs.get(zodSchema);
      if (how !== undefined) Object.assign(jsonSchema, { type: undefined, ...writtenIn(how) });
      if (zodSchema === ListsFile) jsonSchema.patternProperties = { "^x-": {} };
      if (zodSchema === ListEntry) jsonSchema.oneOf = [{ required: ["sources"] }, { required: ["template"] }];
    },
  });
  const title = "Lists for tsmanifest apply";
  return format(JSON.stringify({ $schema, title, ...made }), { parser: "json", printWidth: 110 });
}

/** @param {import("../src/apply/file/schema.js").WrittenAs} how */
function writtenIn(how) {
  switch (how.type) {
    case "text":
      return { type: ["string", "number", "boolean"] };
    case "flag":
      return {
        pattern: undefined,
        anyOf: [{ type: "boolean" }, textLike("^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])$")],
      };
    case "count":
      return { anyOf: [{ type: "integer", minimum: 0, maximum: how.max }, textLike("^[0-9]{1,15}$")] };
    case "choice":
      return { enum: undefined, anyOf: [{ enum: how.values.flatMap(spellings) }, textLike()] };
  }
}

/** @param {string[]} patterns of what a text may be beside one with a variable in it */
function textLike(...patterns) {
  return { type: "string", pattern: [...patterns, VARIABLE].join("|") };
}

/**
 * A value as YAML has it without quotes, and as text.
 * @param {string} value
 */
function spellings(value) {
  /** @type {unknown} */
  const plain = /^(?:\d+|true|false)$/.test(value) ? JSON.parse(value) : value;
  return plain === value ? [value] : [plain, value];
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { outputFiles } = await build({
    entryPoints: [`${root}/src/apply/file/schema.ts`],
    bundle: true,
    format: "esm",
    platform: "node",
    write: false,
    logLevel: "warning",
  });
  const code = Buffer.from(outputFiles[0]?.contents ?? "").toString("base64");
  mkdirSync(dirname(SCHEMA_FILE), { recursive: true });
  /** @type {unknown} */
  const bundled = await import(`data:text/javascript;base64,${code}`);
  const schema = /** @type {typeof import("../src/apply/file/schema.js")} */ (bundled);
  writeFileSync(SCHEMA_FILE, await encodeSchema(schema));
}
