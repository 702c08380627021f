import type { ApplyPlan } from "./applyResult.js";
import { planReportText } from "./planReportText.js";
import { counted, escapeControls } from "./text.js";

type Shard = ApplyPlan["shards"][number];
type List = Shard["lists"][number];

/** What would become of many lists, for people: shard by shard, and a block for each list in which there is something to do. */
export function applyPlanText({ shards }: ApplyPlan): string {
  return shards.map(shardText).join("\n");
}

function shardText({ shard, of, lists }: Shard): string {
  const unchanged = lists.filter(({ status }) => status === "unchanged").length;
  const all = counted(lists.length, "list");
  const said = unchanged === 0 ? all : `${all}, ${unchanged} of them with nothing to do`;
  const head = of === 1 ? said : `shard ${shard} of ${of}: ${said}`;
  return [`${head}\n`, ...lists.map(listText)].join("");
}

function listText({ target, status, plan, error }: List): string {
  switch (status) {
    case "unchanged":
      return `\n${escapeControls(target)}: nothing to do\n`;
    case "waits":
      return `\n${escapeControls(target)}: is made of another list of the file, and planned when that is there\n`;
    case "failed":
      return `\n${escapeControls(`${target}: fails: ${error?.message ?? ""}`)}\n`;
    case "planned":
      return plan === undefined ? "" : `\n${planReportText(plan)}`;
  }
}
