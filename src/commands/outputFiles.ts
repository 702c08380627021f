import { resolve } from "node:path";
import { ManifestError } from "../errors.js";
import type { Location } from "../oci/location.js";
import type { ListResult } from "../ui/listResult.js";
import { encodePushMetadata } from "../ui/pushMetadata.js";
import { checkOutputFile, writeOutputFile } from "./files.js";
import type { OutputFileFlags } from "./outputFlags.js";

/**
 * Can the files be written? To be asked before anything is pushed.
 * @throws USAGE, CONFIG
 */
export async function checkOutputFiles({ digestFile, metadataFile }: OutputFileFlags): Promise<void> {
  const files = [digestFile, metadataFile].filter((file) => file !== "");
  if (files.length === 2 && resolve(digestFile) === resolve(metadataFile)) {
    throw new ManifestError("USAGE", `--digest-file and --metadata-file are both ${digestFile}`, {
      subject: digestFile,
      hint: "each needs a file of its own",
    });
  }
  for (const file of files) await checkOutputFile(file);
}

/**
 * Writes the files that were asked for, each whole or not at all.
 * @param metadata another file of metadata than what was pushed to `targets` has by itself
 * @throws CONFIG
 */
export async function writeOutputFiles(
  { digestFile, metadataFile }: OutputFileFlags,
  result: ListResult,
  targets: readonly { readonly location: Location }[],
  metadata = encodePushMetadata(result, targets),
): Promise<void> {
  if (digestFile !== "") await writeOutputFile(digestFile, Buffer.from(`${result.digest ?? ""}\n`));
  if (metadataFile !== "") await writeOutputFile(metadataFile, metadata);
}
