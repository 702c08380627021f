import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { commands } from "../../src/commands/index.js";
import type { Command, CommandOrGroup } from "../../src/commands/command.js";
import * as library from "../../src/index.js";
import { cli } from "../helpers/cli.js";

/** docs/outputs.md: its examples are what the schemas say, and its table is what the commands understand. */

const page = readFileSync(new URL("../../docs/outputs.md", import.meta.url), "utf8");

const SCHEMAS: Readonly<Record<string, z.ZodMiniType>> = {
  ApplyPlan: library.ApplyPlan,
  ApplyResult: library.ApplyResult,
  DifferenceResult: library.DifferenceResult,
  ErrorResult: library.ErrorResult,
  InspectResult: library.InspectResult,
  ListResult: library.ListResult,
  LsResult: library.LsResult,
  PlanReport: library.PlanReport,
  PushMetadata: library.PushMetadata,
  RemovalResult: library.RemovalResult,
  TreeResult: library.TreeResult,
};

/** Each example with the name of its schema before it. */
const examples = [...page.matchAll(/`(\w+)`\n\n```json\n([^]*?)\n```\n/g)].map(
  ([, name = "", json = ""]) => ({
    name,
    json,
  }),
);

describe("docs/outputs.md", () => {
  it("has an example of each document, and no other JSON", () => {
    expect(examples.map(({ name }) => name).sort()).toEqual(Object.keys(SCHEMAS));
    expect(page.split("```json")).toHaveLength(examples.length + 1);
  });

  it.each(examples)("has an example that is a $name, and nothing that it does not know", ({ name, json }) => {
    const value: unknown = JSON.parse(json);
    expect(z.parse(SCHEMAS[name] ?? z.never(), value)).toEqual(value);
  });

  it("names every member of every document", () => {
    const named = new Set([...page.matchAll(/["`]([\w.]+)["`]/g)].map(([, name]) => name));
    const members = Object.entries(SCHEMAS)
      // See docs/imagetools.md.
      .filter(([name]) => !["PlanReport", "ApplyPlan"].includes(name))
      .flatMap(([, schema]) => membersOf(z.toJSONSchema(schema)));
    expect(members.length).toBeGreaterThan(30);
    expect(members.filter((name) => !named.has(name))).toEqual([]);
  });

  const rows = [...page.matchAll(/^\| `([\w ]+)` *\|(.*)\|$/gm)].map(([, name = "", rest = ""]) => {
    const [, json = "", quiet = "", files = ""] = rest.split("|").map((cell) => cell.trim());
    return { name, json: json !== "", quiet: quiet !== "", files: files !== "" };
  });

  it("has a row for each command", async () => {
    const all = await allCommands(commands);
    expect(rows.map(({ name }) => name).sort()).toEqual(all.map(({ name }) => name).sort());
  });

  it.each(rows)(
    "has in the row of $name the flags that it understands",
    async ({ name, json, quiet, files }) => {
      const command = (await allCommands(commands)).find((one) => one.name === name);
      const { format, ...flags } = command?.flags ?? {};
      const hasJson = format?.kind === "string" && format.choices?.includes("json") === true;
      expect({
        json: hasJson,
        quiet: "quiet" in flags,
        files: "digestFile" in flags && "metadataFile" in flags,
      }).toEqual({ json, quiet, files });
    },
  );

  it.each(rows.filter(({ json }) => json))(
    "the help of $name has them too",
    async ({ name, quiet, files }) => {
      const { stdout } = await cli([...name.split(" "), "--help"]);
      expect(stdout).toMatch(/^ {6}--format <format> +\w.*(?:\n {20,}.*)*\bjson\b/m);
      if (quiet) expect(stdout).toMatch(/^ +(?:-q, )?--quiet +\w/m);
      if (files)
        expect(stdout).toMatch(/^ +--digest-file <file> +Write .*\n[^]*^ +--metadata-file <file> +Write /m);
    },
  );

  it("leads to headings that are there", () => {
    const anchors = [...page.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
      heading
        .toLowerCase()
        .replace(/[^\w -]/g, "")
        .replaceAll(" ", "-"),
    );
    const links = [...page.matchAll(/\]\(#([\w-]+)\)/g)].map(([, anchor = ""]) => anchor);
    expect(links.length).toBeGreaterThan(5);
    expect(links.filter((anchor) => !anchors.includes(anchor))).toEqual([]);
  });
});

async function allCommands(nodes: readonly CommandOrGroup[]): Promise<Command[]> {
  const found = await Promise.all(
    nodes.map(async (node) => {
      if (!("commands" in node)) return [await node.load()];
      return "isHidden" in node ? [] : allCommands(node.commands);
    }),
  );
  return found.flat();
}

/** The names of all members, however deep. */
function membersOf(schema: unknown): string[] {
  if (typeof schema !== "object" || schema === null) return [];
  const properties: unknown = "properties" in schema ? schema.properties : undefined;
  const names = typeof properties === "object" && properties !== null ? Object.keys(properties) : [];
  return [...names, ...Object.values(schema).flatMap(membersOf)].filter(
    (name) => !["properties", "items"].includes(name),
  );
}
