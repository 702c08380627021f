import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { proseOf } from "../../tools/markdown.js";

/** Bullets of the pages: each begins a line, and a blank line stands between a paragraph and its list. */

const root = fileURLToPath(new URL("../..", import.meta.url));
const pages = ["README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "bench/README.md"].concat(
  readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
);

/** What no page has: a bullet at the end of a sentence, or a list right below a paragraph. */
function faultsIn(page: string): string[] {
  const lines = proseOf(page)
    .split("\n")
    .filter((line) => !line.startsWith("|"));
  const glued = lines.filter((line) => /[.,:;?)] - [`*_[A-Z]|[.,:;?)] -$/.test(line));
  const crowded = lines.filter((line, at) => {
    const above = lines[at - 1] ?? "";
    return line.startsWith("- ") && /^[^\s>-]/.test(above);
  });
  return [...glued, ...crowded];
}

it.each(pages)("%s has a line for each bullet, and a blank one above the first", (page) => {
  expect(faultsIn(readFileSync(join(root, page), "utf8"))).toEqual([]);
});

it("bullets that have run into one line are found", () => {
  expect(faultsIn("- `-D` prints each request. - `--plan` shows them.\n")).toHaveLength(1);
  expect(faultsIn("- It can be attached to a report. -\n  `--plan` shows them.\n")).toHaveLength(1);
  expect(faultsIn("Three things help:\n- One\n")).toHaveLength(1);
  expect(faultsIn("Three things help:\n\n- One, 3 - 2\n  of two\n- Two\n\n```sh\na. - B\n```\n")).toEqual([]);
});
