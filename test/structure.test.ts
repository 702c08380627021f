import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

/**
 * Which folder may import which: one way only, so that a concern can be read without what stands on it. Names without
 * a slash are files at the top of src/.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "errors.ts": [],
  "limit.ts": [],
  "context.ts": [],
  "version.ts": [],
  "csv.ts": [],
  "flags.ts": ["csv.ts", "errors.ts", "ui"],
  "help.ts": ["commands", "flags.ts", "version.ts"],
  manifest: ["errors.ts"],
  docker: ["context.ts", "errors.ts", "manifest"],
  store: ["errors.ts", "manifest"],
  registry: ["docker", "errors.ts", "limit.ts", "manifest"],
  push: ["errors.ts", "limit.ts", "manifest", "registry"],
  ui: ["context.ts", "errors.ts", "manifest", "push", "registry"],
  testing: ["errors.ts", "manifest"],
  commands: [
    "context.ts",
    "docker",
    "errors.ts",
    "flags.ts",
    "manifest",
    "push",
    "registry",
    "store",
    "ui",
    "version.ts",
  ],
  "cli.ts": ["commands", "context.ts", "errors.ts", "flags.ts", "help.ts", "ui", "version.ts"],
  "main.ts": ["cli.ts", "context.ts", "errors.ts"],
  "index.ts": ["docker", "errors.ts", "manifest", "push", "registry", "store"],
};

/** Packages and Node modules that only some folders may use. */
const ONLY_IN: Readonly<Record<string, readonly string[]>> = {
  undici: ["registry"],
  commander: ["help.ts"],
  ora: ["ui"],
  chalk: ["ui"],
};

/** What a manifest is made of needs no disk, no network, no clock. */
const PURE_IMPORTS = new Set(["node:buffer", "node:crypto", "zod/mini"]);

const root = fileURLToPath(new URL("../src", import.meta.url));

interface Import {
  readonly file: string;
  readonly from: string;
  readonly what: string;
}

function placeOf(path: string): string {
  return path.split("/")[0] ?? path;
}

const imports: Import[] = readdirSync(root, { recursive: true, encoding: "utf8" })
  .map((file) => file.replaceAll("\\", "/"))
  .filter((file) => file.endsWith(".ts"))
  .flatMap((file) => {
    const text = readFileSync(join(root, file), "utf8");
    const found = [
      ...text.matchAll(
        /^(?:import|export)\b[^;]*?from "([^"]+)";|\bimport\("([^"]+)"\)|^import "([^"]+)";/gms,
      ),
    ];
    return found.map((match) => ({
      file,
      from: placeOf(file),
      what: match[1] ?? match[2] ?? match[3] ?? "",
    }));
  });

const within = imports
  .filter(({ what }) => what.startsWith("."))
  .map((one) => {
    const target = relative(root, normalize(join(root, dirname(one.file), one.what))).replaceAll("\\", "/");
    return { ...one, to: placeOf(target.replace(/\.js$/, ".ts")) };
  });

describe("the structure of src", () => {
  it("has imports to look at", () => {
    expect(within.length).toBeGreaterThan(100);
  });

  it.each([...new Set(within.map(({ from }) => from))])("lets %s import only what it stands on", (from) => {
    const allowed = MAY_IMPORT[from];
    expect(allowed, `${from} has no row in this test`).toBeDefined();
    const forbidden = within.filter(
      (one) => one.from === from && one.to !== from && allowed?.includes(one.to) !== true,
    );
    expect(forbidden.map(({ file, what }) => `${file} imports ${what}`)).toEqual([]);
  });

  it("keeps each package where its concern is", () => {
    const forbidden = imports.filter(({ what, from }) => {
      const places = ONLY_IN[what.split("/")[0] ?? what];
      return places !== undefined && !places.includes(from);
    });
    expect(forbidden.map(({ file, what }) => `${file} imports ${what}`)).toEqual([]);
  });

  it("keeps manifest pure", () => {
    const impure = imports.filter(
      ({ from, what }) => from === "manifest" && !what.startsWith(".") && !PURE_IMPORTS.has(what),
    );
    expect(impure.map(({ file, what }) => `${file} imports ${what}`)).toEqual([]);
  });

  it("keeps store and registry strangers to each other", () => {
    const meeting = within.filter(
      ({ from, to }) => (from === "store" && to === "registry") || (from === "registry" && to === "store"),
    );
    expect(meeting).toEqual([]);
  });
});
