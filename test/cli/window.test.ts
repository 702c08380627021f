import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startRegistry, type RunningRegistry } from "../../src/testing/index.js";
import { buildProgram, type Program } from "../helpers/program.js";
import { describeWithPrograms } from "../helpers/registryServer.js";

describeWithPrograms("a terminal window", ["script"], () => {
  let program: Program;
  let registry: RunningRegistry;
  let home: string;
  let list: string;

  beforeAll(async () => {
    [program, registry] = await Promise.all([buildProgram(), startRegistry()]);
    home = mkdtempSync(join(tmpdir(), "window-"));
    list = `${registry.host}/app:v1`;
    registry.putImage("src/a", { tag: "v1" });
    const create = program.start(["create", list, `${registry.host}/src/a:v1`], { DOCKER_CONFIG: home });
    expect(await create.ended).toMatchObject({ status: 0 });
  });

  afterAll(async () => {
    program.remove();
    await registry.close();
    rmSync(home, { recursive: true });
  });

  it.each([0, 1, 80])("of %i columns: a push ends, and says what it pushed", async (columns) => {
    const screen = await inWindow(columns, [process.execPath, program.file, "push", list]);
    expect(screen).toContain(registry.manifest("app", "v1")?.digest);
    expect(screen.length).toBeLessThan(10_000);
  });

  /** What is written to a window in which a program runs. */
  function inWindow(columns: number, argv: readonly string[]): Promise<string> {
    const command = argv.map((arg) => `'${arg}'`).join(" ");
    return new Promise((resolve, reject) => {
      const child = spawn(
        "script",
        ["-qec", `stty cols ${columns}; exec timeout --foreground -s KILL 20 ${command}`, "/dev/null"],
        {
          env: { PATH: process.env["PATH"], DOCKER_CONFIG: home, TERM: "xterm" },
          stdio: ["ignore", "pipe", "inherit"],
        },
      );
      let screen = "";
      child.stdout.on("data", (chunk: Buffer) => {
        screen += chunk.toString();
        if (screen.length > 100_000) child.kill("SIGKILL");
      });
      child.once("error", reject);
      child.once("close", () => {
        resolve(screen);
      });
    });
  }
});
