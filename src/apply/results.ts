import { open, stat } from "node:fs/promises";
import type { Place } from "../content/place.js";
import { ManifestError, messageOf, systemCode } from "../errors.js";
import { outputFault, outputHint } from "../fileSystem.js";
import { formatLocation } from "../oci/location.js";
import { inBuildxWords } from "../ui/buildxWords.js";
import type { ListResult } from "../ui/listResult.js";
import { escapeControls } from "../ui/text.js";

/** What became of a list that is not as it should be. Its tags are where they were, unless the error says otherwise. */
export function failureOf(targets: readonly Place[], error: unknown, sent: ListResult["sent"]): ListResult {
  return {
    version: 1,
    target: targetName(targets),
    status: "failed",
    tags: [],
    platforms: [],
    manifests: [],
    sent,
    error: asErrorData(error),
  };
}

/** An error, for machines, in the words of `imagetools create`. */
export function asErrorData(error: unknown): NonNullable<ListResult["error"]> {
  if (isAbort(error)) return { code: "INTERRUPTED", message: "interrupted" };
  const told = inBuildxWords(error);
  if (!(told instanceof ManifestError)) return { code: "INTERNAL", message: messageOf(told) };
  const { code, message, hint } = told;
  return { code, message, ...(hint !== undefined && { hint }) };
}

/** The user stopped it. */
function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

/** What a list is called: `docker.io/library/app:v1`. */
export function targetName([first]: readonly Place[]): string {
  if (first === undefined) throw new Error("a list without a name");
  const { location, tag, digest } = first;
  return `${formatLocation(location)}${digest === undefined ? `:${tag ?? "latest"}` : `@${digest}`}`;
}

/** A file of results, a line each: what is there stays, and each line is on the disk before the next one is written. */
export interface ResultFile {
  /** @throws CONFIG, for this one and all that follow */
  write(result: ListResult): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens it, or makes it.
 * @throws CONFIG, naming it
 */
export async function openResultFile(path: string): Promise<ResultFile> {
  const fault = (error: unknown): ManifestError =>
    new ManifestError("CONFIG", `${path}: ${outputFault(error)}`, {
      subject: path,
      hint: outputHint(error),
      cause: error,
    });
  try {
    const file = await open(path, "a");
    // Whoever wrote there before may have been stopped in the middle of a line.
    let last: Promise<void> = (await endsInLine(path)) ? Promise.resolve() : file.appendFile("\n");
    return {
      write: (result) => {
        // Within the strings of JSON these escapes mean the same.
        const line = `${escapeControls(JSON.stringify(result))}\n`;
        last = last.then(async () => {
          await file.appendFile(line);
          await file.datasync().catch(ignoreUnsupported);
        });
        return last.catch((error: unknown) => {
          throw fault(error);
        });
      },
      close: async () => {
        await last.catch(() => undefined);
        await file.close();
      },
    };
  } catch (error) {
    throw fault(error);
  }
}

/** A pipe has nothing to be flushed to. */
function ignoreUnsupported(error: unknown): void {
  if (!["EINVAL", "ENOTSUP", "EROFS"].includes(systemCode(error) ?? "")) throw error;
}

/** Does a file end with a line end? What is empty or no file does. */
async function endsInLine(path: string): Promise<boolean> {
  const there = await stat(path);
  if (!there.isFile() || there.size === 0) return true;
  const file = await open(path, "r");
  try {
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, there.size - 1);
    return buffer.toString() === "\n";
  } finally {
    await file.close();
  }
}
