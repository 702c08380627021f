import { parsePlace, type Place } from "../content/place.js";
import type { WantedSource } from "../content/sourceText.js";
import { ManifestError, NotFoundError } from "../errors.js";

/**
 * The sources that `--from` names: folders of digests, metadata files of builds. What says no repository is in that of the
 * list.
 * @throws USAGE where there is no list to have one
 */
export async function fromPlaces(
  paths: readonly string[],
  list: Place | undefined,
): Promise<readonly WantedSource[]> {
  if (paths.length === 0) return [];
  const { readFrom } = await import("../content/fromSource.js");
  const found = await Promise.all(paths.map((path) => readFrom(path)));
  return found.flat().map(({ digest, repository, alsoIn, subject }) => {
    const isListed = list !== undefined && alsoIn.includes(list.name);
    const place = repository === undefined || isListed ? list : parsePlace(repository);
    if (place === undefined) {
      throw new ManifestError(
        "USAGE",
        `${subject} says no repository, and there is no --tag to take it from`,
        {
          subject,
          hint: "pass --tag, or name the images in full",
        },
      );
    }
    const text = subject;
    return { place: { ...place, tag: undefined, digest }, given: undefined, text, namedBy: subject };
  });
}

/**
 * Reads a source, which a file of `--from` may have named: a folder that several builds have left their digests in has
 * some that are not in the repository.
 */
export async function readNamedBy<Value>(
  file: string | undefined,
  read: () => Promise<Value>,
): Promise<Value> {
  try {
    return await read();
  } catch (error) {
    if (file === undefined || !(error instanceof NotFoundError) || error.code !== "MANIFEST_UNKNOWN")
      throw error;
    const { code, message, subject, mayBeHidden } = error;
    throw new NotFoundError(code, message, {
      subject,
      hint: `${file} names it: it may be the digest of another image, or of one that was not pushed`,
      mayBeHidden,
      cause: error,
    });
  }
}
