import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { openLayout } from "../../src/content/layout.js";
import { cli } from "../helpers/cli.js";
import { seedImage } from "../helpers/images.js";
import { writeImage } from "../helpers/layouts.js";

const LIST = "r.example/team/app:v1";
const Index = z.object({ manifests: z.array(z.object({ digest: z.string() })) });

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "layout-source-"));
});
afterEach(() => {
  rmSync(home, { recursive: true });
});

const run = (...argv: string[]) => cli(argv, undefined, { env: { DOCKER_CONFIG: join(home, "docker") } });

async function digests(): Promise<string[]> {
  const { stdout } = await run("inspect", LIST);
  return Index.parse(JSON.parse(stdout)).manifests.map(({ digest }) => digest);
}

describe("an OCI layout as a source", () => {
  const old = seedImage("x/app:old", { kind: "oci", config: { os: "linux", architecture: "amd64" } });
  const rebuilt = seedImage("x/app:rebuilt", { kind: "oci", config: { os: "linux", architecture: "amd64" } });

  it.each(["", ":v1"])(
    "that was rebuilt (%j behind its folder) replaces what it contributed",
    async (tag) => {
      const folder = join(home, "out");
      const source = `oci-layout://${folder}${tag}`;
      await writeImage(openLayout(folder), old, tag === "" ? ["latest"] : ["v1"]);
      expect((await run("create", LIST, source)).status).toBe(0);
      expect(await digests()).toEqual([old.digest]);
      await writeImage(openLayout(folder), rebuilt, tag === "" ? ["latest"] : ["v1"]);
      expect((await run("create", "--amend", LIST, source)).status).toBe(0);
      expect(await digests()).toEqual([rebuilt.digest]);
    },
  );

  it("that is not there, or could be several images, is named", async () => {
    const nowhere = `oci-layout://${join(home, "nowhere")}`;
    expect(await run("create", LIST, nowhere)).toEqual({
      status: 1,
      stdout: "",
      stderr: `no such manifest: ${nowhere}\nthere is no such folder\n`,
    });
    const folder = join(home, "out");
    await writeImage(openLayout(folder), old, ["v1"]);
    await writeImage(openLayout(folder), rebuilt, ["v2"]);
    expect(await run("create", LIST, `oci-layout://${folder}`)).toEqual({
      status: 1,
      stdout: "",
      stderr: `no such manifest: oci-layout://${folder}\nthere are: v1, v2\n`,
    });
  });
});
