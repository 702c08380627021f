import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../../src/cli.js";
import { emptyDraft } from "../../src/list/draft.js";
import { parseReference } from "../../src/oci/reference.js";
import { openStore } from "../../src/store/store.js";
import { recordingContext } from "../helpers/cli.js";
import { entryOf } from "../helpers/entries.js";

const LIST = "r.example/app:v1";
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "config-"));
  const draft = { ...emptyDraft(parseReference(LIST)), entries: [entryOf("r.example/a:v1")] };
  await openStore(join(folder, "there", "manifests")).change(draft.name, () => draft);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function tsmanifest(...argv: readonly string[]) {
  const env = { DOCKER_CONFIG: join(folder, "elsewhere") };
  const recording = recordingContext({ env, home: join(folder, "home") });
  const status = await run(argv, recording.context);
  return { status, stdout: recording.stdout(), stderr: recording.stderr() };
}

describe("--config before the command", () => {
  const there = (): string => join(folder, "there");

  it.each([
    ["a word of its own", () => ["--config", there()]],
    ["behind an equals sign", () => [`--config=${there()}`]],
    ["after another one, which it replaces", () => ["--config", "/nowhere", "--config", there()]],
    ["among other flags", () => ["-D", "--config", there()]],
  ])("says where docker's folder is, as %s", async (_, flags) => {
    expect(await tsmanifest(...flags(), "inspect", LIST)).toMatchObject({ status: 0, stderr: "" });
    expect(await tsmanifest(...flags(), "manifest", "inspect", LIST)).toMatchObject({ status: 0 });
    expect(await tsmanifest("rm", LIST)).toMatchObject({ status: 1 });
  });

  it("needs a folder", async () => {
    const { status, stderr } = await tsmanifest("--config");
    expect(status).toBe(125);
    expect(stderr).toMatch(/^flag needs an argument: --config\n/);
  });

  it("is unknown behind the command, as to docker", async () => {
    const { status, stderr } = await tsmanifest("inspect", "--config", there(), LIST);
    expect(status).toBe(125);
    expect(stderr).toMatch(/^unknown flag: --config\n/);
  });
});
