import { stat } from "node:fs/promises";
import { ManifestError } from "../errors.js";
import { ignoreMissing } from "../fileSystem.js";
import { readBuildMetadata } from "./buildMetadata.js";
import { readDigestFolder } from "./digestFolder.js";
import { withSubject } from "./layoutFiles.js";

/** An image that a build has recorded: by a file whose name is the digest, or in the metadata of the build. */
export interface FromSource {
  /** The digest of the image. */
  readonly digest: string;
  /** Where it was pushed to, without tag: `registry.example/team/app`. Undefined where nothing says so. */
  readonly repository: string | undefined;
  /** The other repositories that it was pushed to. */
  readonly alsoIn: readonly string[];
  /** The file that named it first. */
  readonly subject: string;
}

/**
 * What `--from PATH` stands for: a folder of files named by digest (each is empty, or holds that digest), or the file that
 * `docker buildx build` or `bake` wrote for `--metadata-file`. What several files or targets name is one source.
 * @throws INVALID_SOURCE, LIMIT or STORE, naming the file; nothing but the disk has been asked by then
 * @example
 * await readFrom("digests"); // [{ digest: "sha256:…", repository: undefined, alsoIn: [], subject: "digests/4f2a…" }]
 */
export async function readFrom(path: string, signal?: AbortSignal): Promise<readonly FromSource[]> {
  const found = await withSubject(path, () => stat(path).catch(ignoreMissing));
  if (found === undefined) {
    throw new ManifestError("INVALID_SOURCE", `${path === "" ? '""' : path}: no such file or folder`, {
      subject: path,
      hint: "name a folder of files that are called by digests, or a file of docker buildx build --metadata-file",
    });
  }
  if (found.isDirectory()) {
    const files = await readDigestFolder(path, signal);
    return distinct(files.map(({ digest, file }) => ({ digest, repositories: [], file })));
  }
  return distinct((await readBuildMetadata(path, signal)).map((image) => ({ ...image, file: path })));
}

interface Named {
  readonly digest: string;
  readonly repositories: readonly string[];
  readonly file: string;
}

function distinct(named: readonly Named[]): FromSource[] {
  const byDigest = new Map<string, Named>();
  for (const one of named) {
    const before = byDigest.get(one.digest) ?? { ...one, repositories: [] };
    const repositories = [...new Set([...before.repositories, ...one.repositories])];
    byDigest.set(one.digest, { ...before, repositories });
  }
  return [...byDigest.values()].map(({ digest, repositories: [repository, ...alsoIn], file }) => ({
    digest,
    repository,
    alsoIn,
    subject: file,
  }));
}
