import type { Context } from "../context.js";
import { ManifestError } from "../errors.js";
import { jsonDocument } from "../ui/jsonDocument.js";
import type { ListResult } from "../ui/listResult.js";
import { partlyDone } from "./partlyDone.js";

/**
 * Does what is left to do when a list is pushed, and prints what became of it where that is asked for. What fails now does
 * not undo the push: the result is told all the same.
 */
export async function tellPushed(
  { stdout }: Pick<Context, "stdout">,
  format: string,
  result: ListResult,
  rest: () => Promise<void>,
): Promise<void> {
  try {
    await rest();
  } catch (error) {
    throw error instanceof ManifestError ? partlyDone([error], result) : error;
  }
  if (format === "json") stdout.write(jsonDocument(result));
}
