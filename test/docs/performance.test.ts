import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { chart } from "../../bench/chart.js";
import { recordedReport, withFigures, writeWhole } from "../../bench/page.js";
import { SECTIONS } from "../../bench/sections.js";

const read = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), "utf8");
const page = read("docs/performance.md");

describe("the page of figures", () => {
  it("has the chart of what was recorded: node bench/page.js", () => {
    expect(read("docs/performance.svg")).toBe(chart(recordedReport()));
  });

  it("has the tables of what was recorded: node bench/page.js", () => {
    expect(withoutLayout(page)).toBe(withoutLayout(withFigures(page, recordedReport())));
  });

  it("has times and sizes that were measured nowhere but where a run writes them", () => {
    const prose = Object.keys(SECTIONS).reduce(
      (text, name) => text.replace(new RegExp(`<!-- ${name} -->[^]*<!-- end of ${name} -->`), ""),
      page,
    );
    expect(prose.match(/\d\.\d+ (?:s|ms)\b.*|\d+ MiB.*/g)).toBeNull();
  });

  it("is not replaced by one that has no place for a figure", () => {
    expect(() => withFigures(page.replace("<!-- memory -->", ""), recordedReport())).toThrow(
      "docs/performance.md has no <!-- memory -->",
    );
  });

  it("can be made of a run in which nothing could be measured", () => {
    const nothing = { ...recordedReport(), startup: [], scenarios: [] };
    expect(withFigures(page, nothing)).toContain("## All figures");
  });

  it("is written whole or not at all", () => {
    const folder = mkdtempSync(join(tmpdir(), "page-"));
    const [first, missing] = [join(folder, "first"), join(folder, "nowhere", "second")];
    writeFileSync(first, "as before");
    expect(() => {
      writeWhole([
        [first, "new"],
        [missing, "new"],
      ]);
    }).toThrow("ENOENT");
    expect(readFileSync(first, "utf8")).toBe("as before");
    rmSync(folder, { recursive: true });
  });
});

/** prettier pads the columns of tables. */
function withoutLayout(text: string): string {
  return text.replaceAll(/ +/g, " ").replaceAll(/-{3,}/g, "---");
}

describe("node bench/run.js", () => {
  const run = (...args: string[]) =>
    spawnSync(process.execPath, ["bench/run.js", ...args], { encoding: "utf8" });

  it("--help shows its flags", () => {
    expect(run("--help")).toMatchObject({ status: 0, stderr: "" });
    expect(run("-h").stdout).toMatch(/^Usage: .*--quick .*--only TEXT .*--peers TEXT /s);
  });

  it("publishes nothing but a run of everything", () => {
    expect(run("--publish", "--quick")).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^--publish wants everything/) as unknown,
    });
  });

  it("refuses a flag that it does not know, without a stack trace", () => {
    const { status, stderr } = run("--fast");
    expect(status).toBe(2);
    expect(stderr).toMatch(/^Unknown option '--fast'.*\nUsage: /s);
    expect(stderr).not.toContain("    at ");
  });
});
