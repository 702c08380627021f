#!/usr/bin/env node
import { createRequire } from "node:module";

// CommonJS, since that is what Node starts fastest.
createRequire(import.meta.url)("../dist/tsmanifest.cjs");
