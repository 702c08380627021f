import type { Output } from "../context.js";
import type { Draft } from "../list/draft.js";
import { describeDraft } from "../ui/describeManifest.js";
import { jsonDocument } from "../ui/jsonDocument.js";

/** Prints a local list as `--format json` does. */
export function printDraft(stdout: Output, draft: Draft): void {
  stdout.write(jsonDocument(describeDraft(draft)));
}
