import type { Context } from "../../context.js";
import { capabilitiesOf } from "../../ui/terminal/capabilities.js";
import { coloursFor } from "../../ui/terminal/colours.js";
import type { TreeStyle } from "../../ui/treeText.js";

/** How text is drawn on stdout: whole and without colours where it is no terminal. */
export async function lookStyle({ stdout, env }: Context): Promise<TreeStyle> {
  const { isUnicode } = capabilitiesOf(stdout, env);
  const columns = stdout.isTTY === true ? stdout.columns : undefined;
  return { columns, isUnicode, paint: await coloursFor(stdout, env) };
}
