import { shortAge, type ListRow } from "./listTable.js";
import { code, plain, table } from "./markdown.js";

/** Lists as a table of Markdown for GitHub, in their order. */
export function listMarkdown(rows: readonly ListRow[]): string {
  if (rows.length === 0) return "No lists\n";
  const isChecked = rows.some(({ registry }) => registry !== undefined);
  return table(
    [
      { title: "List" },
      { title: "Entries", isNumeric: true },
      { title: "Platforms" },
      { title: "Age", isNumeric: true },
      ...(isChecked ? [{ title: "Registry" }] : []),
    ],
    rows.map(({ name, entries, platforms, ageMs, registry = "" }) => [
      code(name),
      `${entries ?? "?"}`,
      plain(platforms.join(", ")),
      shortAge(ageMs),
      ...(isChecked ? [registry] : []),
    ]),
  );
}
