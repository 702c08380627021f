// Bundles the GitHub Action into one file that needs nothing but Node; action.yml names it.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { LICENSES, writeLicenses } from "../scripts/licenses.js";

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * @param {string} outfile
 * @returns {Promise<void>}
 */
export async function bundleAction(outfile = `${root}/dist/action/index.cjs`) {
  const { metafile } = await build({
    entryPoints: [`${root}/src/action/main.ts`],
    // Paths in the bundle, and so its bytes, do not depend on where it is built.
    absWorkingDir: root,
    outfile,
    bundle: true,
    minify: true,
    keepNames: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    charset: "ascii",
    legalComments: "eof",
    metafile: true,
    logLevel: "warning",
    plugins: [withoutUnused(/^@actions\//)],
  });
  writeLicenses(root, [metafile], join(dirname(outfile), LICENSES));
}

/**
 * Leaves out those of a package's files of which nothing is used: the toolkit's client of GitHub's token server, with a second
 * HTTP client in it.
 * @param {RegExp} filter
 * @returns {import("esbuild").Plugin}
 */
function withoutUnused(filter) {
  return {
    name: "without-unused",
    setup(build) {
      build.onResolve({ filter: /.*/ }, async ({ path, kind, importer, resolveDir, pluginData }) => {
        if (pluginData === "resolving" || !(filter.test(path) || /[\\/]@actions[\\/]/.test(importer)))
          return undefined;
        const found = await build.resolve(path, { kind, importer, resolveDir, pluginData: "resolving" });
        return { ...found, sideEffects: false };
      });
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundleAction();
