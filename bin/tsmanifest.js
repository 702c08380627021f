#!/usr/bin/env node
"use strict";
/* eslint-disable @typescript-eslint/no-require-imports -- see below */

// What Node starts fastest: CommonJS (says the package.json beside this file), one file, and V8's compiled code kept
// in the user's cache folder by the first run. docs/performance.md has what each of them saves.
const fs = require("node:fs");
const { homedir } = require("node:os");
const path = require("node:path");
const { Script } = require("node:vm");

const bundle = path.join(__dirname, "..", "dist", "command");
/** Files in the cache folder at most; the oldest go. There are about six of one version with one Node. */
const KEPT = 24;

/** @typedef {{ script: Script, file: string, hasCache: boolean }} Compiled */
/** @typedef {(exports: unknown, require: (id: string) => unknown, module: object, file: string, dir: string) => void} ModuleFunction */
/** @type {Map<string, Compiled>} */
const compiled = new Map();
const cache = findCache();
let flagsAreChanged = false;

/**
 * Evaluates a file of the bundle, which may ask for others beside it.
 * @param {string} name
 * @returns {unknown} what it exports
 */
function load(name) {
  const file = path.join(bundle, name);
  // Node maps stacks back to the sources only for what its own loader has loaded.
  if (process.sourceMapsEnabled) return require(file);
  const { script } = compiled.get(name) ?? compile(name, file);
  if (name === "undici.cjs" && !isToBeKept()) leaveParserAlone();
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
  /** @type {ModuleFunction} */ (evaluate)(module.exports, requireFrom, module, file, bundle);
  return module.exports;
}

/**
 * @param {string} name
 * @param {string} filename
 * @returns {Compiled}
 */
function compile(name, filename) {
  // ASCII, which V8 takes as it is.
  const code = fs.readFileSync(filename, "latin1");
  // The build ends each file with a hash of it: V8 compares no more than lengths. Its code is good for one version of Node
  // on one kind of machine.
  const key = [name, code.slice(-17, -1), process.version, process.platform, process.arch].join("-");
  const file = path.join(cache ?? "", key);
  const cachedData = cache === undefined ? undefined : readOwn(file);
  const wrapped = `(function (exports, require, module, __filename, __dirname) {${code}\n})`;
  const script = new Script(wrapped, cachedData === undefined ? { filename } : { filename, cachedData });
  // What is damaged or does not fit is refused by V8, and replaced.
  const entry = { script, file, hasCache: script.cachedDataRejected === false };
  compiled.set(name, entry);
  return entry;
}

/**
 * Where compiled code may be kept. Whoever can write there can make us run what they like, so nobody else may: each folder on
 * the way is ours or root's, and no other user can write to it. That leaves out another user's cache, which `sudo` with that
 * user's HOME would find. On Windows a user's folder is that user's by the rights that it inherits.
 * @returns {string | undefined} a folder that may not be there yet
 */
function findCache() {
  try {
    const home = cacheHome();
    if (isSet("NODE_DISABLE_COMPILE_CACHE") || !path.isAbsolute(home)) return undefined;
    const folder = path.join(realPath(home), "tsmanifest");
    return isSafe(folder) ? folder : undefined;
  } catch {
    // No home, or no right to look.
    return undefined;
  }
}

/** @returns {string} the folder in which programs keep what they can make again */
function cacheHome() {
  if (process.platform === "win32") return process.env["LOCALAPPDATA"] ?? "";
  if (isSet("XDG_CACHE_HOME")) return process.env["XDG_CACHE_HOME"] ?? "";
  return path.join(homedir(), process.platform === "darwin" ? "Library/Caches" : ".cache");
}

/** @param {string} variable */
function isSet(variable) {
  return (process.env[variable] ?? "") !== "";
}

/**
 * @param {string} folder
 * @returns {string} where its links lead, as far as it is there
 */
function realPath(folder) {
  try {
    return fs.realpathSync(folder);
  } catch {
    return path.join(realPath(path.dirname(folder)), path.basename(folder));
  }
}

/**
 * @param {string} folder
 * @returns {boolean} whether only we and root can change what is there; what is not there yet is as safe as its parent
 */
function isSafe(folder) {
  if (process.geteuid === undefined) return true;
  const parent = path.dirname(folder);
  const stats = fs.lstatSync(folder, { throwIfNoEntry: false });
  if (stats !== undefined) {
    if (!stats.isDirectory() || (stats.uid !== process.geteuid() && stats.uid !== 0)) return false;
    // In a sticky folder, such as /tmp, nobody can put another in the place of one that is not theirs.
    if ((stats.mode & 0o022) !== 0 && (stats.mode & 0o1000) === 0) return false;
  }
  return parent === folder || isSafe(parent);
}

/**
 * @param {string} file
 * @returns {Buffer | undefined} what it holds, where it is a file of ours that no other user can write to
 */
function readOwn(file) {
  let fd;
  try {
    fd = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK);
    const stats = fs.fstatSync(fd);
    const isOurs =
      process.geteuid === undefined || (stats.uid === process.geteuid() && (stats.mode & 0o022) === 0);
    return stats.isFile() && isOurs ? fs.readFileSync(fd) : undefined;
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
}

/** Has something been compiled in this run that the next one could use? */
function isToBeKept() {
  if (cache === undefined || [...compiled.values()].every(({ hasCache }) => hasCache)) return false;
  try {
    // Two levels, not `recursive`: Node would try without end where the system says that a parent which is there is not (/proc).
    for (const folder of [path.dirname(cache), cache]) {
      if (!fs.existsSync(folder)) fs.mkdirSync(folder, { mode: 0o700 });
    }
    fs.accessSync(cache, fs.constants.W_OK);
    // Somebody else may have made it in the meantime, in /tmp.
    return isSafe(cache);
  } catch {
    // A disk that is not written to, a folder of somebody else's: the next start compiles again.
    return false;
  }
}

/**
 * V8 would optimise undici's HTTP parser, which is WebAssembly, in a thread, and Node would wait for that before it
 * ends: a tenth of a second for a parser that is done. Compiled code is only good with the flags that it was compiled
 * with, which is why this is not done where some is to be kept.
 */
function leaveParserAlone() {
  require("node:v8").setFlagsFromString("--liftoff-only");
  flagsAreChanged = true;
}

/** Keeps what was compiled, together with what earlier runs had of the same files. */
function save() {
  // What comes behind undici does not fit then, and would not fit the next run.
  if (flagsAreChanged || cache === undefined || !isToBeKept()) return;
  try {
    for (const { script, file } of compiled.values()) {
      const temporary = `${file}.${process.pid}.${Date.now()}`;
      fs.writeFileSync(temporary, script.createCachedData(), { flag: "wx", mode: 0o600, flush: true });
      fs.renameSync(temporary, file);
    }
    removeOldest(cache);
  } catch {
    // A full disk, say: what is there is whole.
  }
}

/**
 * Other versions' files, and what a killed run has left, go in their turn.
 * @param {string} folder
 */
function removeOldest(folder) {
  const files = fs.readdirSync(folder).map((name) => path.join(folder, name));
  const times = new Map(files.map((file) => [file, fs.lstatSync(file).mtimeMs]));
  files.sort((a, b) => (times.get(b) ?? 0) - (times.get(a) ?? 0));
  for (const file of files.slice(KEPT)) fs.rmSync(file, { force: true });
}

process.on("exit", save);
if (process.argv.includes("--debug")) process.setSourceMapsEnabled(true);
load("tsmanifest.cjs");
