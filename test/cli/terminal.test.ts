import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseReference } from "../../src/oci/reference.js";
import { storeName } from "../../src/store/names.js";
import { emptyDraft } from "../../src/list/draft.js";
import { openStore } from "../../src/store/store.js";
import { startRegistry, type RunningRegistry } from "../../src/testing/index.js";
import { recordingContext } from "../helpers/cli.js";
import { run } from "../../src/cli.js";
import { entryOf } from "../helpers/entries.js";

/** Clears the screen, is DEL, begins a command without ESC, turns the text around. */
const EVIL = "\u001b[2J\u007f\u009b31m\u202egnp.exe\u2069";
// eslint-disable-next-line no-control-regex -- finding control characters is the point
const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

let config: string;
let registry: RunningRegistry;
beforeAll(async () => {
  config = await mkdtemp(join(tmpdir(), "terminal-"));
  registry = await startRegistry({
    onRequest: ({ path }) =>
      path.includes("/evil/")
        ? {
            status: 403,
            headers: { "Content-Type": "application/json" },
            body: JSON.stringify({
              errors: [{ code: `DENIED${EVIL}`, message: EVIL, detail: { why: EVIL } }],
            }),
          }
        : undefined,
  });
});
afterAll(async () => {
  await registry.close();
  await rm(config, { recursive: true });
});

async function runOn(isTTY: boolean, ...args: string[]) {
  const recording = recordingContext({ env: { DOCKER_CONFIG: config } });
  const stdout = { ...recording.context.stdout, isTTY };
  const status = await run(args, { ...recording.context, stdout });
  return { status, stdout: recording.stdout(), stderr: recording.stderr() };
}

describe("nothing that a terminal could obey", () => {
  it("comes from a store's file", async () => {
    const list = parseReference("x.example/evil");
    const entry = entryOf("x.example/evil:1");
    const platform = { ...entry.descriptor.platform!, variant: EVIL };
    const entries = [{ ...entry, descriptor: { ...entry.descriptor, platform } }];
    await openStore(join(config, "manifests")).change(list, () => ({ ...emptyDraft(list), entries }));
    for (const args of [
      ["inspect", "x.example/evil"],
      ["inspect", "-v", "x.example/evil"],
    ]) {
      const shown = await runOn(true, ...args);
      const piped = await runOn(false, ...args);
      expect(shown.stdout).not.toMatch(OBEYED);
      expect(JSON.parse(shown.stdout)).toEqual(JSON.parse(piped.stdout));
      // docker's bytes, where nobody looks.
      expect(piped.stdout).toContain("\u007f\u009b31m\u202e");
    }
  });

  it("comes from a file's name, or what is wrong with it", async () => {
    const folder = join(config, "manifests", storeName(parseReference("x.example/broken")));
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, `x${EVIL}\n`), `{"Ref":"${EVIL.replace("\u001b", "\\u001b")}"}`);
    const { status, stderr } = await runOn(true, "inspect", "x.example/broken");
    expect(status).toBe(1);
    expect(stderr).toContain("\\u001b[2J");
    expect(stderr).not.toMatch(OBEYED);
  });

  it("comes from a registry's error, with --debug or without", async () => {
    for (const debug of [[], ["-D"]]) {
      const { status, stdout, stderr } = await runOn(
        true,
        "inspect",
        "--retries=0",
        ...debug,
        `${registry.host}/evil/x`,
      );
      expect(status).toBe(1);
      expect(stdout + stderr).not.toMatch(OBEYED);
    }
  });

  it("comes from the command line", async () => {
    for (const args of [["inspect", EVIL], [EVIL], ["push", `--${EVIL}`], ["create", EVIL, EVIL]]) {
      const { stdout, stderr } = await runOn(true, ...args);
      expect(stdout + stderr).not.toMatch(OBEYED);
    }
  });
});
