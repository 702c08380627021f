import { describe, expect, it } from "vitest";
import { viewText } from "../../../src/ui/terminal/plainText.js";
import { displayWidth } from "../../../src/ui/terminal/width.js";
import type { CopyView, WorkView } from "../../../src/ui/terminal/workState.js";
import { workLines } from "../../../src/ui/terminal/workLines.js";

const IDLE: WorkView = {
  what: "reading sources",
  counts: [{ done: 2, total: 5, unit: "source" }],
  notes: [],
  elapsedMs: 3_200,
  copies: [],
  copying: undefined,
};

const MB = 1_000_000;

function copy(at: number, done: number, total: number, rate?: number): CopyView {
  const leftMs = rate === undefined || total === 0 ? undefined : ((total - done) / rate) * 1000;
  return { digest: `sha256:${String(at).repeat(64)}`, done, total, isSent: false, rate, leftMs };
}

const COPYING: WorkView = {
  what: "pushing registry.example/team/app:v1",
  counts: [
    { done: 3, total: 12, unit: "image" },
    { done: 14, total: 120, unit: "blob" },
  ],
  notes: [],
  elapsedMs: 75_000,
  copies: [
    copy(0, 12.3 * MB, 45.6 * MB, 3.1 * MB),
    copy(1, 0, 1_200, undefined),
    copy(2, 999 * MB, 1_000 * MB, 12 * MB),
    copy(3, 5 * MB, 0, 700_000),
    copy(4, 1, 2, 1),
  ],
  copying: {
    done: 45.2 * MB,
    total: 1_200 * MB,
    isSent: false,
    rate: 12.3 * MB,
    leftMs: 93_890,
    blobs: { done: 3, total: 14, unit: "blob" },
  },
};

/** What is seen, without how it is painted. */
function seen(view: WorkView, columns: number, rows = 24): string[] {
  const lines = workLines(view, { columns, rows, indent: 3, ellipsis: "…" });
  return lines.map((line) => line.map(({ text }) => text).join(""));
}

describe("what a terminal shows of a piece of work", () => {
  it("is what is being done, how many of how many, and for how long", () => {
    expect(seen(IDLE, 80)).toEqual(["reading sources: 2 of 5 sources (3s)"]);
  });

  it("is what is worth saying besides", () => {
    const view = { ...IDLE, what: "applying", notes: ["3 unchanged", "1 failed"] };
    expect(seen(view, 80)).toEqual(["applying: 2 of 5 sources, 3 unchanged, 1 failed (3s)"]);
  });

  it("is a count alone where the total is not known", () => {
    const view = { ...IDLE, counts: [{ done: 1, total: undefined, unit: "blob" }] };
    expect(seen(view, 80)).toEqual(["reading sources: 1 blob (3s)"]);
  });

  it.each([
    [100, "4.0 MB of 4.0 MB, waiting for the registry", "==]    4.0 MB/4.0 MB waiting for the registry"],
    [60, "4.0 MB of 4.0 MB, waiting for the registry", "==]     4.0 MB/4.0 MB    waiting"],
    [30, "4.0 MB of 4.0 MB", " 100%"],
  ])("says in %i columns that the registry is waited for when all is sent", (columns, all, one) => {
    const sent = { done: 4 * MB, total: 4 * MB, isSent: true, rate: undefined, leftMs: undefined };
    const view = {
      ...COPYING,
      copies: [{ ...copy(0, 0, 0), ...sent }],
      copying: { ...sent, blobs: { done: 0, total: 1, unit: "blob" } },
    };
    const [, copying = "", bar = ""] = seen(view, columns);
    expect(copying.endsWith(all)).toBe(true);
    expect(bar.endsWith(one)).toBe(true);
    expect(viewText(view)).toContain("; copying 0 of 1 blob: 4.0 MB of 4.0 MB, waiting for the registry");
  });

  it("has a bar for each of the first copies, all copies above, and how many more there are below", () => {
    expect(seen(COPYING, 100)).toMatchInlineSnapshot(`
      [
        "pushing registry.example/team/app:v1: 3 of 12 images, 14 of 120 blobs (1m 15s)",
        "   copying 3 of 14 blobs: 45.2 MB of 1.2 GB, 12.3 MB/s, 1m 34s left",
        "   000000000000 [========>                     ]   12.3 MB/45.6 MB   3.1 MB/s     11s left",
        "   111111111111 [>                             ]        0 B/1.2 kB",
        "   222222222222 [=============================>]   999.0 MB/1.0 GB  12.0 MB/s      0s left",
        "   333333333333 5.0 MB, 700.0 kB/s",
        "   and 7 more",
      ]
    `);
  });

  it.each([60, 40, 20])("leaves out what there is no room for in %i columns", (columns) => {
    expect(seen(COPYING, columns)).toMatchSnapshot();
  });

  it.each([1, 2, 3, 4, 5, 7])("has no more lines than %i", (rows) => {
    expect(seen(COPYING, 80, rows).length).toBeLessThanOrEqual(rows);
    expect(seen(COPYING, 80, rows)[0]).toContain("pushing");
  });

  it("has no line that is wider than the window, whatever the names are", () => {
    const names = ["应用程序/镜像仓库:最新", "👨‍👩‍👧‍👦".repeat(9), "e\u0301".repeat(70), "x".repeat(300), ""];
    for (const what of names) {
      for (let columns = 4; columns <= 130; columns++) {
        const widths = seen({ ...COPYING, what }, columns).map(displayWidth);
        expect(widths[0]).toBeLessThanOrEqual(Math.max(0, columns - 3));
        expect(Math.max(...widths)).toBeLessThanOrEqual(columns);
      }
    }
  });

  it("keeps the figures where a name is long", () => {
    const view = { ...COPYING, what: `pushing registry.example/${"x".repeat(100)}` };
    expect(seen(view, 80)[0]).toMatch(/^pushing registry\.example\/x+…: 3 of 12 images, 14 of 120 blobs$/);
  });

  it.each([
    [60, "pushing registry.exampl…: 3 of 12 images, 14 of 120 blobs"],
    [50, "pushing: 3 of 12 images, 14 of 120 blobs"],
    [43, "pushing: 3 of 12 images, 14 of 120 blobs"],
    [42, "3 of 12 images, 14 of 120 blobs"],
    [34, "3 of 12 images, 14 of 120 blobs"],
    [33, "3 of 12 images"],
    [17, "3 of 12 images"],
    [16, "3 of 12 imag…"],
  ])("drops a name and keeps whole figures in %i columns", (columns, line) => {
    expect(seen(COPYING, columns)[0]).toBe(line);
  });

  it("cuts what is being done where there are no figures", () => {
    const view = { ...IDLE, what: "reading registry.example/team/app:v1", counts: [] };
    expect(seen(view, 30)[0]).toBe("reading registry.example/t…");
  });

  it("spells out what a terminal could obey, and stays one line", () => {
    const [line] = seen({ ...IDLE, what: "reading a\u001b[2Jb\nc\td" }, 80);
    expect(line).toBe("reading a\\u001b[2Jb c d: 2 of 5 sources (3s)");
    const [cut] = seen({ ...IDLE, what: `reading ${"\u001b".repeat(20)}` }, 60);
    expect(cut).toMatch(/^reading (\\u001b)+[\\u001b]*…: 2 of 5 sources$/);
  });
});
