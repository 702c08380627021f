// Bundles the command for a fast start: its own code in one file, the large dependencies beside it in a file each,
// read only by who needs them. All of it is CommonJS, which Node starts faster than ES modules.
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import * as esbuild from "esbuild";
import { LICENSES, writeLicenses } from "./licenses.js";

const require = createRequire(import.meta.url);

/** @satisfies {import("esbuild").BuildOptions} */
const common = {
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  minify: true,
  charset: "ascii",
  legalComments: "linked",
  metafile: true,
  logLevel: "warning",
  // The bundle's parts are loaded by bin/tsmanifest.js, which does `require` alone.
  supported: { "dynamic-import": false },
};

/**
 * What is in the file of each large dependency. Of undici only what sends requests, without fetch, caches and mocks;
 * and of that only when it is used what not every run does. test/startup/bundle.test.ts checks that it is enough.
 */
export const VENDORED = {
  chalk: `const all = require("chalk"); module.exports = Object.assign(all.default, all);`,
  commander: `module.exports = require("commander");`,
  yaml: `module.exports = require("yaml");`,
  ora: `const all = require("ora"); module.exports = Object.assign(all.default, all);`,
  "string-width": `const all = require("string-width"); module.exports = Object.assign(all.default, all);`,
  undici: `
    module.exports = {
      get Client() { return require("undici/lib/dispatcher/client.js"); },
      get Pool() { return require("undici/lib/dispatcher/pool.js"); },
      get errors() { return require("undici/lib/core/errors.js"); },
    };
    Object.assign(require("undici/lib/dispatcher/dispatcher.js").prototype, {
      request: require("undici/lib/api/api-request.js"),
      stream(...args) { return require("undici/lib/api/api-stream.js").apply(this, args); },
      pipeline(...args) { return require("undici/lib/api/api-pipeline.js").apply(this, args); },
      upgrade(...args) { return require("undici/lib/api/api-upgrade.js").apply(this, args); },
      connect(...args) { return require("undici/lib/api/api-connect.js").apply(this, args); },
    });`,
};

/** Each half of a character that takes two, by itself, since `\\u` has room for no more. */

const NOT_ASCII = /[^\0-\x7f]/g;

/** What undici's core uses of modules that take long to load, and hardly ever uses at all. */
const UNDICI_INSTEAD = {
  "node:assert": `module.exports = (value, message) => { if (!value) require("node:assert")(value, message); };`,
  // The transport sets the size of headers itself, and no request's body is a request of a server.
  "node:http": `module.exports = { maxHeaderSize: 16384, IncomingMessage: class IncomingMessage {} };`,
};

/** Modules of Node's own that take milliseconds to load and that not every run needs. */
const SLOW_BUILTINS = [
  "node:child_process",
  "node:crypto",
  "node:fs/promises",
  "node:http",
  "node:http2",
  "node:timers/promises",
  "node:tls",
  "node:zlib",
];

/**
 * @param {string} root of the sources
 * @param {string} folder for the bundle, in which bin/tsmanifest.js looks for it as `../dist/command`
 */
export async function bundleCommand(root, folder) {
  const program = readProgram(`${root}/src`);
  const built = await Promise.all([
    esbuild.build({
      ...common,
      absWorkingDir: root,
      entryPoints: [`${root}/src/main.ts`],
      outfile: `${folder}/tsmanifest.cjs`,
      // Files and lines of our own sources, which are enough for a stack: their text would be as much again as all the rest.
      sourcemap: true,
      sourcesContent: false,
      plugins: [
        inAscii(),
        besideTheBundle(Object.keys(VENDORED)),
        waitingForFiles(program),
        lazyBuiltins(SLOW_BUILTINS, program),
      ],
    }),
    ...Object.entries(VENDORED).map(([name, contents]) =>
      esbuild.build({
        ...common,
        absWorkingDir: root,
        stdin: { contents, resolveDir: root, sourcefile: `${name}.cjs` },
        outfile: `${folder}/${name}.cjs`,
        plugins: [lazyModule(/\/client-h2\.js$/), instead(UNDICI_INSTEAD), inAscii()],
      }),
    ),
  ]);
  for (const name of ["tsmanifest", ...Object.keys(VENDORED)]) stamp(`${folder}/${name}.cjs`);
  writeLicenses(
    root,
    built.map(({ metafile }) => metafile),
    `${folder}/${LICENSES}`,
  );
}

/**
 * @param {string} folder
 * @returns {string} the text of all sources in it
 */
function readProgram(folder) {
  const files = fs.readdirSync(folder, { recursive: true, encoding: "utf8" });
  const sources = files.filter((file) => file.endsWith(".ts"));
  return sources.map((file) => fs.readFileSync(join(folder, file), "utf8")).join("\n");
}

/**
 * Ends a file with a hash of it, by which bin/tsmanifest.js tells whether compiled code is that of this very file.
 * @param {string} file
 * @throws {Error} where it is not ASCII, as which it is read
 */
function stamp(file) {
  const code = fs.readFileSync(file, "utf8");
  const [odd] = code.match(NOT_ASCII) ?? [];
  if (odd !== undefined) throw new Error(`${file} has a ${odd} in it`);
  const hash = createHash("sha256").update(code).digest("hex");
  fs.appendFileSync(file, `//${hash.slice(0, 16)}\n`);
}

/**
 * Escapes what is not ASCII in every source: esbuild leaves regular expressions as they are. And keeps packages out of the
 * source map, by one for each of their files that says nothing.
 * @returns {import("esbuild").Plugin}
 */
function inAscii() {
  const map = Buffer.from(JSON.stringify({ version: 3, sources: [""], mappings: "A" })).toString("base64");
  return {
    name: "in-ascii",
    setup(build) {
      build.onLoad({ filter: /\.(?:[cm]?js|ts)$/, namespace: "file" }, ({ path }) => {
        const code = fs.readFileSync(path, "utf8").replace(NOT_ASCII, escapeCharacter);
        return path.endsWith(".ts")
          ? { contents: code, loader: "ts" }
          : { contents: `${code}\n//# sourceMappingURL=data:application/json;base64,${map}` };
      });
    },
  };
}

/** @param {string} character */
function escapeCharacter(character) {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/**
 * Leaves packages out of a bundle; they are in a file beside it.
 * @param {readonly string[]} names
 * @returns {import("esbuild").Plugin}
 */
function besideTheBundle(names) {
  return {
    name: "beside-the-bundle",
    setup(build) {
      build.onResolve({ filter: new RegExp(`^(${names.join("|")})$`) }, ({ path }) => ({
        path: `./${path}.cjs`,
        external: true,
      }));
    },
  };
}

/**
 * Loads a module of Node's own when the first of its exports is used, not when it is imported.
 * @param {readonly string[]} names
 * @param {string} program the text of all its files
 * @returns {import("esbuild").Plugin}
 */
function lazyBuiltins(names, program) {
  return {
    name: "lazy-builtins",
    setup(build) {
      build.onResolve({ filter: /^node:/ }, ({ path, namespace }) =>
        names.includes(path) && namespace === "file" ? { path, namespace: "lazy-builtin" } : undefined,
      );
      build.onLoad({ filter: /.*/, namespace: "lazy-builtin" }, ({ path }) => ({
        contents: importedFrom(path, program)
          .map(
            (key) =>
              `Object.defineProperty(exports, ${JSON.stringify(key)}, getter(${JSON.stringify(key)}));`,
          )
          .concat(`function getter(key) { return { enumerable: true, get: () => require("${path}")[key] }; }`)
          .join("\n"),
      }));
    },
  };
}

/**
 * What the program imports of a module of Node's own. A stand-in for all that such a module has is made, and copied by each
 * file that imports it, which adds up to a millisecond of every start.
 * @param {string} builtin
 * @param {string} program the text of all its files
 * @returns {string[]}
 */
function importedFrom(builtin, program) {
  const imports = [...program.matchAll(new RegExp(`^import ([^;"]+) from "${builtin}"`, "gm"))];
  if (imports.some(([, what = ""]) => what.startsWith("*"))) return exportsOf(builtin);
  const names = imports.flatMap(([, what = ""]) => what.split(/[{},]/)).map((name) => name.trim());
  const values = names.filter((name) => name !== "" && !name.startsWith("type "));
  return [...new Set(values.map((name) => name.replace(/ as .*/, "")))];
}

/**
 * @param {string} builtin
 * @returns {string[]} its exports, those of newer Nodes included that the program asks for
 */
function exportsOf(builtin) {
  /** @type {unknown} */
  const exported = require(builtin);
  const keys = Object.keys(exported ?? {});
  return builtin === "node:tls" ? [...new Set([...keys, "getCACertificates"])] : keys;
}

/**
 * Lets the store and docker's configuration wait for the disk instead of asking a thread to: a command has nothing else
 * to do in the meantime, and `rm` and `annotate` take some forty steps on files of a few kilobytes.
 * @param {string} program the text of all its files
 * @returns {import("esbuild").Plugin}
 */
function waitingForFiles(program) {
  const names = importedFrom("node:fs/promises", program).filter((name) => `${name}Sync` in fs);
  return {
    name: "waiting-for-files",
    setup(build) {
      build.onResolve({ filter: /^node:fs\/promises$/ }, ({ path, importer }) =>
        /[\\/]src[\\/](?:docker[\\/]|store[\\/]|fileSystem\.ts$)/.test(importer)
          ? { path, namespace: "waiting-for-files" }
          : undefined,
      );
      build.onLoad({ filter: /.*/, namespace: "waiting-for-files" }, () => ({
        contents: `
          const fs = require("node:fs");
          for (const name of ${JSON.stringify(names)}) exports[name] = async (...args) => fs[name + "Sync"](...args);
          exports.constants = fs.constants;
          exports.open = async (path, ...args) => {
            // Opening a pipe may take until somebody writes to it.
            const isOdd = fs.statSync(path, { throwIfNoEntry: false })?.isFile() === false;
            if (isOdd) return require("node:fs/promises").open(path, ...args);
            const file = fs.openSync(path, ...args);
            return {
              read: async (buffer) => ({ bytesRead: fs.readSync(file, buffer), buffer }),
              writeFile: async (data) => fs.writeFileSync(file, data),
              sync: async () => fs.fsyncSync(file),
              close: async () => fs.closeSync(file),
            };
          };`,
      }));
    },
  };
}

/**
 * Gives undici's core something else for a module of Node's own.
 * @param {Readonly<Record<string, string>>} contents
 * @returns {import("esbuild").Plugin}
 */
function instead(contents) {
  return {
    name: "instead",
    setup(build) {
      build.onResolve({ filter: /^node:/ }, ({ path, importer }) =>
        path in contents && /[\\/]lib[\\/](?:api|core|dispatcher)[\\/]/.test(importer)
          ? { path, namespace: "instead" }
          : undefined,
      );
      build.onLoad({ filter: /.*/, namespace: "instead" }, ({ path }) => ({
        contents: contents[path] ?? "",
      }));
    },
  };
}

/**
 * Evaluates a CommonJS module that exports one function when that function is first called.
 * @param {RegExp} filter
 * @returns {import("esbuild").Plugin}
 */
function lazyModule(filter) {
  return {
    name: "lazy-module",
    setup(build) {
      build.onResolve({ filter }, ({ path, resolveDir, namespace }) =>
        namespace === "file" ? { path: join(resolveDir, path), namespace: "lazy-module" } : undefined,
      );
      build.onLoad({ filter: /.*/, namespace: "lazy-module" }, ({ path }) => ({
        contents: `module.exports = (...args) => require(${JSON.stringify(path)})(...args);`,
        resolveDir: dirname(path),
      }));
    },
  };
}
