import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../../src/oci/digest.js";
import { startRegistry, type RunningRegistry } from "../../src/testing/index.js";
import { buildProgram, type Program } from "../helpers/program.js";
import { describeWithPrograms } from "../helpers/registryServer.js";
import { shown, withoutEmptyEnd } from "../helpers/screen.js";
import { startSlowRegistry, type SlowRegistry } from "../helpers/slowRegistry.js";

const LAYERS = Array.from({ length: 6 }, (_, at) => Buffer.alloc(100_000 * (at + 1), `${at}`));
const BLOBS = new Map(LAYERS.map((bytes) => [digestOf(bytes), bytes]));

/** tmux wraps the lines of a window that is made narrower as most terminals do, and tells the program a moment later. */
describeWithPrograms("what tmux shows", ["tmux"], () => {
  let program: Program;
  let target: RunningRegistry;
  let slow: SlowRegistry;
  let folder: string;

  beforeAll(async () => {
    program = await buildProgram();
  });
  afterAll(() => {
    program.remove();
  });
  beforeEach(async () => {
    [target, slow] = await Promise.all([startRegistry(), startSlowRegistry(0.5, BLOBS)]);
    slow.registry.putImage("src/a", { tag: "v1", layers: LAYERS });
    folder = mkdtempSync(join(tmpdir(), "tmux-"));
  });
  afterEach(async () => {
    tmux("kill-server");
    await Promise.all([target.close(), slow.close()]);
    rmSync(folder, { recursive: true });
  });

  /** With a server of its own. */
  function tmux(...args: readonly string[]): string {
    const env = { PATH: process.env["PATH"], LANG: "C.UTF-8", TERM: "xterm-256color" };
    return execFileSync("tmux", ["-u", "-f", "/dev/null", "-S", join(folder, "socket"), ...args], {
      env,
      encoding: "utf8",
    });
  }

  /** @param first what the shell does before: `echo before` */
  function start(columns: number, first = "echo before"): void {
    const argv = [process.execPath, program.file, "imagetools", "create"];
    argv.push("-t", `${target.host}/app:v1`, `${slow.host}/src/a:v1`);
    const command = argv.map((arg) => `'${arg}'`).join(" ");
    writeFileSync(
      join(folder, "run.sh"),
      `trap : INT\nexport DOCKER_CONFIG='${folder}'\n${first}\n${command}\necho "after $?"\nsleep 60\n`,
    );
    tmux("new-session", "-d", "-x", String(columns), "-y", "40", `sh '${join(folder, "run.sh")}'`);
  }

  /** What is in the window, without the empty lines at its end. */
  function lines(): Promise<string[]> {
    return Promise.resolve(withoutEmptyEnd(tmux("capture-pane", "-p").split("\n")));
  }

  /** With what was scrolled out of the window. */
  function history(): string[] {
    return tmux("capture-pane", "-p", "-S", "-").split("\n");
  }

  /** How many lines were scrolled out of the window. */
  function historySize(): number {
    return Number(tmux("display", "-p", "#{history_size}"));
  }

  async function shows(pattern: RegExp): Promise<void> {
    await shown(pattern, lines);
  }

  it.each([20, 40, 100, 300])("in %i columns, and nothing of it afterwards", async (columns) => {
    start(columns);
    await shows(/before\n.*0 of 1 image[^]*and \d more/);
    expect(await lines()).toHaveLength(8);
    slow.goOn();
    await shows(/after 0/);
    const text = (await lines()).join("").replaceAll(" ", "");
    expect(text).toMatch(/^beforecopied7blobs\(2\.1MB\).*after0$/);
  });

  it("moves nothing into the history, also where it begins at the top of the window", async () => {
    start(100, "clear");
    await shows(/^.*pushing[^]*and \d more/);
    // Many frames.
    await sleep(1_500);
    expect(historySize()).toBe(0);
    slow.goOn();
    await shows(/after 0/);
    expect(historySize()).toBe(0);
    expect((await lines()).join("\n")).toMatch(/^copied 7 blobs \(2\.1 MB\)[^\n]*\n[^]*after 0$/);
    expect((await lines()).join("")).not.toContain("of 1 image");
  });

  it("lets the terminal move no more than one frame into the history when the window is resized", async () => {
    start(100, "clear");
    await shows(/^.*pushing[^]*and \d more/);
    for (const [times, columns] of [40, 100, 25, 60, 300, 50, 100].entries()) {
      tmux("resize-window", "-x", String(columns));
      await sleep(1_000);
      expect(await lines()).toHaveLength(7);
      const frames = history().filter((line) => line.includes(" of 1 image"));
      expect(frames.length - 1).toBeLessThanOrEqual(times + 1);
    }
    slow.goOn();
    await shows(/after 0/);
  });

  it("leaves no garbage when the window is made narrower and wider", async () => {
    start(100);
    await shows(/before\n.* of 1 image[^]*and \d more/);
    for (const columns of [40, 100, 25, 60, 300, 50, 100]) {
      tmux("resize-window", "-x", String(columns));
      // tmux may wait for a quarter of a second before it tells the program.
      await sleep(1_000);
      const shown = await lines();
      // tmux puts what was there into its history when lines are wrapped, and leaves it there.
      expect(shown.filter((line) => line !== "before")).toHaveLength(7);
      expect(shown.filter((line) => line.includes(" of 1 image"))).toHaveLength(1);
    }
    slow.goOn();
    await shows(/after 0/);
    expect((await lines()).join("")).toMatch(/^(before)?copied 7 blobs \(2\.1 MB\).*after 0$/);
    expect(history()).toContain("before");
  });

  describe("when the command is stopped and goes on", () => {
    /** In a shell that has jobs. */
    async function startJob(): Promise<void> {
      const argv = [process.execPath, program.file, "imagetools", "create"];
      argv.push("-t", `${target.host}/app:v1`, `${slow.host}/src/a:v1`);
      const command = argv.map((arg) => `'${arg}'`).join(" ");
      writeFileSync(join(folder, "job"), `#!/bin/sh\nexec ${command}\n`, { mode: 0o755 });
      writeFileSync(join(folder, "rc"), `PS1='$ '\nexport DOCKER_CONFIG='${folder}'\ncd '${folder}'\n`);
      tmux(
        "new-session",
        "-d",
        "-x",
        "100",
        "-y",
        "40",
        `bash --noprofile --rcfile '${join(folder, "rc")}' -i`,
      );
      await shows(/^\$/);
      tmux("send-keys", "./job", "Enter");
      await shows(/pushing[^]*and \d more/);
    }

    async function goesOn(): Promise<void> {
      tmux("send-keys", "echo between", "Enter");
      await shows(/^between$/m);
      // Nobody types it sooner.
      await sleep(500);
      tmux("send-keys", "fg", "Enter");
      await shows(/^between\n\$ fg\n.*\n.*pushing[^]*and \d more/m);
      await sleep(500);
      await shows(/^between\n\$ fg\n.*\n.*pushing[^]*and \d more/m);
      slow.goOn();
      await shows(/^between\n\$ fg\n.*\ncopied 7 blobs .*\n\$/m);
    }

    it("by Ctrl-Z, leaves nothing while it is stopped, and erases nothing of the shell's", async () => {
      await startJob();
      for (const time of [1, 2]) {
        tmux("send-keys", "C-z");
        await shows(/Stopped[^\n]*\n\$$/);
        expect((await lines()).join("\n")).not.toMatch(/pushing|more/);
        expect((await lines()).filter((line) => line.includes("Stopped"))).toHaveLength(time);
        if (time === 2) break;
        tmux("send-keys", "fg", "Enter");
        await shows(/pushing[^]*and \d more/);
      }
      await goesOn();
    });

    it("by a signal that cannot be listened to, erases nothing of the shell's", async () => {
      await startJob();
      const pid = execFileSync("pgrep", ["-f", `${target.host}/app:v1`], { encoding: "utf8" }).trim();
      await sleep(300);
      process.kill(Number(pid), "SIGSTOP");
      await shows(/Stopped[^\n]*\n\$$/);
      await goesOn();
    });
  });

  it("is as it was when the command is interrupted while the window changes", async () => {
    start(100);
    await shows(/before\n.* of 1 image[^]*and \d more/);
    tmux("resize-window", "-x", "40");
    tmux("send-keys", "C-c");
    await shows(/interrupted/);
    const text = (await lines()).join("");
    expect(text).not.toContain("pushing");
    expect(text).not.toContain("more");
    expect(history()).toContain("before");
  });
});
