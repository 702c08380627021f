import { mkdirSync, writeFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { digestOf } from "../../../src/oci/digest.js";
import { OCI_INDEX } from "../../../src/oci/mediaTypes.js";
import { member } from "./closure.js";
import type { Content } from "./contents.js";
import { withParts, type World } from "./world.js";

/** Writes the layouts of a world below a side's folder. */
export function fillLayouts(folder: string, { layouts }: World): void {
  const entries = new Map<string, object[]>();
  for (const { folder: place, tag, content } of layouts) {
    const path = place.replace("{folder}", folder);
    const listed = entries.get(path) ?? [];
    entries.set(path, listed);
    for (const { blobs, body } of withParts(content)) {
      for (const blob of [...blobs, body]) writeBlob(path, blob);
    }
    listed.push(entryOf(content, { "org.opencontainers.image.ref.name": tag }));
    // As buildx and containerd leave what refers to another manifest.
    for (const part of withParts(content)) {
      for (const referrer of part.referrers) {
        listed.push(entryOf(referrer, { "io.containerd.manifest.subject": part.digest }));
      }
    }
  }
  for (const [path, manifests] of entries) {
    writeFileSync(join(path, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
    const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests };
    writeFileSync(join(path, "index.json"), JSON.stringify(index));
  }
}

function entryOf({ mediaType, digest, body }: Content, annotations: object): object {
  const artifactType = artifactTypeIn(body);
  return {
    mediaType,
    digest,
    size: body.byteLength,
    ...(artifactType !== undefined && { artifactType }),
    annotations,
  };
}

/** What a registry says in its list of referrers. */
function artifactTypeIn(body: Buffer): string | undefined {
  const parsed: unknown = JSON.parse(body.toString());
  if (member(parsed, "subject") === undefined) return undefined;
  const type = member(parsed, "artifactType") ?? member(member(parsed, "config"), "mediaType");
  return typeof type === "string" ? type : undefined;
}

function writeBlob(layout: string, bytes: Buffer): void {
  const [algorithm = "", hex = ""] = digestOf(bytes).split(":");
  mkdirSync(join(layout, "blobs", algorithm), { recursive: true });
  writeFileSync(join(layout, "blobs", algorithm, hex), bytes);
}

export interface LayoutContents {
  /** The digests of its blobs, manifests among them. */
  readonly digests: readonly string[];
  /** Its other files, by path. */
  readonly files: ReadonlyMap<string, string>;
}

export async function layoutContents(folder: string): Promise<LayoutContents | undefined> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
  if (paths.length === 0) return undefined;
  const isBlob = (path: string): boolean => path.startsWith("blobs/");
  const files = await Promise.all(
    paths
      .filter((path) => !isBlob(path))
      .map(async (path) => [path, await readFile(join(folder, path), "latin1")] as const),
  );
  return {
    digests: paths.filter(isBlob).map((path) => path.slice("blobs/".length).replace("/", ":")),
    files: new Map(files),
  };
}
