import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openProgress, progressMode, withProgress } from "../../../src/ui/terminal/progress.js";

const SOURCE = { kind: "registry", domain: "registry.example", path: "app" } as const;
const BLOB = { digest: `sha256:${"a".repeat(64)}`, size: 3_000_000, foreign: false };
const STEP = { ...BLOB, toleratesRefusal: false, sources: [SOURCE], neededBy: [] };

function stage({
  isTTY,
  env = {},
  bytesWritten,
}: {
  readonly isTTY?: boolean;
  readonly env?: Record<string, string>;
  /** Of stdout, which is a pipe where it is given. */
  readonly bytesWritten?: number;
} = {}) {
  const interruption = new AbortController();
  let written = "";
  const stderr = {
    isTTY,
    columns: 80,
    write: (text: string | Uint8Array) => {
      written += String(text);
    },
  };
  let result = "";
  const stdout = {
    bytesWritten,
    write: (text: string | Uint8Array) => {
      // What was on the terminal when it was written.
      result += `${String(text)}|${written}`;
    },
  };
  const context = { stdout, stderr, env: { TERM: "xterm", ...env }, signal: interruption.signal };
  return {
    context,
    interrupt: () => {
      interruption.abort();
    },
    written: () => written,
    result: () => result,
  };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("how work is shown", () => {
  it.each([
    [{ progress: "auto" }, "auto"],
    [{ progress: "plain" }, "plain"],
    [{ progress: "none" }, "none"],
    [{ progress: "tty" }, "tty"],
    [{ progress: "rawjson" }, "plain"],
    [{ progress: "quiet" }, "none"],
    [{ progress: "plain", quiet: true }, "none"],
    [{ progress: "auto", quiet: false, debug: true }, "none"],
    [{ progress: "tty", debug: true }, "none"],
    [{ progress: "plain", debug: true }, "plain"],
  ])("by the flags %j", (flags, mode) => {
    expect(progressMode(flags)).toBe(mode);
  });
});

describe("lines with a time", () => {
  it("say what begins, and each that is done", () => {
    const { context, written } = stage();
    const progress = openProgress(context, "plain");
    progress.step("reading sources", { total: 2, unit: "source" });
    vi.advanceTimersByTime(1_230);
    progress.advance("read a");
    progress.advance();
    vi.advanceTimersByTime(2_000);
    progress.advance("read b\u001b[2J\nc");
    progress.stop();
    expect(written()).toBe(
      "0.0s reading sources: 0 of 2 sources\n" +
        "1.2s read a (1 of 2)\n" +
        "3.2s read b\\u001b[2J c (2 of 2)\n",
    );
  });

  it("say from time to time how many are done, where all are known only on the way", () => {
    const { context, written } = stage();
    const progress = openProgress(context, "plain");
    progress.step("reading app:v1");
    progress.count(0, 1, "manifest");
    progress.count(2, 12, "manifest");
    vi.advanceTimersByTime(5_000);
    progress.stop();
    expect(written()).toBe("0.0s reading app:v1\n5.0s reading app:v1: 2 of 12 manifests\n");
  });

  it("say what is copied, how fast, and from time to time how far it is", () => {
    const { context, written } = stage();
    const progress = openProgress(context, "plain");
    progress.step("pushing app:v1");
    progress.onEvent({ kind: "queued", blob: STEP, source: SOURCE });
    progress.onEvent({ kind: "copying", blob: STEP, source: SOURCE });
    for (let second = 0; second < 6; second++) {
      vi.advanceTimersByTime(1_000);
      progress.onEvent({ kind: "bytes", blob: STEP, count: 500_000, done: 500_000 * (second + 1) });
    }
    progress.onEvent({ kind: "blob", blob: STEP, outcome: { kind: "copied", source: SOURCE } });
    progress.onEvent({ kind: "kept", tag: "a", digest: "b" });
    progress.stop();
    vi.advanceTimersByTime(20_000);
    expect(written()).toBe(
      "0.0s pushing app:v1\n" +
        `0.0s copying aaaaaaaaaaaa (3.0 MB) from registry.example/app\n` +
        "5.0s pushing app:v1; copying 0 of 1 blob: 2.0 MB of 3.0 MB, 400.0 kB/s, 3s left\n" +
        `6.0s copied aaaaaaaaaaaa in 6s, 500.0 kB/s\n`,
    );
  });

  it("say that a registry has to be asked again", () => {
    const { context, written } = stage();
    const progress = openProgress(context, "plain");
    const url = new URL("https://registry.example/v2/");
    progress.onWire({ kind: "retry", method: "GET", url, attempt: 1, delayMs: 4_000, why: 503 });
    progress.onWire({ kind: "exchange", method: "GET", url, ms: 1, result: 200 });
    progress.stop();
    expect(written()).toBe("0.0s registry.example does not answer (503): trying again in 4s\n");
  });

  it("end when the command is interrupted", () => {
    const { context, interrupt, written } = stage();
    const progress = openProgress(context, "plain");
    progress.step("reading");
    interrupt();
    progress.advance("read");
    progress.stop();
    expect(written()).toBe("0.0s reading\n");
  });
});

describe("nothing is written", () => {
  it.each([
    ["in a pipe", {}, "auto"],
    ["in a pipe where lines that move are asked for", {}, "tty"],
    ["where none is wanted", { isTTY: true }, "none"],
    ["on a dumb terminal", { isTTY: true, env: { TERM: "dumb" } }, "tty"],
    ["on a terminal of a CI system", { isTTY: true, env: { CI: "true" } }, "auto"],
    ["where stdout is a pipe that has got something", { isTTY: true, bytesWritten: 1 }, "auto"],
  ] as const)("%s", async (_, options, mode) => {
    const { context, written } = stage(options);
    await withProgress(context, mode, async (progress) => {
      progress.step("reading", { total: 1, unit: "source" });
      progress.expect([]);
      await vi.advanceTimersByTimeAsync(2_000);
      progress.advance("read");
      progress.onEvent({ kind: "queued", blob: STEP, source: SOURCE });
      progress.onWire({ kind: "throttled", host: "registry.example", waitMs: 1 });
    });
    expect(written()).toBe("");
  });

  it("when it was interrupted before", () => {
    const { context, interrupt, written } = stage();
    interrupt();
    openProgress(context, "plain").step("reading");
    expect(written()).toBe("");
  });

  it("by what is over in less than half a second, whose stream is not even opened", async () => {
    const { context } = stage({ isTTY: true });
    const closed = {
      ...context,
      get stderr(): never {
        throw new Error("opened");
      },
    };
    const result = await withProgress(closed, "auto", async () => {
      await vi.advanceTimersByTimeAsync(400);
      return "done";
    });
    await vi.advanceTimersByTimeAsync(2_000);
    expect(result).toBe("done");
  });
});

describe("lines that move", () => {
  it("begin after half a second and leave nothing", async () => {
    vi.useRealTimers();
    const { context, written } = stage({ isTTY: true, env: { NO_COLOR: "1", LANG: "C" } });
    await withProgress(context, "auto", async (progress) => {
      progress.step("reading\u0007", { total: 1, unit: "source" });
      progress.onWire({
        kind: "retry",
        method: "GET",
        url: new URL("https://registry.example/v2/"),
        attempt: 1,
        delayMs: 9_000,
        why: "ECONNRESET",
      });
      await vi.waitFor(() => {
        expect(written()).toMatch(/reading\\u0007: 0 of 1 source, again in \ds \(ECONNRESET\)/);
      }, 5_000);
    });
    expect(written()).not.toContain("\u0007");
    expect(written().endsWith("\r\u001b[J\u001b[A\u001b[2K")).toBe(true);
  });

  it("end at once when the command is interrupted", async () => {
    vi.useRealTimers();
    const { context, interrupt, written } = stage({ isTTY: true });
    const progress = openProgress(context, "auto");
    progress.step("reading");
    await vi.waitFor(() => {
      expect(written()).toContain("reading");
    }, 5_000);
    // In colours.
    expect(written()).toContain("\u001b[36m");
    interrupt();
    expect(written().endsWith("\u001b[A\u001b[2K")).toBe(true);
    progress.stop();
    expect(written().endsWith("\u001b[A\u001b[2K")).toBe(true);
  });

  it.each([0, undefined])(
    "end before something is written to stdout if that is a pipe: %s",
    async (bytesWritten) => {
      vi.useRealTimers();
      const { context, written, result } = stage({
        isTTY: true,
        ...(bytesWritten === 0 && { bytesWritten }),
      });
      const progress = openProgress(context, "auto");
      progress.step("reading");
      await vi.waitFor(() => {
        expect(written()).toContain("reading");
      }, 5_000);
      context.stdout.write("one");
      expect(result().endsWith("\u001b[A\u001b[2K")).toBe(bytesWritten === 0);
      await sleep(300);
      expect(written().endsWith("\u001b[A\u001b[2K")).toBe(bytesWritten === 0);
      progress.step("pushing");
      progress.stop();
      expect(written().endsWith("\u001b[A\u001b[2K")).toBe(true);
      context.stdout.write("two");
      expect(result()).toMatch(/^one\|[^]*two\|/);
    },
  );

  it("are erased before the program is stopped, and drawn below what is there when it goes on", async () => {
    vi.useRealTimers();
    const { context, written } = stage({ isTTY: true });
    let [stops, goesOn, listens] = [(): void => undefined, (): void => undefined, false];
    const onSuspend = (before: () => void, after: () => void) => {
      [stops, goesOn, listens] = [before, after, true];
      return () => (listens = false);
    };
    const progress = openProgress({ ...context, onSuspend }, "auto");
    progress.step("reading");
    await vi.waitFor(() => {
      expect(written()).toContain("reading");
    }, 5_000);
    expect(listens).toBe(true);
    stops();
    expect(written().endsWith("\u001b[A\u001b[2K")).toBe(true);
    const before = written();
    goesOn();
    expect(written().slice(before.length)).toMatch(/reading/);
    expect(written().slice(before.length)).not.toContain("\u001b[J");
    progress.stop();
    expect(listens).toBe(false);
  });
});
