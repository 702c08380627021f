import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { commands } from "../../src/commands/index.js";

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const readme = read("README.md");

describe("README.md", () => {
  it("can be read in a few minutes", () => {
    expect(readme.split("\n").length).toBeLessThan(260);
  });

  it("has the round trips that docs/performance.md has", () => {
    const [, table = ""] = read("docs/performance.md").split("## Round trips\n");
    const firstPushes = [...table.matchAll(/^\| [^|]+ \| +(\d) \| +\d \|$/gm)].slice(0, 3);
    const words = firstPushes.map(
      ([, number = ""]) => ["zero", "one", "two", "three", "four", "five"][Number(number)],
    );
    expect(words).toHaveLength(3);
    const [direct = "", asked = "", token = ""] = words;
    expect(readme.replaceAll(/\s+/g, " ")).toContain(
      `first push takes ${direct} round trips by plain HTTP without a login, ${asked} by HTTPS, and ${token} with a token`,
    );
  });

  it("names every command", () => {
    const [, table = ""] = /## Commands\n([^]*?)\n## /.exec(readme) ?? [];
    const missing = commands
      .map(({ name }) => name)
      .filter((name) => !new RegExp(`\`(?:tsmanifest )?${name}[\` ]`).test(table));
    expect(missing).toEqual([]);
  });
});

describe("docs/README.md", () => {
  it("has a link to every page", () => {
    const links = new Set([...read("docs/README.md").matchAll(/\]\(([^)#]+)/g)].map(([, path]) => path));
    const folder = new URL("../../docs", import.meta.url);
    const pages = readdirSync(folder).filter((name) => name.endsWith(".md") && name !== "README.md");
    expect(pages.filter((page) => !links.has(page))).toEqual([]);
  });
});
