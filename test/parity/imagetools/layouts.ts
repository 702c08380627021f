import { mkdirSync, writeFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { digestOf } from "../../../src/oci/digest.js";
import { OCI_INDEX } from "../../../src/oci/mediaTypes.js";
import { member } from "./closure.js";
import type { Content } from "./contents.js";
import type { Tagged } from "./registries.js";
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
  readonly tags: ReadonlyMap<string, Tagged>;
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
  const files = new Map<string, string>();
  for (const path of paths.filter((path) => !isBlob(path))) {
    files.set(path, await readFile(join(folder, path), "latin1"));
  }
  const tags = new Map<string, Tagged>();
  for (const { tag, mediaType, digest } of taggedIn(files.get("index.json") ?? "{}")) {
    tags.set(tag, { mediaType, digest, body: await readFile(join(folder, "blobs", ...digest.split(":"))) });
  }
  const digests = paths.filter(isBlob).map((path) => path.slice("blobs/".length).replace("/", ":"));
  return { digests, files, tags };
}

function taggedIn(index: string): { tag: string; mediaType: string; digest: string }[] {
  const parsed: unknown = JSON.parse(index);
  const manifests = member(parsed, "manifests");
  const entries: unknown[] = Array.isArray(manifests) ? manifests : [];
  return entries.flatMap((entry) => {
    const tag = member(member(entry, "annotations"), "org.opencontainers.image.ref.name");
    return typeof tag === "string"
      ? [{ tag, mediaType: String(member(entry, "mediaType")), digest: String(member(entry, "digest")) }]
      : [];
  });
}
