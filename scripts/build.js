// Builds dist/: the library as plain modules with types, and the command as one bundle that starts fast.
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));

rmSync(`${root}/dist`, { recursive: true, force: true });

execFileSync(
  process.execPath,
  [`${root}/node_modules/typescript/bin/tsc`, "-p", `${root}/tsconfig.build.json`],
  {
    stdio: "inherit",
  },
);

await build({
  entryPoints: [`${root}/src/main.ts`],
  outfile: `${root}/dist/tsmanifest.cjs`,
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  minify: true,
  keepNames: true,
  sourcemap: true,
  legalComments: "linked",
  logLevel: "warning",
});
