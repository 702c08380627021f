import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { chart } from "../../bench/chart.js";
import { recordedReport, withFigures } from "../../bench/page.js";

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

  it("refuses a flag that it does not know, without a stack trace", () => {
    const { status, stderr } = run("--fast");
    expect(status).toBe(2);
    expect(stderr).toMatch(/^Unknown option '--fast'.*\nUsage: /s);
    expect(stderr).not.toContain("    at ");
  });
});
