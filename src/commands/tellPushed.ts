import type { Context } from "../context.js";
import { ManifestError } from "../errors.js";
import type { Manifest } from "../oci/manifest.js";
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
  { result, images }: Told,
  rest: () => Promise<void>,
): Promise<void> {
  try {
    await rest();
  } catch (error) {
    throw error instanceof ManifestError ? partlyDone([error], result) : error;
  }
  if (format === "json") stdout.write(jsonDocument(result));
  if (format === "markdown") stdout.write(await markdownOf({ result, images }));
}

/** What was pushed. */
interface Told {
  readonly result: ListResult;
  /** The manifests of its images, as far as they are at hand: their sizes are told. */
  readonly images: readonly Pick<Manifest, "digest" | "blobs">[];
}

async function markdownOf({ result, images }: Told): Promise<string> {
  const { imageSizes, listSummary } = await import("../ui/listSummary.js");
  const { status, digest = "", manifests, tags, sent } = result;
  return listSummary({
    status: status === "unchanged" ? status : "pushed",
    digest,
    manifests,
    tags,
    sent,
    sizes: imageSizes(images),
  });
}
