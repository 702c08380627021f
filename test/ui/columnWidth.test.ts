import { describe, expect, it } from "vitest";
import type { TreeDifference } from "../../src/look/treeDifference.js";
import { columnWidth } from "../../src/ui/columnWidth.js";
import { differenceText } from "../../src/ui/differenceText.js";
import { failedTable } from "../../src/ui/failedTable.js";
import { listTable } from "../../src/ui/listTable.js";
import { planReportText } from "../../src/ui/planReportText.js";

const LONG = "a".repeat(100_000);
const NAMES = [...Array.from({ length: 200 }, (_, index) => `linux/z${index}`), LONG];
const DIGEST = `sha256:${"0".repeat(64)}`;

describe("a column", () => {
  it("is as wide as its widest cell, but for cells that nobody would write", () => {
    expect(columnWidth([3, 12, 7])).toBe(12);
    expect(columnWidth([3, 100_000, 12])).toBe(12);
    expect(columnWidth([3, 90, 12], 100)).toBe(90);
    expect(columnWidth([])).toBe(0);
  });

  const images = NAMES.map((platform) => ({
    platform,
    change: "added" as const,
    from: undefined,
    to: DIGEST,
    attestation: undefined,
    entry: [],
    attestations: { from: [], to: [] },
    content: undefined,
  }));
  const side = {
    name: "registry.example/app:v1",
    origin: "registry",
    digest: DIGEST,
    mediaType: "",
    size: 1,
  } as const;
  const difference: TreeDifference = {
    from: undefined,
    to: side,
    isSame: false,
    images,
    unchanged: 0,
    others: [],
    annotations: [],
    fields: [],
    problems: [],
  };
  const none = { count: 0, bytes: 0 };
  const tables: readonly (readonly [name: string, text: () => string])[] = [
    ["a difference", () => differenceText(difference)],
    [
      "a plan",
      () =>
        planReportText({
          version: 1,
          requests: [],
          targets: [
            {
              name: "registry.example/app",
              root: { digest: DIGEST, mediaType: "", size: 1 },
              manifests: { present: [], put: [] },
              blobs: {
                present: none,
                mount: none,
                copy: { ...none, from: [] },
                foreign: none,
                refused: none,
              },
              tags: [
                {
                  name: "v1",
                  state: "absent",
                  difference: {
                    images: NAMES.map((platform) => ({ platform, change: "added", to: DIGEST })),
                    unchanged: 0,
                    others: [],
                    annotations: [],
                    fields: [],
                  },
                },
              ],
            },
          ],
        }),
    ],
    [
      "local lists",
      () => listTable(NAMES.map((name) => ({ name, entries: 1, platforms: [name], ageMs: 0 }))),
    ],
    [
      "lists that failed",
      () => failedTable(NAMES.toReversed().map((target) => ({ target, error: { code: "X", message: "m" } }))),
    ],
  ];

  it.each(tables)("does not make gigabytes of %s of which one cell is very long", (_, text) => {
    const shown = text();
    expect(shown).toContain(LONG);
    expect(shown.length).toBeLessThan(2 * LONG.length + 100_000);
    // The rest is in columns all the same.
    const rows = shown.split("\n").filter((line) => /z\d{1,3} /.test(line) && !line.includes(LONG));
    const behind = rows
      .map((line) => /z\d+ +/.exec(line))
      .map((found) => (found?.index ?? 0) + (found?.[0].length ?? 0));
    expect(new Set(behind).size).toBe(1);
  });

  it("is wide on a wide terminal, and its platforms are counted on a narrow one", () => {
    const platforms = Array.from({ length: 30 }, (_, index) => `linux/architecture${index}`);
    const rows = [{ name: "app", entries: 30, platforms, ageMs: 0 }];
    const [header = "", row = ""] = listTable(rows, 800).split("\n");
    expect(row.indexOf("0s")).toBe(header.indexOf("AGE"));
    expect(row).toContain(platforms.join());
    expect(listTable(rows, 80)).toMatch(/linux\/architecture0,linux\/architecture1,\+28/);
  });
});
