import type { Output } from "../context.js";
import type { ListResult } from "./listResult.js";
import { startSpinner } from "./spinner.js";

export interface ListsProgress {
  readonly onResult: (result: ListResult) => void;
  /** Ends the spinner. */
  stop(): void;
}

/** How many of many lists are done: a spinner on a terminal, nothing anywhere else. */
export async function listsProgress(stderr: Output, total: number, isQuiet: boolean): Promise<ListsProgress> {
  const counts = { pushed: 0, unchanged: 0, failed: 0 };
  const spinner = isQuiet ? undefined : await startSpinner(stderr);
  const show = (): void => {
    if (spinner === undefined) return;
    const { pushed, unchanged, failed } = counts;
    const said = [
      `${pushed + unchanged + failed} of ${total} lists`,
      ...(unchanged === 0 ? [] : [`${unchanged} unchanged`]),
      ...(failed === 0 ? [] : [`${failed} failed`]),
    ];
    spinner.text = said.join(", ");
  };
  show();
  return {
    onResult: ({ status }) => {
      counts[status]++;
      show();
    },
    stop: () => {
      spinner?.stop();
    },
  };
}
