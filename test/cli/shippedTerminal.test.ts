import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import * as z from "zod/mini";
import { startRegistry, type RunningRegistry } from "../../src/testing/index.js";
import { programAt } from "../helpers/program.js";
import { describeWithPrograms } from "../helpers/registryServer.js";
import { onScreen, type Screen } from "../helpers/screen.js";
import { packCommand, type Packed } from "../startup/packed.js";

const Trace = z.object({ files: z.array(z.object({ name: z.string() })) });

/** The command as it is installed: its terminal libraries are files of their own, which a test of the sources does not need. */
describeWithPrograms("the shipped command on a terminal", ["script"], () => {
  let packed: Packed;
  let registry: RunningRegistry;
  let screen: Screen | undefined;
  let delayMs = 0;

  beforeAll(async () => {
    const onRequest = async (): Promise<undefined> => {
      await sleep(delayMs);
      return undefined;
    };
    [packed, registry] = await Promise.all([packCommand(), startRegistry({ onRequest })]);
    registry.putImage("app", { tag: "v1" });
  });
  afterEach(() => {
    screen?.end();
    screen = undefined;
  });
  afterAll(async () => {
    packed.remove();
    await registry.close();
  });

  function show(report: string, env: Readonly<Record<string, string>> = {}): Screen {
    const tracer = fileURLToPath(new URL("../startup/tracer.cjs", import.meta.url));
    const program = programAt(join(packed.folder, "bin", "tsmanifest.js"));
    const args = ["inspect", `${registry.host}/app:v1`];
    screen = onScreen(program, args, {
      columns: 100,
      env: {
        DOCKER_CONFIG: packed.folder,
        XDG_CACHE_HOME: packed.cache,
        NODE_OPTIONS: `--require ${tracer}`,
        TRACE: report,
        ...env,
      },
    });
    return screen;
  }

  function terminalFiles(report: string): string[] {
    const names = Trace.parse(JSON.parse(readFileSync(report, "utf8"))).files.map(({ name }) => name);
    return names.filter((name) => ["ora.cjs", "chalk.cjs", "string-width.cjs"].includes(name)).sort();
  }

  it("loads none of them for what is over soon", async () => {
    const report = join(packed.folder, "quick.json");
    expect(await show(report).ended).toMatchObject({ status: 0 });
    expect(terminalFiles(report)).toEqual([]);
  });

  it("shows what it does, in colours", async () => {
    delayMs = 1_500;
    const report = join(packed.folder, "slow.json");
    const slow = show(report);
    await slow.shows(/reading 127\.0\.0\.1:\d+\/app:v1 \(\d+s\)/);
    delayMs = 0;
    expect(await slow.ended).toMatchObject({ status: 0 });
    expect(slow.raw()).toContain("\u001b[36m");
    expect(terminalFiles(report)).toEqual(["chalk.cjs", "ora.cjs", "string-width.cjs"]);
  });

  it("paints nothing where NO_COLOR is set", async () => {
    delayMs = 1_500;
    const report = join(packed.folder, "plain.json");
    const slow = show(report, { NO_COLOR: "1" });
    await slow.shows(/reading/);
    delayMs = 0;
    expect(await slow.ended).toMatchObject({ status: 0 });
    // eslint-disable-next-line no-control-regex -- that is how colours are written
    expect(slow.raw()).not.toMatch(/\u001b\[[0-9;]*m/);
    expect(terminalFiles(report)).toEqual(["ora.cjs", "string-width.cjs"]);
  });
});
