import { createReadStream } from "node:fs";
import { buffer } from "node:stream/consumers";
import * as z from "zod/mini";
import { ManifestError, messageOf } from "../errors.js";
import { goStruct, goText, issueOf, parseJson } from "../go/json.js";
import { goQuote } from "../go/quote.js";
import { Descriptor } from "../oci/descriptor.js";
import { digestFault } from "../oci/digest.js";
import { parseReference, repositoryName } from "../oci/reference.js";
import { withSubject } from "./layoutFiles.js";

/** More than enough for the provenance of a hundred targets. */
const MAX_BYTES = 16 * 1024 * 1024;

const NOT_METADATA = "give it the file that docker buildx build --metadata-file wrote";
const NOT_PUSHED = "build with --push, or --output type=image,name=REPOSITORY,push-by-digest=true,push=true";

/** Longer than any reference: a path has at most 255 characters, a tag 128. */
const MAX_NAME = 1_000;

/** What a build says of its image, among much else. https://docs.docker.com/reference/cli/docker/buildx/build/#metadata-file */
const Build = goStruct({
  "containerimage.digest": goText,
  "containerimage.config.digest": goText,
  /** All that `docker buildx imagetools create` says. */
  "containerimage.descriptor": z.catch(z.optional(Descriptor), undefined),
  "image.name": goText,
});

/** Of one build, or of several by the names of their targets. */
const Metadata = z.record(z.string(), z.unknown());

/** An image that was built, and the repositories that it was pushed to, as far as they are known. */
export interface BuiltImage {
  readonly digest: string;
  readonly repositories: readonly string[];
}

/**
 * The images in the file that `docker buildx build`, `bake` or `imagetools create` wrote for `--metadata-file`: one, or
 * one a target in the order of the file. The file may be a pipe.
 * https://docs.docker.com/reference/cli/docker/buildx/bake/#metadata-file
 * @throws INVALID_SOURCE, naming the target too, for what has no image or says nothing usable of it; LIMIT above 16 MiB
 */
export async function readBuildMetadata(file: string, signal?: AbortSignal): Promise<BuiltImage[]> {
  // One byte more than there may be.
  const bytes = await withSubject(file, () => buffer(createReadStream(file, { end: MAX_BYTES, signal })));
  if (bytes.byteLength > MAX_BYTES)
    throw new ManifestError("LIMIT", `${file}: more than ${MAX_BYTES} bytes`, { subject: file });
  return parseBuildMetadata(bytes, file);
}

/** The same of the file's bytes; `file` is for messages. */
export function parseBuildMetadata(bytes: Buffer, file: string): BuiltImage[] {
  const metadata = metadataIn(bytes, file);
  if ("containerimage.digest" in metadata || "containerimage.descriptor" in metadata)
    return [imageOf(metadata, { file })];
  // What a build or bake says of itself has dots in its names, which those of targets cannot have.
  const targets = Object.entries(metadata).filter(([name]) => !name.includes("."));
  if (targets.length === 0) throw noImage({ file });
  return targets.map(([name, target]) => {
    if (typeof target !== "object" || target === null || Array.isArray(target))
      throw notMetadata({ file }, `${quoted(name)} is no target`);
    return imageOf(target, { file, target: name });
  });
}

function metadataIn(bytes: Buffer, file: string): z.infer<typeof Metadata> {
  let value: unknown;
  try {
    value = parseJson(bytes);
  } catch (error) {
    throw notMetadata({ file }, messageOf(error), error);
  }
  const parsed = z.safeParse(Metadata, value);
  if (parsed.success) return parsed.data;
  throw notMetadata({ file }, "not a JSON object", parsed.error);
}

/** The file, and the target in it if it has any. */
interface Place {
  readonly file: string;
  readonly target?: string;
}

function imageOf(build: object, where: Place): BuiltImage {
  const parsed = z.safeParse(Build, build);
  if (!parsed.success) throw notMetadata(where, issueOf(parsed.error), parsed.error);
  const { "containerimage.descriptor": descriptor, "image.name": names } = parsed.data;
  const digest = parsed.data["containerimage.digest"] || (descriptor?.digest ?? "");
  if (digest === "") throw noImage(where);
  const fault = digestFault(digest);
  if (fault !== undefined) throw notMetadata(where, `containerimage.digest ${quoted(digest)}: ${fault}`);
  // docker's own builder gives its image's id where nothing was pushed.
  if (digest === parsed.data["containerimage.config.digest"])
    throw sourceError(where, `the image was not pushed: ${digest} is the digest of its config`, NOT_PUSHED);
  const repositories = names
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "")
    .map((name) => repositoryOf(name, where));
  return { digest, repositories: [...new Set(repositories)] };
}

function repositoryOf(name: string, where: Place): string {
  if (name.length > MAX_NAME) throw notMetadata(where, `image.name ${quoted(name)}: too long`);
  try {
    return repositoryName(parseReference(name));
  } catch (error) {
    throw notMetadata(where, `image.name ${quoted(name)}: ${messageOf(error)}`, error);
  }
}

function noImage(where: Place): ManifestError {
  return sourceError(where, "the build made no image: it has no containerimage.digest", NOT_PUSHED);
}

function notMetadata(where: Place, fault: string, cause?: unknown): ManifestError {
  return sourceError(where, `not the metadata of a build: ${fault}`, NOT_METADATA, cause);
}

function sourceError(where: Place, what: string, hint: string, cause?: unknown): ManifestError {
  const { file, target } = where;
  const place = target === undefined ? file : `${file}: target ${quoted(target)}`;
  return new ManifestError("INVALID_SOURCE", `${place}: ${what}`, { subject: file, hint, cause });
}

/** A part of the file, quoted for a message: shortened, since it may be all of the file. */
function quoted(text: string): string {
  return goQuote(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}
