#!/usr/bin/env node
"use strict";
/* eslint-disable @typescript-eslint/no-require-imports -- CommonJS, says the package.json beside this file: Node starts it fastest */
const path = require("node:path");

const folder = path.join(__dirname, "..", "dist", "command");
/** @type {unknown} */
const starter = require(path.join(folder, "start.cjs"));
/** @type {typeof import("../src/startup/start.js")} */ (starter).start(folder, require);
