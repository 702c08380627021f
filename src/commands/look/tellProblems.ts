import type { Context } from "../../context.js";
import type { LookProblem } from "../../look/listTree.js";
import { isWrongContent } from "../../look/problems.js";
import { escapeControls } from "../../ui/text.js";
import { warnOn } from "../../ui/warn.js";

/** Of more, the first are told; `--format json` has all. */
const MAX_TOLD = 10;

/**
 * Says on stderr what could not be read, by warnings: what was shown has gaps. What is wrong is an error, told first.
 */
export function tellProblems({ stderr }: Pick<Context, "stderr">, problems: readonly LookProblem[]): void {
  const warn = warnOn(stderr);
  const gaps = problems.filter((problem) => !isWrongContent(problem));
  const told = [...problems.filter(isWrongContent), ...gaps].slice(0, MAX_TOLD);
  for (const problem of told) {
    if (isWrongContent(problem)) stderr.write(`${escapeControls(problem.message)}\n`);
    else warn(problem.message);
  }
  const more = problems.length - told.length;
  if (more > 0) warn(`${more} more of what is wrong: --format json has all`);
}
