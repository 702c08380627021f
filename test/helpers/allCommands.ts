import type { Command, CommandOrGroup } from "../../src/commands/command.js";
import { commands } from "../../src/commands/index.js";

/** Every command that the help shows. */
export async function allCommands(tree: readonly CommandOrGroup[] = commands): Promise<Command[]> {
  const found = await Promise.all(
    tree
      .filter(({ isHidden }) => isHidden !== true)
      .map((node) => ("commands" in node ? allCommands(node.commands) : node.load().then((one) => [one]))),
  );
  return found.flat();
}
