// Bundles the command for a fast start: what starts it, its own code, and the large dependencies, in a file each, read only
// by who needs them. What is started most often has its own code once more, without the rest. All of it is CommonJS, which
// Node starts faster than ES modules. docs/decisions.md has what each measure saves.
import { createHash } from "node:crypto";
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as esbuild from "esbuild";
import { LICENSES, writeLicenses } from "./licenses.js";

/** Packages that not every command needs. */
export const VENDORED = ["chalk", "commander", "ora", "string-width", "undici", "yaml"];

/**
 * The smaller bundles, and the commands that each has: all others are left out. What is not read takes no time.
 * @type {Readonly<Record<string, readonly string[]>>}
 */
export const PARTS = {
  none: [],
  local: ["annotate", "ls", "rm"],
  publish: ["create", "imagetools create", "push"],
};

/** Of undici only what sends requests, without fetch, caches and mocks. */
const UNDICI = `
  const Dispatcher = require("undici/lib/dispatcher/dispatcher.js");
  Dispatcher.prototype.connect = require("undici/lib/api/api-connect.js");
  exports.Client = require("undici/lib/dispatcher/client.js");`;

/**
 * What undici loads all the same: its HTTP/2 and Node's own HTTP, which a command never uses, and assertions, which hardly ever fail.
 * @type {Readonly<Record<string, string>>}
 */
const LEFT_OUT = {
  "./client-h2.js": "",
  "node:assert": `
    const ok = (value, message) => { if (!value) require("node:assert")(value, message); };
    module.exports = new Proxy(ok, { get: (_, name) => require("node:assert")[name] });`,
  "node:http": "module.exports = { maxHeaderSize: 16384, IncomingMessage: class {} };",
};

/** Modules of Node's own that take milliseconds to load and that not every run needs. */
const SLOW_BUILTINS = /^node:(?:child_process|crypto|fs\/promises|http|http2|timers\/promises|tls|zlib)$/;

/** Our sources for which files are read and written at once. */
const AT_ONCE = /[\\/]src[\\/](?:docker[\\/]|store[\\/]|fileSystem\.ts$)/;

/** @satisfies {esbuild.BuildOptions} */
const common = {
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  minify: true,
  legalComments: "linked",
  metafile: true,
  logLevel: "warning",
  // The files are evaluated with `require` alone.
  supported: { "dynamic-import": false },
};

/**
 * @param {string} root of the sources
 * @param {string} folder for the bundle, in which bin/tsmanifest.js looks for it as `../dist/command`
 */
export async function bundleCommand(root, folder) {
  const own = { ...common, absWorkingDir: root };
  /** @param {string} name @param {readonly string[]} [commands] that it has; all, if omitted */
  const program = (name, commands) =>
    esbuild.build({
      ...own,
      entryPoints: ["src/main.ts"],
      outfile: `${folder}/${name}.cjs`,
      // Files and lines, which are enough for a stack: the text of the sources would be as much again as all the rest.
      sourcemap: commands === undefined,
      sourcesContent: false,
      plugins: [replaced(root), ...(commands === undefined ? [] : [without(commands)])],
    });
  const built = await Promise.all([
    esbuild.build({
      ...own,
      entryPoints: ["src/startup/start.ts"],
      outfile: `${folder}/start.cjs`,
      define: { PARTS: JSON.stringify(PARTS) },
    }),
    program("tsmanifest"),
    ...Object.entries(PARTS).map(([name, commands]) => program(name, commands)),
    ...VENDORED.map((name) =>
      esbuild.build({
        ...own,
        stdin: {
          contents: name === "undici" ? UNDICI : exporting(name),
          resolveDir: root,
          sourcefile: `${name}.cjs`,
        },
        outfile: `${folder}/${name}.cjs`,
        plugins: [leftOut()],
      }),
    ),
  ]);
  for (const name of ["tsmanifest", ...Object.keys(PARTS), ...VENDORED]) stamp(`${folder}/${name}.cjs`);
  const metafiles = built.map(({ metafile }) => metafile);
  writeLicenses(root, metafiles, `${folder}/${LICENSES}`);
}

/**
 * A package as CommonJS, whose importers may want what it exports by default or by name.
 * @param {string} name
 */
function exporting(name) {
  return `const all = require("${name}"); module.exports = Object.assign(all.default ?? all, all);`;
}

/**
 * Ends a file with a hash of it, by which src/startup tells whether compiled code is that of this very file.
 * @param {string} file
 * @throws {Error} where it is not ASCII, as which it is read
 */
function stamp(file) {
  const code = readFileSync(file, "utf8");
  const [odd] = /[^\0-\x7f]/.exec(code) ?? [];
  if (odd !== undefined) throw new Error(`${file} has a ${odd} in it`);
  appendFileSync(file, `//${createHash("sha256").update(code).digest("hex").slice(0, 16)}\n`);
}

/**
 * What our own sources get in the place of some of what they import: packages are in files beside the bundle, a slow module of Node's
 * own is loaded when something of it is used, and the store and docker's configuration do not wait for a thread to read a file.
 * @param {string} root
 * @returns {esbuild.Plugin}
 */
function replaced(root) {
  return {
    name: "replaced",
    setup(build) {
      build.onResolve({ filter: new RegExp(`^(?:${VENDORED.join("|")})$`) }, ({ path }) => ({
        path: `./${path}.cjs`,
        external: true,
      }));
      build.onResolve({ filter: SLOW_BUILTINS, namespace: "file" }, ({ path, importer }) =>
        path === "node:fs/promises" && AT_ONCE.test(importer)
          ? { path: join(root, "src", "filesAtOnce.ts") }
          : { path, namespace: "lazy" },
      );
      // Importers get an object of the same prototype, and look everything up there.
      build.onLoad({ filter: /^/, namespace: "lazy" }, ({ path }) => ({
        contents: `const get = (_, name) => require("${path}")[name]; module.exports = Object.create(new Proxy({}, { get }));`,
      }));
    },
  };
}

/**
 * Leaves all commands out but these, and the completion of command lines. src/startup takes such a bundle for nothing else.
 * @param {readonly string[]} commands
 * @returns {esbuild.Plugin}
 */
function without(commands) {
  const files = commands.map((name) => `./${name.replace(" ", "/")}.js`);
  return {
    name: "without",
    setup(build) {
      build.onResolve({ filter: /^\.\// }, ({ path, kind, importer }) => {
        const isCommand = kind === "dynamic-import" && /[\\/]commands[\\/]index\.ts$/.test(importer);
        const isLeftOut = isCommand ? !files.includes(path) : path === "./completion/complete.js";
        return isLeftOut ? { path, external: true } : undefined;
      });
    },
  };
}

/** @returns {esbuild.Plugin} */
function leftOut() {
  return {
    name: "left-out",
    setup(build) {
      build.onResolve({ filter: /^(?:\.\/client-h2\.js|node:assert|node:http)$/ }, ({ path, importer }) =>
        /[\\/]undici[\\/]lib[\\/]/.test(importer) ? { path, namespace: "left-out" } : undefined,
      );
      build.onLoad({ filter: /^/, namespace: "left-out" }, ({ path }) => ({
        contents: LEFT_OUT[path] ?? "",
      }));
    },
  };
}
