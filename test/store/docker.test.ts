import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, expect, it, onTestFinished } from "vitest";
import { DEFAULT_SETTINGS } from "../../src/list/draft.js";
import { startRegistry } from "../../src/testing/index.js";
import { docker, describeWithDocker } from "../helpers/docker.js";
import {
  annotating,
  asVariant,
  changing,
  entries,
  LIST,
  NAMES,
  namesOf,
  place,
  SETTINGS,
  variantsOf,
  type Place,
} from "./place.js";

const LIST_NAME = "x.example/multi/app:v1";

describeWithDocker("docker on a store of ours", () => {
  let here: Place;
  beforeEach(async () => {
    here = await place();
  });

  async function run(...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await docker(["manifest", ...args], { config: here.home });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    return stdout;
  }

  it("shows one image for two platforms, and annotates the first", async () => {
    await here.make([asVariant(entries[0]!, "v6"), asVariant(entries[0]!, "v7"), entries[1]!]);
    expect([...(await run("inspect", LIST_NAME)).matchAll(/"variant": "(\w+)"/g)].map(([, v]) => v)).toEqual([
      "v6",
      "v7",
    ]);
    await run("annotate", LIST_NAME, NAMES[0]!, "--variant", "v5");
    expect(variantsOf(await here.read())).toEqual(["v5", "v7", ""]);
  });

  it("knows nothing of settings, and does them no harm", async () => {
    await here.make(entries, SETTINGS);
    await run("annotate", LIST_NAME, NAMES[1]!, "--variant", "v8");
    expect((await here.store.read(LIST))?.settings).toEqual(SETTINGS);
    await run("rm", LIST_NAME);
    expect(await here.store.read(LIST)).toBeUndefined();
    const registry = await startRegistry();
    onTestFinished(() => registry.close());
    registry.putImage("app", { tag: "v1" });
    await run("create", "--insecure", LIST_NAME, `${registry.host}/app:v1`);
    expect(await here.store.read(LIST)).toMatchObject({ entries: [{}], settings: DEFAULT_SETTINGS });
    await here.store.change(LIST, (draft) => ({ ...changing((all) => all)(draft), settings: SETTINGS }));
    expect(await here.store.read(LIST)).toMatchObject({ entries: [{}], settings: SETTINGS });
  });

  it("works through a link in place of a list as we do, and removes the link alone", async () => {
    const outside = join(here.home, "outside");
    for (const folder of [outside, here.root]) await mkdir(folder);
    await symlink(outside, here.folder);
    await here.store.change(LIST, (draft) => ({ ...changing(() => entries)(draft), settings: SETTINGS }));
    await run("annotate", LIST_NAME, NAMES[1]!, "--variant", "v8");
    await here.store.change(LIST, changing(annotating(NAMES[2]!, "v7")));
    expect(variantsOf(await here.read())).toEqual(["", "v8", "v7"]);
    expect(await run("inspect", LIST_NAME)).toContain('"variant": "v7"');
    await run("rm", LIST_NAME);
    expect(await here.read()).toBeUndefined();
    await symlink(outside, here.folder);
    expect(namesOf(await here.read())).toEqual(NAMES);
    await here.remove();
    await symlink(outside, here.folder);
    expect(namesOf(await here.read())).toEqual(NAMES);
  });
});
