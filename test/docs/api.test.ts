import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

/** docs/api is what the comments in src say now. */

const root = fileURLToPath(new URL("../..", import.meta.url));

const pagesIn = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map((name) => [name, readFileSync(join(folder, name), "utf8")]),
  );

it("docs/api is current; otherwise run node tools/api.js", { timeout: 300_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "api-pages-"));
  try {
    const { status, stderr } = spawnSync(process.execPath, [join(root, "tools/api.js"), folder], {
      encoding: "utf8",
    });
    expect(status, stderr).toBe(0);
    const pages = pagesIn(folder);
    expect(Object.keys(pages)).toContain("calls.md");
    expect(pagesIn(join(root, "docs/api"))).toEqual(pages);
    // Every parameter and property says what it is.
    const bare = Object.entries(pages).flatMap(([name, text]) =>
      (text.match(/^\|.*\| - \|$/gm) ?? []).map((row) => `${name}: ${row}`),
    );
    expect(bare).toEqual([]);
    // Of this machine, nothing is in them.
    expect(Object.values(pages).filter((text) => text.includes(root))).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
