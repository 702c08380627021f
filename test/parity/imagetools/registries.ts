import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { digestOf } from "../../../src/oci/digest.js";
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from "../../../src/oci/mediaTypes.js";
import { startPeer } from "../../helpers/peer.js";
import { startRegistryServer } from "../../helpers/registryServer.js";
import { member } from "./closure.js";
import type { Content } from "./contents.js";
import { withParts, type Placement } from "./world.js";

/** A registry that is filled and looked into past its API. */
export interface Registry {
  /** `127.0.0.1:43211` */
  readonly host: string;
  /** Every request since the start, `GET /v2/…`; empty where they are not seen. */
  readonly requests: readonly string[];
  /** Puts these in, after whatever is there has been removed. Paths are those in this registry. */
  fill(placements: readonly Placement[]): void;
  /** What is in each repository. */
  contents(): ReadonlyMap<string, Repository>;
  close(): Promise<void>;
}

export interface Repository {
  readonly tags: ReadonlyMap<string, Tagged>;
  /** The bytes of every manifest, by digest. */
  readonly manifests: ReadonlyMap<string, Buffer>;
  /** The digests of every blob. */
  readonly blobs: readonly string[];
}

export interface Tagged {
  readonly mediaType: string;
  readonly digest: string;
  readonly body: Buffer;
}

/** Our own, in memory, in this process: it has the referrers API, mounts, and shows its requests. */
export async function embeddedRegistry(): Promise<Registry> {
  const peer = await startPeer();
  return {
    host: peer.host,
    get requests() {
      return peer.requests;
    },
    fill: (placements) => {
      for (const { repository, tag, content, without } of placements) {
        for (const part of withParts(content)) {
          for (const blob of part.blobs) peer.putBlob(repository, blob);
          if (part.kind === "blob" || part.digest === without) continue;
          peer.putManifest(repository, part.mediaType, part.body);
        }
        peer.putManifest(repository, content.mediaType, content.body, tag);
      }
    },
    contents: () =>
      new Map(
        peer.repositories().map((path) => {
          const read = (names: readonly string[]): [string, Tagged][] =>
            names.flatMap((name): [string, Tagged][] => {
              const found = peer.manifest(path, name);
              return found === undefined ? [] : [[name, found]];
            });
          const manifests = read(peer.manifests(path)).map(([digest, { body }]) => [digest, body] as const);
          return [
            path,
            { tags: new Map(read(peer.tags(path))), manifests: new Map(manifests), blobs: peer.blobs(path) },
          ];
        }),
      ),
    close: () => peer.close(),
  };
}

/**
 * Debian's docker-registry, which has no referrers API: what refers to an image is listed under a tag. It is filled and
 * read by its files; what it holds is theirs alone.
 */
export async function distributionRegistry(): Promise<Registry> {
  const root = mkdtempSync(join(tmpdir(), "parity-distribution-"));
  const storage = { filesystem: { rootdirectory: root }, delete: { enabled: true } };
  const server = await startRegistryServer({ config: { storage } });
  const top = join(root, "docker", "registry", "v2");
  return {
    host: server.host,
    requests: [],
    fill: (placements) => {
      rmSync(top, { recursive: true, force: true });
      for (const placement of placements) fillFiles(top, placement);
    },
    contents: () =>
      new Map(repositoriesIn(join(top, "repositories"), "").map((path) => [path, readFiles(top, path)])),
    close: async () => {
      await server.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

function fillFiles(top: string, { repository, tag, content, without }: Placement): void {
  const folder = join(top, "repositories", repository);
  const link = (path: string, digest: string): void => {
    write(join(folder, path, "link"), digest);
  };
  const addBlob = (bytes: Buffer): void => {
    const digest = digestOf(bytes);
    write(blobPath(top, digest), bytes);
    link(join("_layers", ...digest.split(":")), digest);
  };
  const addManifest = (bytes: Buffer, name?: string): void => {
    const digest = digestOf(bytes);
    const parts = digest.split(":");
    write(blobPath(top, digest), bytes);
    link(join("_manifests", "revisions", ...parts), digest);
    if (name === undefined) return;
    link(join("_manifests", "tags", name, "current"), digest);
    link(join("_manifests", "tags", name, "index", ...parts), digest);
  };
  for (const { blobs, body, kind, digest, referrers } of withParts(content)) {
    for (const blob of blobs) addBlob(blob);
    if (kind !== "blob" && digest !== without) addManifest(body);
    if (referrers.length > 0) addManifest(referrersIndex(referrers), digest.replace(":", "-"));
  }
  addManifest(content.body, tag);
}

/** https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema */
function referrersIndex(referrers: readonly Content[]): Buffer {
  const manifests = referrers.map(({ mediaType, digest, body }) => {
    const parsed: unknown = JSON.parse(body.toString());
    const artifactType = member(parsed, "artifactType") ?? member(member(parsed, "config"), "mediaType");
    return {
      mediaType,
      digest,
      size: body.byteLength,
      artifactType,
      annotations: member(parsed, "annotations"),
    };
  });
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }));
}

function readFiles(top: string, path: string): Repository {
  const folder = join(top, "repositories", path);
  const linked = (below: string): string[] => namesIn(join(folder, below)).map((hex) => `sha256:${hex}`);
  const read = (digest: string): Buffer => readFileSync(blobPath(top, digest));
  const tags = namesIn(join(folder, "_manifests", "tags")).map((tag): [string, Tagged] => {
    const digest = readFileSync(join(folder, "_manifests", "tags", tag, "current", "link"), "utf8");
    const body = read(digest);
    return [tag, { digest, body, mediaType: typeOf(body) }];
  });
  return {
    tags: new Map(tags),
    manifests: new Map(linked("_manifests/revisions/sha256").map((digest) => [digest, read(digest)])),
    blobs: linked("_layers/sha256"),
  };
}

/** What distribution says it is, which keeps the bytes alone. */
function typeOf(body: Buffer): string {
  const parsed: unknown = JSON.parse(body.toString());
  const named = member(parsed, "mediaType");
  const known = [DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST].find((type) => type === named);
  return known ?? (member(parsed, "manifests") === undefined ? OCI_MANIFEST : OCI_INDEX);
}

/** Repositories are folders, in folders, that have a `_manifests`. */
function repositoriesIn(root: string, below: string): string[] {
  const names = namesIn(join(root, below)).filter((name) => !name.startsWith("_"));
  const paths = names.map((name) => (below === "" ? name : `${below}/${name}`));
  const own = below !== "" && namesIn(join(root, below)).includes("_manifests") ? [below] : [];
  return [...own, ...paths.flatMap((path) => repositoriesIn(root, path))];
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function blobPath(top: string, digest: string): string {
  const [algorithm = "", hex = ""] = digest.split(":");
  return join(top, "blobs", algorithm, hex.slice(0, 2), hex, "data");
}

function write(path: string, bytes: Buffer | string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
}
