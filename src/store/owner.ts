import { readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import { ManifestError } from "../errors.js";
import { formatReference, type Reference } from "../oci/reference.js";
import { ignoreMissing } from "./disk.js";
import type { ListPaths } from "./listPaths.js";

/**
 * Whose a list's folder is. `a/b` and `a_b` have the same one, as have `:v1` and `:V1` where the file system does not
 * tell them apart. docker mixes such lists up. What docker made is anybody's: nothing tells which name it was made by.
 */
const Owner = z.object({ list: z.string(), folder: z.string() });

/** Throws a StoreError that names both lists when the folder belongs to another one. */
export async function checkOwner(list: Reference, paths: ListPaths): Promise<void> {
  const owner = parseOwner(await readFile(paths.owner, "utf8").catch(ignoreMissing));
  if (owner === undefined || owner.list === formatReference(list)) return;
  if (owner.folder !== (await identityOf(paths.folder))) return;
  throw new ManifestError(
    "STORE",
    `${formatReference(list)} and ${owner.list} share the folder ${paths.folder}, which holds ${owner.list}; ` +
      "remove that list or choose another name",
  );
}

/** Notes whose folder it will be, before it gets its name: a folder keeps its identity when it is renamed. */
export async function recordOwner(
  list: Reference,
  folder: string,
  paths: ListPaths,
  scratch: string,
): Promise<void> {
  const owner = { list: formatReference(list), folder: await identityOf(folder) };
  const file = join(scratch, "name");
  await writeFile(file, JSON.stringify(owner));
  await rename(file, paths.owner);
}

export async function forgetOwner(paths: ListPaths): Promise<void> {
  await rm(paths.owner, { force: true });
}

function parseOwner(text: string | undefined): z.infer<typeof Owner> | undefined {
  try {
    return text === undefined ? undefined : z.safeParse(Owner, JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Tells a folder from another one that was made later under the same name. */
async function identityOf(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(ignoreMissing);
  return found && `${found.ino}:${found.birthtimeNs}`;
}
