import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

/**
 * Which room may import which: one way only, so that a concern can be read without what stands on it. A room is a folder
 * of src/ (those of registry/ are rooms of their own); names with an extension are files at the top of src/.
 *
 *     main → cli → commands → { push, list, store, registry, content, docker, ui } → { oci, go }
 *
 * `errors.ts` is the one file that everything may use: it imports nothing.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "errors.ts": [],
  "fileSystem.ts": ["errors.ts"],
  "limit.ts": [],
  "context.ts": [],
  "version.ts": [],
  go: ["errors.ts"],
  oci: ["errors.ts", "go"],
  list: ["errors.ts", "go", "oci"],
  content: ["errors.ts", "fileSystem.ts", "go", "limit.ts", "list", "oci"],
  push: ["content", "errors.ts", "go", "limit.ts", "list", "oci"],
  store: ["content", "errors.ts", "fileSystem.ts", "go", "list", "oci"],
  docker: ["context.ts", "errors.ts", "go", "registry/auth"],
  registry: [
    "content",
    "errors.ts",
    "go",
    "limit.ts",
    "oci",
    "registry/auth",
    "registry/http",
    "registry/retry",
    "registry/transfer",
  ],
  "registry/http": ["errors.ts", "go", "limit.ts", "oci"],
  "registry/retry": ["errors.ts", "registry/http"],
  "registry/auth": ["errors.ts", "go", "registry/http"],
  "registry/transfer": [
    "content",
    "errors.ts",
    "limit.ts",
    "oci",
    "registry/auth",
    "registry/http",
    "registry/retry",
  ],
  ui: ["content", "context.ts", "errors.ts", "go", "list", "oci", "push", "registry", "registry/http"],
  testing: ["errors.ts", "go", "oci"],
  commands: [
    "content",
    "context.ts",
    "docker",
    "errors.ts",
    "go",
    "list",
    "oci",
    "push",
    "registry",
    "registry/http",
    "store",
    "ui",
    "version.ts",
  ],
  "help.ts": ["commands", "go", "version.ts"],
  "cli.ts": ["commands", "context.ts", "errors.ts", "go", "help.ts", "ui", "version.ts"],
  "main.ts": ["cli.ts", "context.ts", "errors.ts"],
  "index.ts": [
    "content",
    "docker",
    "errors.ts",
    "list",
    "oci",
    "push",
    "registry",
    "registry/auth",
    "registry/http",
    "store",
  ],
};

/** Packages and Node modules that only some rooms may use. */
const ONLY_IN: Readonly<Record<string, readonly string[]>> = {
  undici: ["registry/http"],
  commander: ["help.ts"],
  ora: ["ui"],
  chalk: ["ui"],
  "node:child_process": ["docker"],
};

/** Rooms that compute and nothing else: no disk, no network, no clock. */
const PURE_ROOMS = ["go", "oci", "list"];
const PURE_IMPORTS = new Set(["node:buffer", "node:crypto", "node:net", "zod/mini"]);

const root = fileURLToPath(new URL("../src", import.meta.url));

interface Import {
  readonly file: string;
  readonly from: string;
  readonly what: string;
}

function placeOf(path: string): string {
  const [first = path, second = ""] = path.split("/");
  return first === "registry" && !second.endsWith(".ts") ? `${first}/${second}` : first;
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
    const path = target.replace(/\.js$/, ".ts");
    return { ...one, path, to: placeOf(path) };
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

  it.each(PURE_ROOMS)("keeps %s pure", (room) => {
    const impure = imports.filter(
      ({ from, what }) => from === room && !what.startsWith(".") && !PURE_IMPORTS.has(what),
    );
    expect(impure.map(({ file, what }) => `${file} imports ${what}`)).toEqual([]);
  });

  it("has no two files that import each other, not even by way of others", () => {
    expect(cycles()).toEqual([]);
  });
});

/** Every way from a file back to itself, each once, as `a.ts → b.ts → a.ts`. */
function cycles(): string[] {
  const imported = new Map<string, string[]>();
  for (const { file, path } of within) imported.set(file, [...(imported.get(file) ?? []), path]);
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (file: string, way: readonly string[]): void => {
    const start = way.indexOf(file);
    if (start >= 0) {
      found.push([...way.slice(start), file].join(" → "));
      return;
    }
    if (done.has(file)) return;
    for (const next of imported.get(file) ?? []) visit(next, [...way, file]);
    done.add(file);
  };
  for (const file of imported.keys()) visit(file, []);
  return found;
}
