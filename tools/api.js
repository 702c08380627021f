// Writes docs/api: a page for each part of the library, from the comments in src. `node tools/api.js FOLDER` writes elsewhere.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Application } from "typedoc";
import ts from "typescript";
import { anchorsOf } from "./markdown.js";

const root = fileURLToPath(new URL("..", import.meta.url));

/** @type {Readonly<Record<string, { of: string[], about: string }>>} The pages, by what is on them; in the order in which the first page names them. */
const PAGES = {
  calls: { of: ["library", "docker/setup", "memory"], about: "The common things, a call each" },
  looking: { of: ["look"], about: "What is behind a name, and how two of them differ" },
  errors: { of: ["errors"], about: "What is thrown, and every code" },
  references: { of: ["oci"], about: "References, digests, descriptors, platforms, manifests" },
  repositories: { of: ["content"], about: "Repositories, OCI layouts, sources, trees of manifests" },
  drafts: { of: ["list"], about: "Drafts, their lists, merging, expectations, differences" },
  pushing: { of: ["push"], about: "Plans, and what does them" },
  registries: { of: ["registry"], about: "Clients of registries over HTTP" },
  store: { of: ["store"], about: "The local lists of docker" },
  results: { of: ["ui"], about: "What commands print as JSON" },
  docker: { of: ["docker"], about: "What the user has set up for docker" },
  testing: { of: ["testing"], about: "`tsmanifest/testing`: a registry in memory" },
};

/**
 * @param {string} folder
 * @returns {Promise<void>}
 */
export async function writeApiPages(folder) {
  const work = await mkdtemp(join(tmpdir(), "tsmanifest-api-"));
  try {
    const entryPoints = await writeEntries(work);
    await writeTsconfig(work, entryPoints);
    const application = await Application.bootstrapWithPlugins({
      entryPoints,
      plugin: ["typedoc-plugin-markdown"],
      tsconfig: join(work, "tsconfig.json"),
      out: join(work, "out"),
      ...OUTPUT,
    });
    const project = await application.convert();
    if (project === undefined) throw new Error("the sources cannot be read");
    application.validate(project);
    if (application.logger.warningCount + application.logger.errorCount > 0) {
      throw new Error("something in the comments is not as it should be");
    }
    await application.generateOutputs(project);
    await copyPages(join(work, "out"), folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** @type {Partial<import("typedoc").TypeDocOptions> & Record<string, unknown>} */
const OUTPUT = {
  name: "tsmanifest",
  readme: "none",
  hideBreadcrumbs: true,
  hidePageHeader: true,
  disableSources: true,
  excludePrivate: true,
  excludeInternal: true,
  excludeExternals: true,
  sort: ["kind", "alphabetical"],
  kindSortOrder: ["Function", "Class", "Interface", "TypeAlias", "Variable"],
  outputFileStrategy: "modules",
  entryFileName: "README",
  tableColumnSettings: { hideModifiers: true, hideInherited: true, hideOverrides: true, hideSources: true },
  useHTMLAnchors: false,
  parametersFormat: "table",
  interfacePropertiesFormat: "table",
  classPropertiesFormat: "table",
  typeDeclarationFormat: "table",
  propertyMembersFormat: "table",
  expandObjects: false,
  logLevel: "Warn",
  validation: { notExported: false, invalidLink: true, notDocumented: false },
};

/**
 * A file of exports for each page.
 * @param {string} work
 * @returns {Promise<string[]>}
 */
async function writeEntries(work) {
  const exported = await exportsOf("src/index.ts");
  const files = [];
  for (const page of Object.keys(PAGES)) {
    const lines =
      page === "testing"
        ? [`export * from ${JSON.stringify(join(root, "src/testing/index.js"))};`]
        : exported
            .filter((one) => pageOf(one) === page)
            .map(({ text, from }) => `export { ${text} } from ${JSON.stringify(join(root, "src", from))};`);
    const file = join(work, `${page}.ts`);
    await writeFile(file, `/** ${PAGES[page]?.about ?? ""}. @module */\n${lines.join("\n")}\n`);
    files.push(file);
  }
  return files;
}

/** @typedef {{ name: string, text: string, from: string }} Exported */

/**
 * @param {string} path
 * @returns {Promise<Exported[]>}
 */
async function exportsOf(path) {
  const source = ts.createSourceFile(path, await readFile(join(root, path), "utf8"), ts.ScriptTarget.ES2022);
  return source.statements.flatMap((statement) => {
    const { exportClause, moduleSpecifier, isTypeOnly } = /** @type {ts.ExportDeclaration} */ (statement);
    if (exportClause === undefined || !ts.isNamedExports(exportClause)) return [];
    const from = /** @type {ts.StringLiteral} */ (moduleSpecifier).text;
    return exportClause.elements.map((element) => {
      const type = isTypeOnly || element.isTypeOnly ? "type " : "";
      return { name: element.name.text, text: `${type}${element.name.text}`, from };
    });
  });
}

/**
 * @param {Exported} exported
 * @returns {string}
 */
function pageOf({ name, from }) {
  if (/Error$|Fault$|^hasCode$/.test(name)) return "errors";
  const path = from.replace("./", "").replace(/\.js$/, "");
  const found = Object.entries(PAGES).find(([, { of }]) =>
    of.some((place) => path === place || path.startsWith(`${place}/`)),
  );
  if (found === undefined) throw new Error(`no page is for ${name} of ${from}`);
  return found[0];
}

/**
 * @param {string} work
 * @param {readonly string[]} files
 */
async function writeTsconfig(work, files) {
  const config = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: { typeRoots: [join(root, "node_modules/@types")], rootDir: "/" },
    files,
    include: [],
  };
  await writeFile(join(work, "tsconfig.json"), JSON.stringify(config));
  await writeFile(join(work, "package.json"), JSON.stringify({ type: "module" }));
}

/**
 * @param {string} from
 * @param {string} to
 */
async function copyPages(from, to) {
  await rm(to, { recursive: true, force: true });
  await mkdir(to, { recursive: true });
  /** @type {Map<string, string>} */
  const pages = new Map();
  for (const name of await readdir(from, { recursive: true })) {
    if (name.endsWith(".md")) pages.set(name, await readFile(join(from, name), "utf8"));
  }
  // The pages' names are all that the generated first page has.
  pages.set("README.md", firstPage());
  for (const [name, text] of withAnchorsThatExist(pages)) {
    const file = join(to, name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
}

/**
 * Where a name is a value and a type, typedoc counts more headings of it than it writes. A link to one of those leads to the
 * first heading of that name instead.
 * @param {ReadonlyMap<string, string>} pages by their names
 * @returns {Map<string, string>}
 */
export function withAnchorsThatExist(pages) {
  const anchors = new Map([...pages].map(([name, text]) => [name, anchorsOf(text)]));
  /** @type {(name: string, text: string) => string} */
  const mended = (name, text) =>
    text.replaceAll(
      /\]\(([\w-]+\.md)?#([\w-]+)-(\d+)\)/g,
      (
        /** @type {string} */ link,
        /** @type {string | undefined} */ page,
        /** @type {string} */ base,
        /** @type {string} */ number,
      ) => {
        const known = anchors.get(page ?? name);
        const isBroken = known?.has(base) === true && !known.has(`${base}-${number}`);
        return isBroken ? `](${page ?? ""}#${base})` : link;
      },
    );
  return new Map([...pages].map(([name, text]) => [name, mended(name, text)]));
}

function firstPage() {
  const lines = Object.entries(PAGES).map(([page, { about }]) => `- [${page}](${page}.md): ${about}`);
  return [
    "# Every function and type",
    "",
    "Made by `node tools/api.js` from the comments in src. [library.md](../library.md) has a program for each purpose.",
    "",
    ...lines,
    "",
  ].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await writeApiPages(process.argv[2] ?? join(root, "docs/api"));
}
