import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openLayout } from "../../src/content/layout.js";
import { seedImage } from "../helpers/images.js";
import { manifestOf } from "../helpers/layouts.js";
import { seededRandom } from "../helpers/seededRandom.js";

/** Several processes that write to one layout at once, some of which are killed: no tag that one of them has put is lost. */

const WRITERS = 6;
const TAGS = 12;
const SEED = Number(process.env["FIRE_SEED"] ?? 1);

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "layout-together-"));
  const source = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
  await writeFile(
    join(root, "writer.ts"),
    `import { openLayout } from ${JSON.stringify(source("src/content/layout.ts"))};
     import { seedImage } from ${JSON.stringify(source("test/helpers/images.ts"))};
     import { manifestOf } from ${JSON.stringify(source("test/helpers/layouts.ts"))};
     const [, , folder = "", name = ""] = process.argv;
     const layout = openLayout(folder);
     for (let count = 0; count < ${TAGS}; count++) {
       const tag = name + "-" + count;
       await layout.put(manifestOf(seedImage("app:" + tag, { kind: "oci" })), [tag]);
       process.stdout.write(tag + "\\n");
     }`,
  );
  await build({
    entryPoints: [join(root, "writer.ts")],
    outfile: join(root, "writer.mjs"),
    bundle: true,
    platform: "node",
    format: "esm",
    nodePaths: [source("node_modules")],
    logLevel: "error",
  });
});
afterAll(() => rm(root, { recursive: true }));

/** The tags that a process had put when it ended. */
async function write(folder: string, name: string, killedAfter?: number): Promise<string[]> {
  const child = spawn(process.execPath, [join(root, "writer.mjs"), folder, name], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  const isThere = once(child.stdout, "data");
  child.stdout.on("data", (piece: Buffer) => (output += piece.toString()));
  const exited = new Promise((resolve) => child.once("close", resolve));
  if (killedAfter !== undefined) {
    await isThere;
    await sleep(killedAfter);
    child.kill("SIGKILL");
  }
  const status = await exited;
  if (killedAfter === undefined) expect(status, name).toBe(0);
  return output.split("\n").slice(0, -1);
}

describe("processes that write to one layout at once", () => {
  it("lose none of their tags, whoever of them is killed", { timeout: 240_000 }, async () => {
    const random = seededRandom(SEED);
    const folder = join(root, "layout");
    const done = await Promise.all(
      Array.from({ length: WRITERS }, (_, at) =>
        write(folder, `w${at}`, at % 3 === 2 ? random() * 200 : undefined),
      ),
    );
    const layout = openLayout(folder);
    const names = await layout.names();
    expect(names).toEqual(expect.arrayContaining(done.flat()));
    expect(done.flat().length).toBeGreaterThan((TAGS * WRITERS) / 2);
    for (const tag of names) {
      const { bytes } = await layout.get(tag);
      expect(bytes).toEqual(manifestOf(seedImage(`app:${tag}`, { kind: "oci" })).bytes);
    }
    expect(await readdir(folder)).toEqual(expect.arrayContaining(["blobs", "index.json", "oci-layout"]));
  });

  it("lose none in one process either, through one object or several", async () => {
    const folder = join(root, "one");
    const layouts = [openLayout(folder), openLayout(folder), openLayout(folder)];
    const tags = Array.from({ length: 30 }, (_, at) => `v${at}`);
    await Promise.all(
      tags.map((tag, at) =>
        layouts[at % 3]!.put(manifestOf(seedImage(`app:${tag}`, { kind: "oci" })), [tag]),
      ),
    );
    expect(await openLayout(folder).names()).toEqual([...tags].sort());
    expect((await readdir(folder)).sort()).toEqual(["blobs", "index.json", "oci-layout"]);
  });
});
