#!/usr/bin/env node
// The built program. The address is computed so that the type checker does not follow it into what was built.
await import(new URL("../dist/tsmanifest.js", import.meta.url).href);
