import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../../src/oci/digest.js";
import { startRegistry, type RunningRegistry } from "../../src/testing/index.js";
import { buildProgram, type Program } from "../helpers/program.js";
import { putConfigured, putIndex } from "../helpers/lookedAt.js";
import { describeWithPrograms } from "../helpers/registryServer.js";
import { onScreen, type Screen, type ScreenOptions } from "../helpers/screen.js";
import { startSlowRegistry, type SlowRegistry } from "../helpers/slowRegistry.js";

/** Nine layers of 1 to 9 MB: 45 MB in all. */
const LAYERS = Array.from({ length: 9 }, (_, at) => Buffer.alloc(1_000_000 * (at + 1), `${at}`));
const BLOBS = new Map(LAYERS.map((bytes) => [digestOf(bytes), bytes]));

/** Anything that a terminal obeys, but the ends of lines. */
// eslint-disable-next-line no-control-regex -- finding control characters is the point
const ESCAPE = /\u001b/;
// eslint-disable-next-line no-control-regex -- that is how colours are written
const COLOUR = /\u001b\[[0-9;]*m/;

/** The bars, when the slow registry has sent all that it sends at first. */
const ALL_BARS = /(?:(?:40%|\[={12}> +\])[^]*){4}and 5 more/;

describeWithPrograms("what a terminal shows", ["script"], () => {
  let program: Program;
  let target: RunningRegistry;
  let slow: SlowRegistry;
  let home: string;
  let list: string;
  let source: string;
  let screens: Screen[];
  const closing: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    program = await buildProgram();
  });
  afterAll(() => {
    program.remove();
  });

  beforeEach(async () => {
    const copied = await startSlowRegistry(0.4, BLOBS);
    slow = copied;
    // The first four are copied first, in their order, whichever connection is the quickest.
    target = await startRegistry({
      onRequest: async ({ path }) => {
        const at = [...BLOBS.keys()].findIndex((digest) => path.includes(digest));
        if (at > 0) await copied.asked(Math.min(at, 4));
        return undefined;
      },
    });
    const { blobs } = slow.registry.putImage("src/a", { tag: "v1", layers: LAYERS });
    // Of ten blobs nine are to be copied.
    target.putBlob("app", slow.registry.blob("src/a", blobs[0] ?? "") ?? "");
    home = mkdtempSync(join(tmpdir(), "screens-"));
    list = `${target.host}/app:v1`;
    source = `${slow.host}/src/a:v1`;
    screens = [];
  });
  afterEach(async () => {
    for (const screen of screens) screen.end();
    await Promise.all(closing.splice(0).map((close) => close()));
    await Promise.all([target.close(), slow.close()]);
    rmSync(home, { recursive: true });
  });

  function show(args: readonly string[], options: ScreenOptions): Screen {
    const screen = onScreen(program, args, { ...options, env: { DOCKER_CONFIG: home, ...options.env } });
    screens.push(screen);
    return screen;
  }

  function showCopies(options: ScreenOptions): Screen {
    return show(["imagetools", "create", "-t", list, source], options);
  }

  /** Without what is another in each run: rates, times, ports, which way the spinner looks. */
  function steady(lines: readonly string[]): string[] {
    return lines.map((line) =>
      line
        .replace(/^[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏\-\\|/](?= )/, "*")
        .replace(/127\.0\.0\.1:\d{5}/, "127.0.0.1:PORT")
        .replace(/,? +[\d.]+ [kM]?B\/s/, "")
        .replace(/,? +(?:\d+m )?\d+s left/, "")
        .replace(/ \((?:\d+m )?\d+s\)$/, " (TIME)"),
    );
  }

  const COPIED = /^copied 9 blobs \(45\.0 MB\), from 127\.0\.0\.1:\d+\/src\/a$/;

  describe.each(["with", "without"])("%s colours", (colours) => {
    const env = colours === "with" ? {} : { NO_COLOR: "1" };

    it.each([20, 40, 100, 300])("in %i columns", async (columns) => {
      const screen = showCopies({ columns, env });
      await screen.shows(ALL_BARS);
      expect(steady(await screen.lines())).toMatchSnapshot(`${columns} columns`);
      expect(await screen.cursor()).toMatchObject({ column: 0 });
      slow.goOn();
      expect(await screen.ended).toMatchObject({ status: 0 });
      expect((await screen.text()).trimEnd()).toMatch(COPIED);
      expect(COLOUR.test(screen.raw())).toBe(colours === "with");
    });
  });

  it("leaves no garbage when the window is made narrower, wider, and 0 columns wide", async () => {
    // High enough for all that the lines take when they are wrapped: what leaves a window cannot be erased.
    const screen = showCopies({ columns: 100, rows: 60 });
    await screen.shows(ALL_BARS);
    for (const columns of [40, 20, 300, 60, 100, 21, 99]) {
      await screen.resize(columns);
      await screen.shows(columns < 50 ? /40%/ : /=====>/);
      await screen.settles();
      const lines = await screen.allLines();
      expect(lines.filter((line) => line.includes(" of 1 image"))).toHaveLength(1);
      expect(lines).toHaveLength(7);
      expect(lines.at(-1)).toBe("   and 5 more");
    }
    await screen.resize(0);
    await screen.shows(/^$/);
    await screen.settles();
    expect(await screen.allLines()).toEqual([]);
    await screen.resize(100);
    await screen.shows(ALL_BARS);
    expect(await screen.allLines()).toHaveLength(7);
    slow.goOn();
    expect(await screen.ended).toMatchObject({ status: 0 });
    expect(await screen.allLines()).toEqual([expect.stringMatching(COPIED)]);
  });

  it("draws nothing in 0 columns, and takes no more of the processor than in 100", async () => {
    const [none, wide] = [0, 100].map((columns) => showCopies({ columns }));
    await wide?.shows(ALL_BARS);
    // Some sixty frames: more than what it takes to start.
    await wide?.settles(5_000);
    slow.goOn();
    const [inNone, inWide] = await Promise.all([none?.ended, wide?.ended]);
    expect([inNone?.status, inWide?.status]).toEqual([0, 0]);
    expect(none?.raw()).not.toMatch(ESCAPE);
    expect(await none?.allLines()).toEqual([expect.stringMatching(COPIED)]);
    expect(inNone?.processorMs).toBeLessThan(1.5 * (inWide?.processorMs ?? 0) + 150);
  });

  it.each([
    ["TERM=dumb", { TERM: "dumb" }],
    ["TERM=dumb where colours are forced", { TERM: "dumb", FORCE_COLOR: "3" }],
    ["CI", { CI: "true" }],
  ])("nothing that moves, and no escape sequence: %s", async (_, env) => {
    const screen = showCopies({ columns: 100, env });
    await screen.settles(1_500);
    slow.goOn();
    expect(await screen.ended).toMatchObject({ status: 0 });
    expect(screen.raw()).not.toMatch(ESCAPE);
    expect(await screen.allLines()).toEqual([expect.stringMatching(COPIED)]);
  });

  it("lines that move in CI where they are asked for", async () => {
    const screen = show(["imagetools", "create", "--progress", "tty", "-t", list, source], {
      columns: 100,
      env: { CI: "true" },
    });
    await screen.shows(ALL_BARS);
  });

  it("nothing at all for what is over in less than half a second", async () => {
    slow.goOn();
    const screen = show(["imagetools", "inspect", "--raw", source], { columns: 100 });
    expect(await screen.ended).toMatchObject({ status: 0 });
    expect(screen.raw()).not.toMatch(ESCAPE);
  });

  it("the log of --debug, with nothing that moves between its lines", async () => {
    const screen = show(["--debug", "imagetools", "create", "-t", list, source], { columns: 300 });
    await screen.settles(1_500);
    slow.goOn();
    expect(await screen.ended).toMatchObject({ status: 0 });
    expect(screen.raw()).not.toMatch(ESCAPE);
    for (const line of (await screen.allLines()).slice(0, -1)) expect(line).toMatch(/^[A-Z]+ http:.* ms$/);
  });

  it("lines with a time, where that is asked for", async () => {
    const screen = show(["imagetools", "create", "--progress", "plain", "-t", list, source], {
      columns: 300,
    });
    await screen.shows(/copying/);
    slow.goOn();
    expect(await screen.ended).toMatchObject({ status: 0 });
    expect(screen.raw()).not.toMatch(ESCAPE);
    const lines = await screen.allLines();
    expect(lines.at(-1)).toMatch(COPIED);
    for (const line of lines.slice(0, -1)) expect(line).toMatch(/^\d+\.\ds \S/);
  });

  describe("interrupted", () => {
    const NOT_MOVED = /^127\.0\.0\.1:\d+\/app: the tags were not moved$/;

    it.each([
      ["SIGINT", 130],
      ["SIGTERM", 143],
    ] as const)("by %s", async (signal, status) => {
      const screen = showCopies({ columns: 100 });
      await screen.shows(ALL_BARS);
      screen.kill(signal);
      expect(await screen.ended).toMatchObject({ status });
      expect(await screen.allLines()).toEqual([
        expect.stringMatching(NOT_MOVED),
        "ERROR: tsmanifest: interrupted",
      ]);
      expect(await screen.cursor()).toMatchObject({ column: 0 });
    });

    it("by Control-C, which a terminal shows", async () => {
      const screen = showCopies({ columns: 100 });
      await screen.shows(ALL_BARS);
      screen.type("\u0003");
      expect(await screen.ended).toMatchObject({ status: 130 });
      const text = await screen.text();
      expect(text).not.toContain("^C");
      expect(text).not.toContain("pushing");
    });

    it("twice", async () => {
      const screen = showCopies({ columns: 100 });
      await screen.shows(ALL_BARS);
      screen.kill("SIGINT");
      screen.kill("SIGINT");
      expect(await screen.ended).toMatchObject({ status: 130 });
      expect(await screen.text()).not.toContain("pushing");
      expect(await screen.cursor()).toMatchObject({ column: 0 });
    });

    it("while the window is made narrower", async () => {
      const screen = showCopies({ columns: 100 });
      await screen.shows(ALL_BARS);
      await Promise.all([
        screen.resize(40),
        Promise.resolve().then(() => {
          screen.kill("SIGTERM");
        }),
      ]);
      expect(await screen.ended).toMatchObject({ status: 143 });
      const text = await screen.text();
      expect(text).not.toContain("pushing");
      expect(text).not.toContain("and 5 more");
    });

    it("by SIGKILL: no half line is left, and the cursor is shown", async () => {
      const screen = showCopies({ columns: 100 });
      await screen.shows(ALL_BARS);
      screen.kill("SIGKILL");
      await screen.ended;
      const [first = "", ...lines] = await screen.lines();
      expect(first).toContain("pushing");
      // What a shell says begins a line.
      expect(["", "Killed"]).toContain(lines[6] ?? "");
      expect(screen.raw()).not.toContain("\u001b[?25l");
    });
  });

  it("results on stdout and warnings, each on a line of its own above what moves", async () => {
    const lists = Array.from({ length: 12 }, (_, at) => ({
      target: `${target.host}/lists:v${at}`,
      sources: [at === 0 ? source : `${target.host}/quick:v1`],
    }));
    target.putImage("quick", { tag: "v1" });
    const file = join(home, "lists.json");
    writeFileSync(file, JSON.stringify({ version: 1, lists }));
    const screen = show(["apply", "-f", file], { columns: 120 });
    await screen.shows(/applying: 11 of 12 lists[^]*=====>/);
    const RESULT = /^sha256:[0-9a-f]{64} {2}\S+\/lists:v\d+$/;
    const before = await screen.allLines();
    expect(before.slice(0, 11)).toEqual(Array<unknown>(11).fill(expect.stringMatching(RESULT)));
    expect(before[11]).toMatch(/applying/);
    slow.goOn();
    expect(await screen.ended).toMatchObject({ status: 0 });
    const after = await screen.allLines();
    expect(after).toEqual(Array<unknown>(12).fill(expect.stringMatching(RESULT)));
  });

  it("what is piped into a program that writes to the terminal, and no longer what moves", async () => {
    const other = await startSlowRegistry(0.4, BLOBS);
    closing.push(() => other.close());
    other.registry.putImage("src/a", { tag: "v1", layers: LAYERS.slice(0, 2) });
    const lists = [source, `${other.host}/src/a:v1`].map((from, at) => ({
      target: `${target.host}/lists${at}:v1`,
      sources: [from],
    }));
    const file = join(home, "lists.json");
    writeFileSync(file, JSON.stringify({ version: 1, lists }));
    const log = join(home, "log");
    const screen = show(["apply", "--jobs", "1", "-f", file], { columns: 120, pipe: `tee '${log}'` });
    // As in `$(… | tail -n 1)`: until there is a result.
    await screen.shows(/applying: 0 of 2 lists[^]*=====>/);
    slow.goOn();
    await screen.shows(/sha256:/);
    await screen.settles(1_000);
    const RESULT = /^sha256:[0-9a-f]{64} {2}\S+\/lists\d:v1$/;
    expect(await screen.allLines()).toEqual([expect.stringMatching(RESULT)]);
    other.goOn();
    expect(await screen.ended).toMatchObject({ status: 0 });
    const lines = await screen.allLines();
    expect(lines).toEqual([expect.stringMatching(RESULT), expect.stringMatching(RESULT)]);
    expect(readFileSync(log, "utf8")).toBe(`${lines.join("\n")}\n`);
  });

  it("nothing that moves once something has gone into a pipe", async () => {
    target.putImage("quick", { tag: "v1" });
    const lists = [`${target.host}/quick:v1`, source].map((from, at) => ({
      target: `${target.host}/lists${at}:v1`,
      sources: [from],
    }));
    const file = join(home, "lists.json");
    writeFileSync(file, JSON.stringify({ version: 1, lists }));
    const screen = show(["apply", "--jobs", "1", "-f", file], { columns: 120, pipe: "cat" });
    await screen.shows(/sha256:/);
    await screen.settles(1_000);
    expect(await screen.allLines()).toHaveLength(1);
    // A slow machine may have drawn something before.
    expect(screen.raw().slice(screen.raw().indexOf("sha256:"))).not.toMatch(ESCAPE);
    slow.goOn();
    expect(await screen.ended).toMatchObject({ status: 0 });
    expect(await screen.allLines()).toHaveLength(2);
  });

  it("the whole of what is piped elsewhere, whatever moves on the terminal", async () => {
    const file = join(home, "stdout");
    slow.registry.putImage("src/b", { tag: "v1", layers: LAYERS.slice(0, 2) });
    const screen = show(["imagetools", "create", "--format", "json", "-t", list, source], {
      columns: 100,
      stdout: file,
    });
    await screen.shows(ALL_BARS);
    slow.goOn();
    expect(await screen.ended).toMatchObject({ status: 0 });
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ sent: { copied: 9 } });
  });

  it("a bar that begins again where an upload does", async () => {
    let refusals = 0;
    const refusing = await startRegistry({
      onRequest: ({ method, path }) =>
        method === "PUT" && path.includes("/blobs/uploads/") && refusals++ < 6 ? { status: 503 } : undefined,
    });
    closing.push(() => refusing.close());
    const [config = ""] = slow.registry.blobs("src/a");
    refusing.putBlob("app", slow.registry.blob("src/a", config) ?? "");
    const screen = show(["imagetools", "create", "-t", `${refusing.host}/app:v1`, source], { columns: 100 });
    await screen.shows(ALL_BARS);
    await screen.settles(1_000);
    const lines = await screen.allLines();
    expect(lines).toHaveLength(7);
    for (const bar of lines.slice(2, 6))
      expect(bar).toMatch(/^ {3}[0-9a-f]{12} \[=*>? *\] +\S+ [kM]?B\/\S+ [kM]?B/);
    slow.goOn();
    expect(await screen.ended).toMatchObject({ status: 0 });
    expect(refusals).toBeGreaterThanOrEqual(6);
    expect(await screen.allLines()).toEqual([expect.stringMatching(COPIED)]);
  });

  it("that the registry is waited for, where it has been sent all and does not answer", async () => {
    let answer = (): void => undefined;
    const isToAnswer = new Promise<undefined>((resolve) => {
      answer = () => {
        resolve(undefined);
      };
    });
    const late = await startRegistry({
      onRequest: ({ method, path }) =>
        ["PATCH", "PUT"].includes(method) && path.includes("/blobs/uploads/") ? isToAnswer : undefined,
    });
    closing.push(() => late.close());
    slow.registry.putImage("src/small", { tag: "v1", layers: [Buffer.alloc(20_000)] });
    const args = ["imagetools", "create", "-t", `${late.host}/app:v1`, `${slow.host}/src/small:v1`];
    const screen = show(args, { columns: 100 });
    await screen.shows(/copying 0 of 2 blobs: 20\.\d kB of 20\.\d kB, waiting for the registry\n/);
    await screen.shows(/\[={28,30}\] {2,5}20\.0 kB\/20\.0 kB waiting for the registry/);
    await screen.settles(1_000);
    expect((await screen.lines()).join("\n")).not.toMatch(/B\/s|s left/);
    answer();
    expect(await screen.ended).toMatchObject({ status: 0 });
    expect(await screen.allLines()).toEqual([expect.stringMatching(/^copied 2 blobs/)]);
  });

  it("that a registry has to be asked again, why, and when", async () => {
    const failing = await startRegistry({
      onRequest: () => ({ status: 503, headers: { "retry-after": "3" } }),
    });
    closing.push(() => failing.close());
    const screen = show(["inspect", `${failing.host}/app:v1`], { columns: 100 });
    await screen.shows(/reading 127\.0\.0\.1:\d+\/app:v1: again in \ds \(503\) \(\d+s\)/);
  });

  it.each([
    ["inspect --tree", ["inspect", "--tree", "v1"], /reading \S+:v1: 2 of 3 manifests \(\d+s\)/],
    ["inspect -v", ["inspect", "-v", "v1"], /reading \S+:v1: 3 of 4 manifests \(\d+s\)/],
    [
      "imagetools inspect",
      ["imagetools", "inspect", "--format", "{{json .Image}}", "v1"],
      /reading \S+:v1: 4 of 5 documents \(\d+s\)/,
    ],
    ["diff", ["diff", "v1", "v2"], /comparing \S+:v1 with \S+:v2: 2 of 3 images \(\d+s\)/],
  ])("how much has been read, where that takes a while: %s", async (_, words, pattern) => {
    let held = "";
    const registry = await startRegistry({
      onRequest: ({ path }) => (path.endsWith(held) ? new Promise(() => undefined) : undefined),
    });
    closing.push(() => registry.close());
    for (const version of ["1", "2"]) {
      const images = ["amd64", "arm64", "s390x"].map((architecture) =>
        putConfigured(registry, "app", { architecture, layers: [{ name: version, size: 10 }] }),
      );
      held = images.at(-1)?.digest ?? "";
      putIndex(registry, "app", images, { tag: `v${version}` });
      if (version === "1" && words[0] !== "diff") break;
    }
    const names = words.map((word) => word.replace(/^v\d$/, (tag) => `${registry.host}/app:${tag}`));
    await show(names, { columns: 120 }).shows(pattern);
  });

  it("names of wide characters, cut and never wrapped", async () => {
    const folder = join(home, "应用程序-镜像-🚀🚀🚀-ｗｉｄｅ-e\u0301e\u0301");
    const screen = show(["imagetools", "create", "-t", `oci-layout://${folder}:v1`, source], { columns: 60 });
    await screen.shows(/and \d more/);
    for (const columns of [60, 40, 33, 20]) {
      await screen.resize(columns);
      await screen.settles();
      expect(await screen.allLines()).toHaveLength(7);
    }
  });

  it("spells out what a registry says, and nothing that it could make a terminal do", async () => {
    const screen = show(["imagetools", "create", "-t", `oci-layout://${home}/a\u0007b:v1`, source], {
      columns: 200,
    });
    await screen.shows(/a\\u0007b/);
    expect(screen.raw()).not.toContain("\u0007");
  });
});
