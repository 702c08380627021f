import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import * as library from "../../src/index.js";

/** What the library is called by, and what it throws, as the type checker knows it. */

const src = fileURLToPath(new URL("../../src", import.meta.url));
const entries = ["index.ts", "testing/index.ts"].map((file) => join(src, file));
const program = ts.createProgram({
  rootNames: entries,
  options: {
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.es2024.d.ts"],
    module: ts.ModuleKind.NodeNext,
    types: ["node"],
    strict: true,
  },
});
const checker = program.getTypeChecker();

const exportsOf = (file: string): ts.Symbol[] => {
  const source = program.getSourceFile(file);
  const symbol = source && checker.getSymbolAtLocation(source);
  return symbol === undefined ? [] : checker.getExportsOfModule(symbol);
};

/** What JavaScript, Node and browsers call by a name of their own. */
function globalNames(): Set<string> {
  const lib = ts.createSourceFile(
    "lib.dom.d.ts",
    ts.sys.readFile(join(dirname(ts.getDefaultLibFilePath({})), "lib.dom.d.ts")) ?? "",
    ts.ScriptTarget.ES2022,
  );
  const declared = lib.statements.flatMap((statement) =>
    ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement) ? [statement.name.text] : [],
  );
  return new Set([...Object.getOwnPropertyNames(globalThis), ...declared]);
}

describe("the names of the library", () => {
  it("are not those of JavaScript, Node or browsers", () => {
    const globals = globalNames();
    expect(globals.has("Blob") && globals.has("ReferenceError")).toBe(true);
    const hidden = entries
      .flatMap(exportsOf)
      .map(({ name }) => name)
      .filter((name) => globals.has(name));
    // A place where content lives, everywhere in this library; browsers have `window.location` of this type.
    expect([...new Set(hidden)]).toEqual(["Location"]);
  });

  it("have what they refer to: no type is used that a program cannot name", () => {
    const named = new Set(exportsOf(entries[0] ?? "").map((symbol) => declarationOf(symbol)));
    const missing = new Set<string>();
    for (const symbol of exportsOf(entries[0] ?? "")) {
      for (const used of referredTo(declarationOf(symbol))) {
        if (!named.has(used)) missing.add(nameOf(used));
      }
    }
    // What HostRates keeps for a host is between it and the clients.
    expect([...missing].sort()).toEqual(["HostRate (registry/retry/hostRate.ts)"]);
  });
});

function nameOf(node: ts.Declaration): string {
  const name = ts.getNameOfDeclaration(node);
  return `${name?.getText() ?? "?"} (${node.getSourceFile().fileName.slice(src.length + 1)})`;
}

function declarationOf(symbol: ts.Symbol): ts.Declaration | undefined {
  const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  return target.declarations?.[0];
}

/** The interfaces, types and classes of ours that stand in the signature of a declaration. */
function referredTo(declaration: ts.Declaration | undefined): ts.Declaration[] {
  const found: ts.Declaration[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isBlock(node) || isPrivate(node)) return;
    if (ts.isTypeReferenceNode(node)) {
      const symbol = checker.getSymbolAtLocation(node.typeName);
      const target = symbol && declarationOf(symbol);
      const isOurs = target?.getSourceFile().fileName.startsWith(src) === true && isExported(target);
      if (isOurs) found.push(target);
    }
    node.forEachChild(visit);
  };
  declaration?.forEachChild(visit);
  return found;
}

/** What a file keeps to itself, the type checker shows in full. */
function isExported(declaration: ts.Declaration): boolean {
  return (ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Export) !== 0;
}

function isPrivate(node: ts.Node): boolean {
  if (ts.isPropertyDeclaration(node) || ts.isMethodDeclaration(node))
    return ts.isPrivateIdentifier(node.name);
  // The value of a constant says less than its type.
  return ts.isVariableDeclaration(node) && node.type === undefined;
}

describe("what the library throws", () => {
  /**
   * Of all files that run with it: a plain Error says that this program has a fault, which nobody can provoke from outside;
   * or it is caught inside, where the name says so.
   */
  const PLAIN: readonly string[] = [
    "apply/listWork.ts: Error",
    "apply/pushOnto.ts: Error",
    "apply/registries.ts: Error",
    "apply/targets.ts: Error",
    "apply/wantedSources.ts: Error",
    "library/pushDraft.ts: Error",
    "registry/api.ts: Error",
    // Caught by the transport, which says how large it may be.
    "registry/http/connections.ts: TooLargeError",
    // TransportError is made of them.
    "registry/http/network.ts: ConnectionError",
    "registry/http/proxy.ts: ProxyError",
    "registry/http/socks5.ts: Error",
    // Caught where the copy was begun.
    "registry/transfer/ensureBlob.ts: NotNeededError",
  ];

  it("is a ManifestError with a code, but for what can only be a fault of ours", () => {
    const plain = program
      .getSourceFiles()
      .filter(({ fileName }) => fileName.startsWith(src) && !fileName.includes("/testing/"))
      .flatMap((source) => thrownIn(source));
    expect(plain.length).toBeGreaterThan(50);
    const others = plain.filter(({ isOurs }) => !isOurs).map(({ where }) => where);
    expect([...new Set(others)].sort()).toEqual([...PLAIN].sort());
  });

  it("has a class of its own for what is not there, which is one of all errors", () => {
    const error = new library.NotFoundError("BLOB_UNKNOWN", "x is not there", { subject: "x" });
    expect(error).toBeInstanceOf(library.ManifestError);
    expect(error).toMatchObject({
      name: "NotFoundError",
      code: "BLOB_UNKNOWN",
      subject: "x",
      mayBeHidden: false,
    });
  });
});

/** What a file throws by `throw new …`, and whether that is a ManifestError. */
function thrownIn(source: ts.SourceFile): { readonly where: string; readonly isOurs: boolean }[] {
  const found: { where: string; isOurs: boolean }[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isThrowStatement(node) && ts.isNewExpression(node.expression)) {
      const type = checker.getTypeAtLocation(node.expression);
      const file = source.fileName.slice(src.length + 1);
      found.push({
        where: `${file}: ${node.expression.expression.getText()}`,
        isOurs: isManifestError(type),
      });
    }
    node.forEachChild(visit);
  };
  visit(source);
  return found;
}

function isManifestError(type: ts.Type): boolean {
  if (type.symbol.name === "ManifestError") return true;
  return (type.isClass() ? checker.getBaseTypes(type) : []).some(isManifestError);
}
