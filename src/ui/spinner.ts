import type { Output } from "../context.js";

export interface Spinner {
  text: string;
  stop(): void;
}

/**
 * A spinner, where a person looks. Some terminals (a serial line, `script` without one of its own) say that they have no
 * width: ora would clear their lines for ever.
 */
export async function startSpinner(stderr: Output, text?: string): Promise<Spinner | undefined> {
  if (stderr.isTTY !== true || stderr.columns === 0) return undefined;
  const { default: ora } = await import("ora");
  if (text === undefined) return ora({ discardStdin: false }).start();
  const { default: chalk } = await import("chalk");
  return ora({ text: chalk.dim(text), discardStdin: false }).start();
}
