import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPageSite, type PageSite } from "../helpers/pages/pageSite.js";
import { bundle, typeFaultsIn } from "../helpers/pages/programs.js";
import { buildProgram, type Program } from "../helpers/program.js";

/**
 * The examples in the comments of all that is exported: the type checker takes each, and they run, one after the other in one
 * process. Where a line ends in a comment that is JSON, its value has to be that.
 */

const src = fileURLToPath(new URL("../../src", import.meta.url));
const entries = { tsmanifest: join(src, "index.ts"), "tsmanifest/testing": join(src, "testing/index.ts") };

const program = ts.createProgram({
  rootNames: Object.values(entries),
  options: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.NodeNext, strict: true },
});
const checker = program.getTypeChecker();

interface Exported {
  readonly name: string;
  readonly from: string;
  readonly isType: boolean;
  readonly isCallable: boolean;
  readonly isError: boolean;
  readonly says: string;
  readonly examples: readonly string[];
}

const exported: Exported[] = Object.entries(entries).flatMap(([from, file]) => {
  const source = program.getSourceFile(file);
  const module = source && checker.getSymbolAtLocation(source);
  if (module === undefined) return [];
  return checker.getExportsOfModule(module).map((symbol): Exported => {
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    const tags = target.getJsDocTags(checker).filter(({ name }) => name === "example");
    return {
      name: symbol.name,
      from,
      isType: (target.flags & ts.SymbolFlags.Value) === 0 || isExportedAsType(symbol),
      isCallable: (target.flags & (ts.SymbolFlags.Function | ts.SymbolFlags.Class)) !== 0,
      isError: symbol.name.endsWith("Error"),
      says: ts.displayPartsToString(target.getDocumentationComment(checker)),
      examples: tags.map(({ text }) => ts.displayPartsToString(text)),
    };
  });
});

function isExportedAsType({ declarations = [] }: ts.Symbol): boolean {
  return declarations.some(
    (one) => ts.isExportSpecifier(one) && (one.isTypeOnly || one.parent.parent.isTypeOnly),
  );
}

/** What examples may use without saying where it comes from. */
const AROUND = `
await using connection = connect();
const repository = await connection.repository("registry.example/app", { push: true });
const index = await repository.get("v1");
const { digest } = index;
const draft = await createDraft("registry.example/app:v1", ["registry.example/app:v1-amd64", "registry.example/app:v1-arm64"]);
await copy("registry.example/app:v1", "oci-layout://out:v1");
const elsewhere: Location = { kind: "layout", folder: process.cwd() + "/elsewhere" };
const target = locationOf(draft.name);
await using one_ = await createRegistry({ domain: draft.name.domain });
const open = (location: Location): Repository =>
  location.kind === "layout"
    ? openLayout(location.folder)
    : one_.session({ access: [{ path: location.path, actions: ["pull", "push"] }] }).repository(location.path);
const planned = plan(draft);
const { blobs, manifests } = planned;
const root = rootOf(planned).manifest;
const items: PlanItem[] = [];
const base = baseOf(index.digest, "append", draft.entries, index.annotations);
const ours = draft;
const theirs = { entries: draft.entries, annotations: {} };
const [amd64, arm64] = await Promise.all(["v1-amd64", "v1-arm64"].map(async (tag) => {
  const { mediaType, digest: own, bytes } = await repository.get(tag);
  return { ...descriptor(mediaType, own, bytes.byteLength), descriptor: descriptor(mediaType, own, bytes.byteLength), bytes };
}));
if (amd64 === undefined || arm64 === undefined) throw new Error("no images");
const credentials = async (): Promise<undefined> => undefined;
`;

const imports = [
  ...Object.keys(entries).map((from) => {
    const names = exported
      .filter((one) => one.from === from)
      // Both call something of theirs so.
      .filter(({ name }) => from === "tsmanifest" || !["Descriptor", "ListOptions"].includes(name))
      .map(({ name, isType }) => `${isType ? "type " : ""}${name}`);
    return `import { ${names.join(", ")} } from "${from}";`;
  }),
  'import { createServer } from "node:http";',
  'import { isDeepStrictEqual } from "node:util";',
].join("\n");

/** A line whose value is told by a comment. */
const TOLD = /^(?!(?:const|if|for|await using) )(.+); \/\/ (.+)$/gm;

function withValues(example: string): string {
  return example.replace(TOLD, (line, value: string, told: string) => {
    try {
      return `same(${value}, ${JSON.stringify(JSON.parse(told))}, ${JSON.stringify(line)});`;
    } catch {
      return line;
    }
  });
}

const examples = exported.flatMap(({ name, examples: own }) =>
  own.map((text, index) => [`${name}${index === 0 ? "" : ` ${index + 1}`}`, text] as const),
);

const SLOW = { timeout: 180_000 };

describe("the comments of all that is exported", () => {
  it("say what it is", () => {
    expect(exported.filter(({ says }) => says === "").map(({ name }) => name)).toEqual([]);
  });

  it("have an example for each function and class but for errors", () => {
    const without = exported.filter((one) => one.isCallable && !one.isError && one.examples.length === 0);
    expect(without.map(({ name }) => name)).toEqual([]);
  });

  it("have examples that the type checker takes", SLOW, () => {
    const programs = examples.map(
      ([name, text]) => [name, `${imports}\n${AROUND}\n{\n${text}\n}\n`] as const,
    );
    expect(typeFaultsIn(new Map(programs))).toEqual([]);
  });
});

describe("the examples", () => {
  let tsmanifest: Program;
  let site: PageSite;
  beforeAll(async () => {
    tsmanifest = await buildProgram();
    site = openPageSite(tsmanifest.file);
    const both = ["v1-amd64", "v1-arm64"];
    for (const tag of [...both, "v2-amd64"]) await site.image(`registry.example/app:${tag}`, { kind: "oci" });
    for (const [tag, sources] of Object.entries({ v1: both, v2: ["v2-amd64"] })) {
      const command = [
        "create",
        "-t",
        `registry.example/app:${tag}`,
        ...sources.map((one) => `registry.example/app:${one}`),
      ];
      await site.run(["sh", "-c", await site.here(`tsmanifest imagetools ${command.join(" ")}`)]);
    }
    const { digest } =
      (await site.registry("registry.example")).manifest("app", "v1-amd64") ?? expect.unreachable();
    site.write(`digests/${digest.replace("sha256:", "")}`, "");
  });
  afterAll(async () => {
    await site.close();
    tsmanifest.remove();
  });

  it("run, and give what they say", SLOW, async () => {
    const blocks = examples.map(
      ([name, text]) => `await run(${JSON.stringify(name)}, async () => {\n${withValues(text)}\n});`,
    );
    const text = `${imports}
${AROUND}
const failures: string[] = [];
function same(found: unknown, told: unknown, line: string): void {
  if (!isDeepStrictEqual(JSON.parse(JSON.stringify(found)), told)) throw new Error(line + " is " + JSON.stringify(found));
}
async function run(name: string, example: () => Promise<void>): Promise<void> {
  await example().catch((error: unknown) => failures.push(name + ": " + String(error)));
}
${blocks.join("\n")}
if (failures.length > 0) console.error(failures.join("\\n"));
process.exitCode = failures.length > 0 ? 1 : 0;
`;
    const file = join(site.folder, "examples.mjs");
    // What docker calls its own registry stays; none of the examples asks it.
    const here = await site.here(text.replaceAll("docker.io", "docker_io"));
    await bundle(here.replaceAll("docker_io", "docker.io"), file);
    const ran = await site.run([process.execPath, file]);
    expect(ran.status, site.there(ran.all)).toBe(0);
  });
});
