import type { ChalkInstance } from "chalk";
import type { Context, Output } from "../../context.js";
import { capabilitiesOf } from "./capabilities.js";

/**
 * What paints text for a stream, with as many colours as are wanted there. Undefined where there are none, and where the
 * library for them is therefore not loaded.
 * @example
 * const chalk = await coloursFor(context.stdout, context.env);
 * const faint = chalk?.dim ?? ((text: string) => text);
 */
export async function coloursFor(
  stream: Pick<Output, "isTTY">,
  env: Context["env"],
): Promise<ChalkInstance | undefined> {
  const { colours } = capabilitiesOf(stream, env);
  if (colours === 0) return undefined;
  const { Chalk } = await import("chalk");
  return new Chalk({ level: colours });
}
