import type { CommandError } from "../context.js";
import type { ApplyPlan } from "./applyResult.js";
import { counted } from "./text.js";
import { code, plain, plainLines, table } from "./markdown.js";

/** A list of a file, and what became of it or would become of it. */
export interface ListToCount {
  readonly target: string;
  readonly status: "pushed" | "unchanged" | "failed" | "planned" | "waits";
  readonly digest?: string | undefined;
  readonly platforms: readonly string[];
  readonly error?: CommandError | undefined;
}

/** What failed comes first, what is as it was last: of very many lists only the first are shown. */
const ORDER = ["failed", "pushed", "planned", "waits", "unchanged"] as const;

/** As Markdown for GitHub: a table of lists by their names. */
export function applySummary(lists: readonly ListToCount[]): string {
  const ofStatus = (status: ListToCount["status"]): ListToCount[] =>
    lists.filter((list) => list.status === status).sort((a, b) => (a.target < b.target ? -1 : 1));
  const groups = ORDER.map((status) => ({ status, some: ofStatus(status) })).filter(
    ({ some }) => some.length > 0,
  );
  const counts = groups.map(({ status, some }) => `${some.length} ${STATUS[status]}`);
  const columns = ["List", "Status", "Digest", "Platforms", "Error"].map((title) => ({ title }));
  const total = counted(lists.length, "list");
  const rows = groups.flatMap(({ some }) => some).map(cellsOf);
  return [
    `### ${[total, counts.join(", ")].filter((part) => part !== "").join(": ")}\n`,
    ...(rows.length === 0 ? [] : [table(columns, rows)]),
  ].join("\n");
}

const STATUS = {
  failed: "failed",
  pushed: "pushed",
  planned: "to be pushed",
  waits: "waiting for other lists",
  unchanged: "unchanged",
} as const;

function cellsOf({ target, status, digest, platforms, error }: ListToCount): string[] {
  return [
    code(target),
    STATUS[status],
    digest === undefined ? "" : code(digest),
    plain(platforms.join(", ")),
    error === undefined ? "" : plainLines(error.message, error.hint).join("<br>"),
  ];
}

/** The lists of a plan, of all shards. */
export function plannedIn({ shards }: ApplyPlan): ListToCount[] {
  return shards
    .flatMap(({ lists }) => lists)
    .map(({ plan, ...list }) => ({ ...list, platforms: [], digest: plan?.targets[0]?.root.digest }));
}

/** What would become of the lists of a file, as Markdown for GitHub. */
export function planSummary(plan: ApplyPlan): string {
  return applySummary(plannedIn(plan));
}
