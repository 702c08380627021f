"use strict";
// Loaded before the program: writes down what it loads.
const { basename } = require("node:path");
const vm = require("node:vm");

/** @type {{ name: string, cached: boolean }[]} */
const files = [];

vm.Script = class extends vm.Script {
  /**
   * @param {string} code
   * @param {vm.ScriptOptions} options
   */
  constructor(code, options) {
    super(code, options);
    files.push({ name: basename(options.filename ?? ""), cached: this.cachedDataRejected === false });
  }
};

process.on("exit", () => {
  const list =
    "moduleLoadList" in process && Array.isArray(process.moduleLoadList) ? process.moduleLoadList : [];
  const builtins = list.flatMap(
    (entry) => /^NativeModule (?!internal\/)(.+)$/.exec(String(entry))?.[1] ?? [],
  );
  require("node:fs").writeFileSync(process.env["TRACE"] ?? "", JSON.stringify({ builtins, files }));
});
