import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Terminal } from "@xterm/headless";
import * as z from "zod/mini";
import type { Program } from "./program.js";

/** The program in a terminal of its own, which xterm.js draws. */
export interface Screen {
  /** The window's lines, without the empty ones at the end. */
  lines(): Promise<string[]>;
  /** The same with those that were scrolled out of the window. */
  allLines(): Promise<string[]>;
  /** Where the cursor is, from 0. */
  cursor(): Promise<{ readonly column: number; readonly row: number }>;
  /** All lines as one text: those that the terminal wrapped are one line again. */
  text(): Promise<string>;
  /** Waits until no more than the spinner can have changed: half a second, unless told in milliseconds. */
  settles(ms?: number): Promise<void>;
  /** All that was written so far, as it was. */
  raw(): string;
  /** Waits until the window's lines, joined, match. */
  shows(pattern: RegExp): Promise<void>;
  /** Makes the window wider or narrower: the terminal wraps its lines, then it tells the program. */
  resize(columns: number): Promise<void>;
  /** What a person types. */
  type(keys: string): void;
  kill(signal: NodeJS.Signals): void;
  /** Ends the program, if it still runs. */
  end(): void;
  readonly ended: Promise<{
    readonly status: number | null;
    /** How long it used a processor; undefined where it could not tell. */
    readonly processorMs: number | undefined;
  }>;
}

export interface ScreenOptions {
  /** What the window says. One that says 0 is 80 wide all the same. */
  readonly columns: number;
  readonly rows?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Where stdout goes, if not to the terminal. */
  readonly stdout?: string;
  /** What stdout is piped into, a command of the shell that runs in the same terminal: `tee log`. */
  readonly pipe?: string;
}

/** As long as the slowest machine takes, in milliseconds. */
const PATIENCE_MS = 20_000;

const Usage = z.object({ userCPUTime: z.number(), systemCPUTime: z.number() });

/** Says at the end how long the processor was used. */
const USAGE = `process.on("exit", () => require("node:fs").writeFileSync(process.env.USAGE_FILE, JSON.stringify(process.resourceUsage())));`;

/** Runs a command line in a terminal, by script(1). https://man7.org/linux/man-pages/man1/script.1.html */
export function onScreen(program: Program, args: readonly string[], options: ScreenOptions): Screen {
  const { columns, rows = 24, env = {}, stdout, pipe } = options;
  const folder = mkdtempSync(join(tmpdir(), "screen-"));
  const file = (name: string): string => join(folder, name);
  writeFileSync(file("usage.cjs"), USAGE);
  const argv = [process.execPath, "--require", file("usage.cjs"), program.file, ...args]
    .map(quoted)
    .join(" ");
  const toFile = stdout === undefined ? "" : ` > ${quoted(stdout)}`;
  const to = pipe === undefined ? toFile : ` | ${pipe}`;
  writeFileSync(
    file("run.sh"),
    `stty cols ${columns} rows ${rows}; tty > ${file("tty")}; echo $$ > ${file("pid")}; exec ${argv}${to}\n`,
  );
  const terminal = new Terminal({
    cols: columns === 0 ? 80 : columns,
    rows,
    scrollback: 1_000,
    allowProposedApi: true,
  });
  const child = spawn("script", ["-qec", `sh ${file("run.sh")}`, "/dev/null"], {
    env: { PATH: process.env["PATH"], TERM: "xterm-256color", USAGE_FILE: file("usage.json"), ...env },
    stdio: ["pipe", "pipe", "inherit"],
  });
  let raw = "";
  let drawn = Promise.resolve();
  child.stdout.on("data", (chunk: Buffer) => {
    raw += chunk.toString("latin1");
    if (raw.length > 10_000_000) child.kill("SIGKILL");
    drawn = new Promise((resolve) => {
      terminal.write(chunk, resolve);
    });
  });
  const ended = new Promise<Awaited<Screen["ended"]>>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => {
      const usage = existsSync(file("usage.json")) ? Usage.parse(JSON.parse(read("usage.json"))) : undefined;
      rmSync(folder, { recursive: true });
      resolve({ status, processorMs: usage && (usage.userCPUTime + usage.systemCPUTime) / 1000 });
    });
  });

  function read(name: string): string {
    return readFileSync(file(name), "utf8").trim();
  }

  async function allLines(): Promise<string[]> {
    await drawn;
    const { active } = terminal.buffer;
    const lines = Array.from(
      { length: active.length },
      (_, at) => active.getLine(at)?.translateToString(true) ?? "",
    );
    return withoutEmptyEnd(lines);
  }

  async function lines(): Promise<string[]> {
    await drawn;
    return (await allLines()).slice(terminal.buffer.active.baseY);
  }

  return {
    lines,
    allLines,
    text: async () => {
      await drawn;
      const { active } = terminal.buffer;
      let all = "";
      for (let at = 0; at < active.length; at++) {
        const line = active.getLine(at);
        all += `${line?.isWrapped === true ? "" : "\n"}${line?.translateToString(true) ?? ""}`;
      }
      return all.trim();
    },
    settles: async (ms = 500) => {
      await sleep(ms);
      await drawn;
    },
    cursor: async () => {
      await drawn;
      const { cursorX: column, cursorY: row } = terminal.buffer.active;
      return { column, row };
    },
    raw: () => raw,
    shows: (pattern) => shown(pattern, lines),
    resize: async (wanted) => {
      await drawn;
      if (wanted > 0) terminal.resize(wanted, rows);
      execFileSync("stty", ["-F", read("tty"), "cols", String(wanted)]);
    },
    type: (keys) => {
      child.stdin.write(keys);
    },
    kill: (signal) => {
      process.kill(Number(read("pid")), signal);
    },
    end: () => {
      if (child.exitCode === null) child.kill("SIGKILL");
    },
    ended,
  };
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

export function withoutEmptyEnd(lines: readonly string[]): string[] {
  return lines.slice(0, lines.findLastIndex((line) => line !== "") + 1);
}

/** Waits until a window's lines, joined, match. */
export async function shown(pattern: RegExp, lines: () => Promise<readonly string[]>): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const text = (await lines()).join("\n");
    if (pattern.test(text)) return;
    if (Date.now() > end) throw new Error(`${String(pattern)} was never shown, but:\n${text}`);
    await sleep(20);
  }
}
