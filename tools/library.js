// Builds the library: CommonJS files that hold all code, thin ES modules that name what these export, and types for both.
// There is one implementation, so that a class is the same however a program, or what it depends on, has loaded it.
import { readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { transform } from "esbuild";
import { rollup } from "rollup";
import { dts } from "rollup-plugin-dts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** What package.json exports, by the name of its files. */
const ENTRIES = { index: join(root, "src/index.ts"), "testing/index": join(root, "src/testing/index.ts") };

/**
 * @param {string} folder for the files
 * @returns {Promise<void>}
 */
export async function buildLibrary(folder) {
  const exported = await buildCode(folder);
  await buildTypes(folder, exported);
}

/**
 * @param {string} folder
 * @returns {Promise<ReadonlyMap<string, readonly string[]>>} what each entry exports, by its name
 */
async function buildCode(folder) {
  const bundle = await rollup({
    input: ENTRIES,
    external: isExternal,
    plugins: [typescript(), wrappers()],
    onLog: refuse,
  });
  const { output } = await bundle.write({
    dir: folder,
    format: "cjs",
    entryFileNames: "[name].cjs",
    chunkFileNames: "[name].cjs",
    // Three files: what both entries need is in the third, so that a class is one class in both.
    manualChunks: chunkOf,
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- Rollup 5 does so anyway
    onlyExplicitManualChunks: true,
    exports: "named",
    interop: "auto",
    generatedCode: "es2015",
    sourcemap: true,
  });
  await bundle.close();
  return new Map(output.flatMap((file) => (file.type === "chunk" ? [[file.name, file.exports]] : [])));
}

/** @type {import("rollup").GetManualChunk} */
function chunkOf(id, { getModuleInfo }) {
  const isTested = reach(ENTRIES["testing/index"], getModuleInfo).has(id);
  if (!isTested) return "index";
  return reach(ENTRIES.index, getModuleInfo).has(id) ? "shared" : "testing/index";
}

/**
 * @param {string} id
 * @param {import("rollup").GetModuleInfo} getModuleInfo
 * @param {Set<string>} seen
 * @returns {Set<string>} the modules that one needs, itself among them
 */
function reach(id, getModuleInfo, seen = new Set()) {
  if (seen.has(id)) return seen;
  seen.add(id);
  const { importedIds = [], dynamicallyImportedIds = [] } = getModuleInfo(id) ?? {};
  for (const needed of [...importedIds, ...dynamicallyImportedIds]) reach(needed, getModuleInfo, seen);
  return seen;
}

/**
 * The same declarations twice: what a program imports from other packages has types for ES modules and for CommonJS, too.
 * @param {string} folder
 * @param {ReadonlyMap<string, readonly string[]>} exported what is there at run time
 */
async function buildTypes(folder, exported) {
  const bundle = await rollup({
    input: ENTRIES,
    external: isExternal,
    plugins: [dts({ tsconfig: `${root}/tsconfig.build.json` }), typesAlone(exported)],
    onLog: refuse,
  });
  for (const extension of ["d.ts", "d.cts"]) {
    await bundle.write({
      dir: folder,
      format: "es",
      entryFileNames: `[name].${extension}`,
      chunkFileNames: `[name].${extension}`,
      banner: '/// <reference types="node" />',
    });
  }
  await bundle.close();
}

/**
 * Where a schema and the type of what it reads share a name, and the library exports the type alone, the plugin for declarations
 * exports both.
 * @param {ReadonlyMap<string, readonly string[]>} exported
 * @returns {import("rollup").Plugin}
 */
function typesAlone(exported) {
  return {
    name: "types-alone",
    renderChunk(code, { name }) {
      const values = exported.get(name) ?? [];
      return code.replace(/^export \{ (.*) \};$/m, (_, /** @type {string} */ list) => {
        const names = list.split(", ");
        const isValue = (/** @type {string} */ one) => values.includes(one.replace(/.* as /, ""));
        const [own, alone] = [names.filter(isValue), names.filter((one) => !isValue(one))];
        return `export { ${own.join(", ")} };${alone.length > 0 ? `\nexport type { ${alone.join(", ")} };` : ""}`;
      });
    },
  };
}

/**
 * Only what package.json promises may be left to be loaded: the command's packages are none of the library's.
 * @param {string} id
 */
function isExternal(id) {
  if (/^[./]|^[A-Za-z]:/.test(id)) return false;
  if (id.startsWith("node:") || builtinModules.includes(id)) return true;
  /** @type {unknown} */
  const manifest = JSON.parse(readFileSync(`${root}/package.json`, "utf8"));
  const { dependencies } = /** @type {{ dependencies: Record<string, string> }} */ (manifest);
  return Object.keys(dependencies).some((name) => id === name || id.startsWith(`${name}/`));
}

/** @type {import("rollup").LogHandlerWithDefault} */
function refuse(level, log) {
  if (level === "warn") throw new Error(`${log.code ?? ""}: ${log.message}`);
}

/**
 * TypeScript without its types, unchecked: checking is what `npm run types` is for.
 * @returns {import("rollup").Plugin}
 */
function typescript() {
  return {
    name: "typescript",
    resolveId(id, importer) {
      if (importer === undefined || !id.startsWith(".")) return undefined;
      return resolve(dirname(importer), id.replace(/\.js$/, ".ts"));
    },
    async transform(code, id) {
      return transform(code, {
        loader: "ts",
        target: "node20",
        platform: "node",
        sourcefile: id,
        sourcemap: true,
        tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
      });
    },
  };
}

/**
 * Adds an ES module for each entry, with the names that Node would otherwise have to find in its text.
 * @returns {import("rollup").Plugin}
 */
function wrappers() {
  return {
    name: "wrappers",
    generateBundle(_, bundle) {
      for (const file of Object.values(bundle)) {
        if (file.type !== "chunk" || !file.isEntry) continue;
        const source = `export { ${file.exports.join(", ")} } from "./${basename(file.fileName)}";\n`;
        this.emitFile({ type: "asset", fileName: `${file.name}.js`, source });
      }
    },
  };
}
