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
/** Files in the cache folder at most; the oldest go. Each command has one or two, seldom more. */
const KEPT = 64;
/** What is ours there: compiled code, and (.tmp) what a killed run has left of it. */
const OURS = /^[\w-]+\.cjs-[0-9a-f]{16}-\w*-v\d[\w.-]+$/;
const HOUR = 3_600_000;

/** @typedef {{ script: Script, file: string, hasCache: boolean }} Compiled */
/** @typedef {(exports: unknown, require: (id: string) => unknown, module: object, file: string, dir: string) => void} ModuleFunction */
/** @type {Map<string, Compiled>} */
const compiled = new Map();
const command = commandName(process.argv.slice(2));
const cache = findCache();
let isParserLeftAlone = false;

/**
 * Evaluates a file of the bundle, which may ask for others beside it.
 * @param {string} name
 * @returns {unknown} what it exports
 */
function load(name) {
  const file = path.join(bundle, name);
  // Node maps stacks back to the sources only for what its own loader has loaded.
  if (process.sourceMapsEnabled) return require(file);
  const wasLeftAlone = isParserLeftAlone;
  if (wasLeftAlone) leaveParserAlone(false);
  const { script } = compiled.get(name) ?? compile(name, file);
  if (wasLeftAlone || name === "undici.cjs") leaveParserAlone(true);
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
  // on one kind of machine, and has the functions that a command has called: a file for each command is read fastest.
  const key = [name, code.slice(-17, -1), command, process.version, process.platform, process.arch].join("-");
  const file = path.join(cache ?? "", key);
  const cachedData = cache === undefined ? undefined : readOwn(file);
  const wrapped = `(function (exports, require, module, __filename, __dirname) {${code}\n})`;
  const script = new Script(wrapped, cachedData === undefined ? { filename } : { filename, cachedData });
  // What V8 refuses, since it does not fit, is replaced.
  const entry = { script, file, hasCache: script.cachedDataRejected === false };
  compiled.set(name, entry);
  return entry;
}

/**
 * V8 would optimise undici's HTTP parser, which is WebAssembly, in a thread, and Node would wait for that before it ends: a
 * tenth of a second for a parser that is done. But V8 takes compiled code only with the flags that it was compiled with.
 * @param {boolean} isLeft or as V8 usually does
 */
function leaveParserAlone(isLeft) {
  const no = isLeft ? "no-" : "";
  require("node:v8").setFlagsFromString(`--${no}wasm-tier-up --${no}wasm-dynamic-tiering`);
  isParserLeftAlone = isLeft;
}

/**
 * @param {readonly string[]} args
 * @returns {string} the command that they name; another only makes a run slower
 */
function commandName(args) {
  if (args.includes("--help") || args.includes("-h")) return "help";
  const words = args.filter((arg) => /^[a-z_]{1,16}$/.test(arg) && arg !== "manifest" && arg !== "buildx");
  return words.slice(0, words[0] === "imagetools" ? 2 : 1).join("_");
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
 * Reads compiled code. V8 looks at its head only and would crash on damaged code, in every run. So a file has the code twice, and
 * damage makes a difference: Node compares a megabyte in a tenth of a millisecond, where a checksum in JavaScript takes four.
 * @param {string} file
 * @returns {Buffer | undefined} the code, where it is whole, in a file of ours that no other user can write to
 */
function readOwn(file) {
  let fd;
  try {
    fd = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK);
    const stats = fs.fstatSync(fd);
    const isOurs =
      process.geteuid === undefined || (stats.uid === process.geteuid() && (stats.mode & 0o022) === 0);
    if (!stats.isFile() || !isOurs) return undefined;
    const twice = fs.readFileSync(fd);
    const code = twice.subarray(0, twice.length >> 1);
    return code.equals(twice.subarray(code.length)) ? code : undefined;
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
}

/**
 * Keeps what was compiled, together with what earlier runs had of the same files. Not after a command that failed, which has
 * not called all that the next one will; and not in CI, where the home goes with the job.
 * @param {number} status
 */
function save(status) {
  const isCI = isSet("CI") && process.env["CI"] !== "false";
  if (status !== 0 || isCI || cache === undefined) return;
  if ([...compiled.values()].every(({ hasCache }) => hasCache)) return;
  try {
    // Two levels, not `recursive`: Node would try without end where the system says that a parent which is there is not (/proc).
    for (const folder of [path.dirname(cache), cache]) {
      if (!fs.existsSync(folder)) fs.mkdirSync(folder, { mode: 0o700 });
    }
    // Somebody else may have made it in the meantime, in /tmp.
    if (!isSafe(cache)) return;
    if (isParserLeftAlone) leaveParserAlone(false);
    for (const { script, file } of compiled.values()) writeOwn(file, script.createCachedData());
    removeOldest(cache);
  } catch {
    // A disk that is full or not written to, a folder of somebody else's: the next start compiles again.
  }
}

/**
 * What is there is whole, also where two runs write at once or one is killed.
 * @param {string} file
 * @param {Buffer} code
 */
function writeOwn(file, code) {
  const temporary = `${file}.${process.pid}.${Date.now()}.tmp`;
  try {
    fs.writeFileSync(temporary, Buffer.concat([code, code]), { flag: "wx", mode: 0o600 });
    fs.renameSync(temporary, file);
  } finally {
    fs.rmSync(temporary, { force: true });
  }
}

/**
 * Other versions' files go in their turn, and what a killed run has left after an hour. Nothing else in the folder does.
 * @param {string} folder
 */
function removeOldest(folder) {
  const files = fs
    .readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && OURS.test(entry.name))
    .map(({ name }) => path.join(folder, name))
    .map((file) => ({ file, time: fs.lstatSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
    .sort((a, b) => b.time - a.time);
  /** @type {(found: { file: string, time: number }, at: number) => boolean} */
  const isOld = ({ file, time }, at) => (file.endsWith(".tmp") ? time < Date.now() - HOUR : at >= KEPT);
  for (const { file } of files.filter(isOld)) fs.rmSync(file, { force: true });
}

process.on("exit", save);
if (process.argv.includes("--debug")) process.setSourceMapsEnabled(true);
load("tsmanifest.cjs");
