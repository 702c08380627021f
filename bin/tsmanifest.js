#!/usr/bin/env node
"use strict";
/* eslint-disable @typescript-eslint/no-require-imports -- see below */

// What Node starts fastest: CommonJS (says the package.json beside this file), one file, and V8's compiled code kept
// on disk. docs/performance.md has what each of them saves.
const { mkdirSync, readFileSync, renameSync, writeFileSync } = require("node:fs");
const path = require("node:path");
const { Script } = require("node:vm");

const dist = path.join(__dirname, "..", "dist");
/** Compiled code is good for one version of Node on one kind of machine. */
const cache = path.join(dist, "cache", `${process.version}-${process.platform}-${process.arch}`);

/** @typedef {{ script: Script, file: string, hasCache: boolean }} Compiled */
/** @typedef {(exports: unknown, require: (id: string) => unknown, module: object, file: string, dir: string) => void} ModuleFunction */
/** @type {Map<string, Compiled>} */
const compiled = new Map();
let flagsAreChanged = false;

/**
 * Evaluates a file of the bundle, which may ask for others beside it.
 * @param {string} name
 * @returns {unknown} what it exports
 */
function load(name) {
  const file = path.join(dist, name);
  // Node maps stacks back to the sources only for what its own loader has loaded.
  if (process.sourceMapsEnabled) return require(file);
  const { script } = compiled.get(name) ?? compile(name, file);
  if (name === "undici.cjs" && isComplete()) leaveParserAlone();
  const module = { exports: {} };
  /** Each of its modules asks for the file beside it that it needs; one evaluation does for all. @type {Map<string, unknown>} */
  const loaded = new Map();
  /** @type {(id: string) => unknown} */
  const requireFrom = (id) => {
    if (!id.startsWith("./")) return require(id);
    if (!loaded.has(id)) loaded.set(id, load(id.slice(2)));
    return loaded.get(id);
  };
  /** @type {unknown} */
  const evaluate = script.runInThisContext();
  /** @type {ModuleFunction} */ (evaluate)(module.exports, requireFrom, module, file, dist);
  return module.exports;
}

/**
 * @param {string} name
 * @param {string} filename
 * @returns {Compiled}
 */
function compile(name, filename) {
  // ASCII, which V8 takes as it is.
  const code = readFileSync(filename, "latin1");
  // The build ends each file with a hash of it: V8 compares no more than lengths.
  const file = path.join(cache, `${name}-${code.slice(-17, -1)}`);
  /** @type {Buffer | undefined} */
  let cachedData;
  try {
    cachedData = readFileSync(file);
  } catch {
    // Not there, or not for us.
  }
  const wrapped = `(function (exports, require, module, __filename, __dirname) {${code}\n})`;
  // Compiled code that does not fit this V8 is ignored by it.
  const script = new Script(wrapped, cachedData === undefined ? { filename } : { filename, cachedData });
  const entry = { script, file, hasCache: cachedData !== undefined };
  compiled.set(name, entry);
  return entry;
}

/** Has nothing been compiled in this run? */
function isComplete() {
  return [...compiled.values()].every(({ hasCache }) => hasCache);
}

/**
 * V8 would optimise undici's HTTP parser, which is WebAssembly, in a thread, and Node would wait for that before it
 * ends: a tenth of a second for a parser that is done. Compiled code is only good with the flags that it was compiled
 * with, which is why this comes last.
 */
function leaveParserAlone() {
  require("node:v8").setFlagsFromString("--liftoff-only");
  flagsAreChanged = true;
}

/**
 * Keeps what was compiled, where there was nothing yet: the program was built by another Node. Whoever may write there
 * may also change the program.
 */
function save() {
  if (flagsAreChanged || process.env["NODE_DISABLE_COMPILE_CACHE"] === "1") return;
  try {
    for (const { script, file, hasCache } of compiled.values()) {
      if (hasCache) continue;
      const temporary = `${file}.${process.pid}`;
      mkdirSync(cache, { recursive: true });
      writeFileSync(temporary, script.createCachedData());
      renameSync(temporary, file);
    }
  } catch {
    // A folder of somebody else's, a full disk: the next start compiles again.
  }
}

module.exports = { load, save };

if (require.main === module) {
  process.on("exit", save);
  load("tsmanifest.cjs");
}
