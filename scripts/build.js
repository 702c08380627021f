// Builds dist/: the library, the command as a bundle that starts fast, and the Action. A folder may be named in its place.
import { rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleAction } from "../tools/action.js";
import { bundleCommand } from "./bundle.js";
import { buildLibrary } from "../tools/library.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = resolve(process.argv[2] ?? join(root, "dist"));

rmSync(folder, { recursive: true, force: true });
await Promise.all([
  buildLibrary(folder),
  bundleCommand(root, join(folder, "command")),
  bundleAction(join(folder, "action", "index.cjs")),
]);
