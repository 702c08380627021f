import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { anchorsOf, proseOf } from "../../tools/markdown.js";

/** Links of the pages to each other, to files of this repository, and to headings. */

const root = fileURLToPath(new URL("../..", import.meta.url));
const PAGES = ["README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "bench/README.md"];
const pages = [
  ...PAGES.map((page) => join(root, page)).filter((page) => existsSync(page)),
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(root, "docs", name)),
];

/** Where a page's links lead, as they are written: `[text](target)`, `![alt](target)`, `[name]: target`, `src="…"`. */
function linksOf(file: string): string[] {
  const text = proseOf(readFileSync(file, "utf8")).replaceAll(/`[^`\n]*`/g, (code) =>
    code.replaceAll(/[[\]()]/g, " "),
  );
  const found = [
    ...text.matchAll(/\]\(<?([^)\s>]+)>?(?: +"[^"]*")?\)/g),
    ...text.matchAll(/^\[[^\]]+\]: +(\S+)/gm),
    ...text.matchAll(/(?:src|href|srcset)="([^"]+)"/g),
  ];
  return found.map(([, target = ""]) => target);
}

/** What is wrong with a link; undefined if nothing is, or if it leads out of the repository. */
function faultOf(page: string, link: string): string | undefined {
  if (/^[a-z][a-z0-9+.-]*:/i.test(link)) return undefined;
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? page : resolve(dirname(page), decodeURIComponent(path));
  if (!existsSync(target)) return "there is no such file";
  if (relative(root, target).startsWith("..")) return "it leads out of the repository";
  if (anchor === undefined || statSync(target).isDirectory() || !target.endsWith(".md")) return undefined;
  return anchorsOf(readFileSync(target, "utf8")).has(decodeURIComponent(anchor))
    ? undefined
    : "there is no such heading";
}

it("has pages to look at", () => {
  expect(pages.length).toBeGreaterThan(20);
  expect(pages.flatMap(linksOf).length).toBeGreaterThan(100);
});

it.each(pages.map((page) => ({ name: relative(root, page), page })))(
  "$name has no broken links",
  ({ page }) => {
    const faults = linksOf(page).flatMap((link) => {
      const fault = faultOf(page, link);
      return fault === undefined ? [] : [`${link}: ${fault}`];
    });
    expect(faults).toEqual([]);
  },
);

it("a broken link is found", () => {
  const page = join(root, "README.md");
  expect(faultOf(page, "docs/nothing.md")).toBe("there is no such file");
  expect(faultOf(page, "SECURITY.md#nothing")).toBe("there is no such heading");
  expect(faultOf(page, "SECURITY.md#report-a-vulnerability")).toBeUndefined();
  expect(faultOf(page, "https://nothing.example/")).toBeUndefined();
});
