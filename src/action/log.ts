import * as core from "@actions/core";
import type { PlacedFault } from "./placedFaults.js";

/** Of each kind, a step shows this many annotations; more are dropped without a word. */
const SHOWN = 10;

const ANNOTATE = { warning: core.warning, notice: core.notice, error: core.error };

/** The log of a step, and its annotations. */
export interface StepLog {
  /** A line that the program wrote for people. What begins with `WARNING: ` is an annotation, once however often it is said. */
  readonly line: (text: string) => void;
  readonly notice: (text: string) => void;
  readonly error: (title: string, fault: PlacedFault) => void;
}

export function createStepLog(): StepLog {
  const said = new Set<string>();
  const counts = { warning: 0, notice: 0, error: 0 };
  const annotate = (kind: keyof typeof counts, text: string, where: core.AnnotationProperties = {}): void => {
    counts[kind]++;
    if (counts[kind] <= SHOWN) ANNOTATE[kind](text, where);
    else core.info(harmless(where.title === undefined ? text : `${where.title}: ${text}`));
  };
  return {
    line: (text) => {
      const warning = /^WARNING: (.+)$/.exec(text)?.[1];
      if (warning === undefined) {
        core.info(harmless(text));
        return;
      }
      if (said.has(warning)) return;
      said.add(warning);
      annotate("warning", warning);
    },
    notice: (text) => {
      annotate("notice", text);
    },
    error: (title, { text, ...place }) => {
      annotate("error", text, { title, ...place });
    },
  };
}

/**
 * The line without what GitHub's runner would obey: `::command::` at its beginning, `##[command]` anywhere.
 * https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
 */
function harmless(text: string): string {
  return text.replace(/^(\s*):(?=:)/gm, "$1: ").replaceAll("##[", "## [");
}
