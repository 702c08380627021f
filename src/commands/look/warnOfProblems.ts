import type { Context } from "../../context.js";
import type { LookProblem } from "../../look/listTree.js";
import { warnOn } from "../../ui/warn.js";

/** Of more, the first are told; `--format json` has all. */
const MAX_TOLD = 10;

/** Says on stderr what could not be read: what was shown has gaps. */
export function warnOfProblems({ stderr }: Pick<Context, "stderr">, problems: readonly LookProblem[]): void {
  const warn = warnOn(stderr);
  for (const { message } of problems.slice(0, MAX_TOLD)) warn(message);
  const more = problems.length - MAX_TOLD;
  if (more > 0) warn(`${more} more of what is wrong: --format json has all`);
}
