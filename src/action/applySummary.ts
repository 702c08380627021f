import type { ListResult } from "../ui/listResult.js";
import { code, plain, table } from "./markdown.js";

/** A summary may have 1 MiB; whoever has more lists wants to see those that failed. */
const MAX_ROWS = 500;

/** As Markdown for GitHub: a table of lists, those that failed first. */
export function applySummary(lists: readonly ListResult[]): string {
  const failed = lists.filter(({ status }) => status === "failed");
  const others = lists.filter(({ status }) => status !== "failed");
  const shown = [...failed, ...others].slice(0, MAX_ROWS);
  const counts = [
    `${lists.length} list${lists.length === 1 ? "" : "s"}`,
    ...countOf(lists, "pushed"),
    ...countOf(lists, "unchanged"),
    ...countOf(lists, "failed"),
  ];
  const more = lists.length - shown.length;
  return [
    `### ${counts.join(", ")}\n`,
    table(
      [
        { title: "List" },
        { title: "Status" },
        { title: "Digest" },
        { title: "Platforms" },
        { title: "Error" },
      ],
      shown.map(({ target, status, digest, platforms, error }) => [
        code(cut(target)),
        status,
        digest === undefined ? "" : code(digest),
        plain(cut(platforms.join(", "))),
        error === undefined ? "" : plain(cut([error.message, error.hint ?? ""].join(" "))),
      ]),
    ),
    ...(more === 0 ? [] : [`And ${more} more.\n`]),
  ].join("\n");
}

function countOf(lists: readonly ListResult[], status: ListResult["status"]): string[] {
  const count = lists.filter((list) => list.status === status).length;
  return count === 0 ? [] : [`${count} ${status}`];
}

/** Escaped, each of its characters may take seven bytes. */
function cut(text: string): string {
  return text.length > 250 ? `${text.slice(0, 250)}…` : text;
}
