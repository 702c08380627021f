import { readdirSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";

/**
 * Which room may import which: one way only, so that a concern can be read without what stands on it. A room is a folder
 * of src/ (those of registry/ are rooms of their own); names with an extension are files at the top of src/.
 *
 *     main → cli → commands → apply → { push, list, store, registry, content, docker, ui } → { oci, go }
 *
 * `errors.ts` is the one file that everything may use: it imports nothing.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "errors.ts": [],
  "fileSystem.ts": ["errors.ts"],
  "homeFolder.ts": [],
  "filesAtOnce.ts": [],
  startup: ["homeFolder.ts", "memory"],
  "limit.ts": [],
  "nextTurn.ts": [],
  "signals.ts": [],
  "patience.ts": ["signals.ts"],
  "context.ts": [],
  "version.ts": [],
  go: ["errors.ts"],
  oci: ["errors.ts", "go"],
  list: ["errors.ts", "go", "oci"],
  content: ["errors.ts", "fileSystem.ts", "go", "limit.ts", "list", "oci", "signals.ts"],
  look: ["content", "errors.ts", "go", "limit.ts", "list", "oci", "patience.ts"],
  memory: [],
  push: ["content", "errors.ts", "go", "limit.ts", "list", "oci", "signals.ts"],
  store: ["errors.ts", "fileSystem.ts", "go", "list", "oci"],
  docker: ["errors.ts", "fileSystem.ts", "go", "memory", "registry/auth"],
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
    "signals.ts",
  ],
  "registry/http": ["errors.ts", "go", "nextTurn.ts", "oci", "signals.ts"],
  "registry/retry": ["errors.ts", "registry/http", "signals.ts"],
  "registry/auth": ["errors.ts", "go", "registry/http", "registry/retry"],
  "registry/transfer": ["content", "errors.ts", "limit.ts", "registry/http", "registry/retry", "signals.ts"],
  ui: [
    "content",
    "context.ts",
    "errors.ts",
    "go",
    "list",
    "look",
    "oci",
    "push",
    "registry",
    "registry/http",
  ],
  testing: ["errors.ts", "oci"],
  apply: [
    "content",
    "context.ts",
    "docker",
    "errors.ts",
    "fileSystem.ts",
    "go",
    "limit.ts",
    "list",
    "nextTurn.ts",
    "oci",
    "patience.ts",
    "push",
    "registry",
    "registry/http",
    "registry/retry",
    "signals.ts",
    "ui",
    "version.ts",
  ],
  commands: [
    "apply",
    "content",
    "context.ts",
    "docker",
    "errors.ts",
    "fileSystem.ts",
    "go",
    "list",
    "look",
    "memory",
    "oci",
    "push",
    "store",
    "ui",
  ],
  library: [
    "apply",
    "content",
    "docker",
    "errors.ts",
    "homeFolder.ts",
    "list",
    "look",
    "oci",
    "push",
    "registry",
    "ui",
    "version.ts",
  ],
  completion: ["commands", "context.ts", "go", "oci", "store", "ui"],
  "help.ts": ["commands", "go"],
  "cli.ts": ["commands", "completion", "context.ts", "errors.ts", "go", "help.ts", "ui", "version.ts"],
  "main.ts": ["cli.ts", "context.ts", "errors.ts", "homeFolder.ts"],
  action: ["cli.ts", "content", "context.ts", "errors.ts", "list", "oci", "ui"],
  "index.ts": [
    "content",
    "docker",
    "errors.ts",
    "library",
    "list",
    "look",
    "memory",
    "oci",
    "push",
    "registry",
    "registry/auth",
    "registry/http",
    "registry/retry",
    "store",
    "ui",
  ],
};

/** Packages and Node modules that only some rooms may use. */
const ONLY_IN: Readonly<Record<string, readonly string[]>> = {
  "@actions": ["action"],
  undici: ["registry/http"],
  commander: ["help.ts"],
  ora: ["ui"],
  "string-width": ["ui"],
  chalk: ["ui"],
  yaml: ["apply"],
  "node:child_process": ["docker"],
};

/** Rooms and files that compute and nothing else: no disk, no network, no clock, no chance. */
const PURE = [
  "go",
  "oci",
  "list",
  "look/configValues.ts",
  "look/contentDifference.ts",
  "look/predicateTypes.ts",
  "look/treeTotals.ts",
  "push/plan.ts",
  "push/requests.ts",
  "apply/shards.ts",
  "apply/file/variables.ts",
  "apply/file/template.ts",
  "apply/file/schema.ts",
  "action/annotations.ts",
  "action/commandLine.ts",
  "action/inputs.ts",
  "registry/retry/allowance.ts",
  "registry/retry/backoff.ts",
  "registry/retry/classify.ts",
  "registry/retry/line.ts",
  "registry/retry/tries.ts",
  "ui/terminal/capabilities.ts",
  "ui/terminal/rate.ts",
  "ui/terminal/words.ts",
  "ui/terminal/workState.ts",
];
const PURE_IMPORTS = new Set(["node:buffer", "node:crypto", "node:net", "zod/mini"]);
/** The names that they may use beside those of the language, of zod, and our own. */
const PURE_NAMES = new Set(["Buffer", "createHash", "isIPv4", "isUtf8", "undefined"]);

const root = fileURLToPath(new URL("../src", import.meta.url));

const program = ts.createProgram({
  rootNames: readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => join(root, file)),
  options: {
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.es2024.d.ts"],
    module: ts.ModuleKind.NodeNext,
    types: ["node"],
  },
});
const checker = program.getTypeChecker();

/** The files of src, by their paths there. */
const sources = new Map(
  program
    .getSourceFiles()
    .map((source) => [pathOf(source), source] as const)
    .filter(([file]) => !file.startsWith("..")),
);
const files = [...sources.keys()];

interface Import {
  readonly file: string;
  readonly from: string;
  readonly what: string;
  /** Of types only, which nothing is left of when the program runs. */
  readonly isOfTypes: boolean;
}

function pathOf({ fileName }: ts.SourceFile): string {
  return relative(root, fileName).replaceAll("\\", "/");
}

function placeOf(path: string): string {
  const [first = path, second = ""] = path.split("/");
  return first === "registry" && !second.endsWith(".ts") ? `${first}/${second}` : first;
}

const imports: Import[] = [...sources].flatMap(([file, source]) =>
  nodesIn(source).flatMap((node) => {
    const module = moduleNamedIn(node);
    if (module === undefined) return [];
    const what = ts.isStringLiteralLike(module) ? module.text : module.getText();
    return [{ file, from: placeOf(file), what, isOfTypes: isOfTypes(node) }];
  }),
);

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

  it("has a row for each room, and no other", () => {
    expect(Object.keys(MAY_IMPORT).sort()).toEqual([...new Set(files.map(placeOf))].sort());
  });

  it.each(Object.entries(MAY_IMPORT))("lets %s import only what it stands on", (from, allowed) => {
    const forbidden = within.filter(
      (one) => one.from === from && one.to !== from && !allowed.includes(one.to),
    );
    expect(forbidden.map(({ file, what }) => `${file} imports ${what}`)).toEqual([]);
  });

  it("allows no import that nobody makes", () => {
    const made = new Set(within.map(({ from, to }) => `${from} imports ${to}`));
    const allowed = Object.entries(MAY_IMPORT).flatMap(([from, all]) =>
      all.map((to) => `${from} imports ${to}`),
    );
    expect(allowed.filter((one) => !made.has(one))).toEqual([]);
  });

  it("keeps each package where its concern is", () => {
    const forbidden = imports.filter(({ what, from }) => {
      const places = ONLY_IN[what.split("/")[0] ?? what];
      return places !== undefined && !places.includes(from);
    });
    expect(forbidden.map(({ file, what }) => `${file} imports ${what}`)).toEqual([]);
  });

  it.each(PURE)("keeps %s pure, and what it stands on", (place) => {
    const inside = files.filter((file) => file === place || file.startsWith(`${place}/`));
    expect(inside).not.toEqual([]);
    expect(loadedBy(inside).flatMap(impuritiesOf)).toEqual([]);
  });

  it("sees what is not pure", () => {
    expect(impuritiesOf("main.ts")).toContain("main.ts uses process");
  });

  it("exports each name for one thing", () => {
    const isForTests = (file: string): boolean => file.startsWith("testing/");
    // What stands in for a module of Node's own has its names.
    const isStandIn = (file: string): boolean => file === "filesAtOnce.ts";
    expect(homonyms((file) => !isForTests(file) && !isStandIn(file))).toEqual([]);
    expect(homonyms(isForTests)).toEqual([]);
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

function nodesIn(node: ts.Node): ts.Node[] {
  const nodes: ts.Node[] = [];
  node.forEachChild((child) => {
    nodes.push(child, ...nodesIn(child));
  });
  return nodes;
}

/** What an `import`, an `export … from` or an `import()` imports. */
function moduleNamedIn(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier;
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return node.argument.literal;
  const isCall = ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword;
  return isCall ? node.arguments[0] : undefined;
}

function isOfTypes(node: ts.Node): boolean {
  if (ts.isImportDeclaration(node)) return node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
  return ts.isImportTypeNode(node) || (ts.isExportDeclaration(node) && node.isTypeOnly);
}

/** These files and all others of ours that run with them. */
function loadedBy(some: readonly string[]): string[] {
  const loaded = new Set(some);
  for (const file of loaded) {
    for (const one of within) if (one.file === file && !one.isOfTypes) loaded.add(one.path);
  }
  return [...loaded];
}

function impuritiesOf(file: string): string[] {
  const source = sources.get(file);
  if (source === undefined) return [`there is no ${file}`];
  const loaded = imports.filter((one) => one.file === file && !one.isOfTypes);
  return [
    ...loaded
      .filter(({ what }) => !what.startsWith(".") && !PURE_IMPORTS.has(what))
      .map(({ what }) => `${file} imports ${what}`),
    ...nodesIn(source)
      .filter((node) => ts.isIdentifier(node) && !isPure(node))
      .map((node) => `${file} uses ${node.getText()}`),
  ];
}

function isPure(name: ts.Identifier): boolean {
  if (isLabel(name)) return true;
  if (ts.isPartOfTypeNode(name) || ts.isPartOfTypeOnlyImportOrExportDeclaration(name)) return true;
  const symbol = meaningOf(name);
  if (PURE_NAMES.has(symbol?.name ?? name.text)) return true;
  const declaredIn = symbol?.declarations?.map((one) => one.getSourceFile()) ?? [];
  if (declaredIn.some((source) => sources.has(pathOf(source)))) return true;
  return (
    declaredIn.some(({ fileName }) => /\/lib\.es|\/node_modules\/zod\//.test(fileName)) &&
    !isClockOrChance(name)
  );
}

/** Does the name stand for a part of something else, which is looked at by itself? */
function isLabel(name: ts.Identifier): boolean {
  const { parent } = name;
  return (
    (ts.isPropertyAccessExpression(parent) && parent.name === name) ||
    (ts.isBindingElement(parent) && parent.propertyName === name) ||
    ts.isNamedTupleMember(parent)
  );
}

/** What a name stands for, wherever it was imported from. */
function meaningOf(name: ts.Identifier): ts.Symbol | undefined {
  const symbol = ts.isShorthandPropertyAssignment(name.parent)
    ? checker.getShorthandAssignmentValueSymbol(name.parent)
    : checker.getSymbolAtLocation(name);
  return symbol && targetOf(symbol);
}

function targetOf(symbol: ts.Symbol): ts.Symbol {
  return (symbol.flags & ts.SymbolFlags.Alias) === 0 ? symbol : checker.getAliasedSymbol(symbol);
}

/** What in the language is not pure: the `Date` of now, and `Math.random`. */
function isClockOrChance(name: ts.Identifier): boolean {
  const { text, parent } = name;
  const member = ts.isPropertyAccessExpression(parent) ? parent.name.text : undefined;
  if (text === "Math") return member === undefined || member === "random";
  const isOfGivenTime = ts.isNewExpression(parent) && parent.expression === name && parent.arguments?.length;
  return text === "Date" && !isOfGivenTime && member !== "UTC" && member !== "parse";
}

/** The names that more than one of these files declares and exports, as `name: a.ts, b.ts`. */
function homonyms(isAsked: (file: string) => boolean): string[] {
  const declaredIn = new Map<string, string[]>();
  for (const [file, source] of sources) {
    const module = isAsked(file) ? checker.getSymbolAtLocation(source) : undefined;
    for (const symbol of module ? checker.getExportsOfModule(module) : []) {
      const isItsOwn = targetOf(symbol).declarations?.some((one) => one.getSourceFile() === source);
      if (isItsOwn) declaredIn.set(symbol.name, [...(declaredIn.get(symbol.name) ?? []), file]);
    }
  }
  return [...declaredIn]
    .filter(([, some]) => some.length > 1)
    .map(([name, some]) => `${name}: ${some.sort().join(", ")}`)
    .sort();
}
