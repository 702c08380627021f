import { digestLike, digestOf, isDigest } from "../oci/digest.js";
import { baseType, DOCKER_LIST, DOCKER_MANIFEST, isListType, MANIFEST_TYPES } from "../oci/mediaTypes.js";
import type { Answer } from "./answer.js";
import { readBody } from "./body.js";
import type { Call } from "./call.js";
import { fault, methodFault, RegistryFault } from "./faults.js";
import { checkContentDigest, isTag, looksLikeDigest } from "./names.js";
import type { Descriptor } from "./schemas.js";
import { ImageManifest, ListManifest } from "./schemas.js";
import { removeManifest, resolveManifest, type RegistryState, type Repository } from "./state.js";

/** The least that every registry takes; a larger manifest is refused with 413. */
const MANIFEST_LIMIT = 4 * 1024 * 1024;

/** What a registry knows of what came after version 1.0 of the specification. Default: everything. */
export interface ManifestOptions {
  /**
   * Does a PUT by digest take tags (`?tag=v1&tag=latest`), and name them in `OCI-Tag`? Without, the parameter is ignored,
   * as by distribution.
   */
  readonly tagParameter?: boolean | undefined;
  /** Does a PUT by tag take the digest that the manifest shall have (`?digest=sha512:…`)? Without, it is ignored. */
  readonly digestParameter?: boolean | undefined;
  /** Is there the referrers API? Without, it is 404, and no answer has `OCI-Subject`. */
  readonly referrers?: boolean | undefined;
}

/**
 * Reading, writing and deleting a manifest or tag.
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#pulling-manifests
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests
 */
export async function answerManifest(
  state: RegistryState,
  call: Call,
  name: string,
  reference: string,
  options: ManifestOptions,
): Promise<Answer> {
  if (looksLikeDigest(reference)) checkContentDigest(reference);
  switch (call.method) {
    case "GET":
    case "HEAD":
      return getManifest(state, call, name, reference);
    case "PUT":
      return putManifest(state, call, name, reference, options);
    case "DELETE":
      return deleteManifest(state, name, reference);
    default:
      throw methodFault("DELETE", "GET", "HEAD", "PUT");
  }
}

function getManifest(state: RegistryState, call: Call, name: string, reference: string): Answer {
  const manifest = resolveManifest(state.repositories.get(name), reference);
  if (manifest === undefined) throw fault("MANIFEST_UNKNOWN", unknownDetail(name, reference));
  const headers = {
    "Content-Type": manifest.mediaType,
    "Docker-Content-Digest": manifest.digest,
    ETag: `"${manifest.digest}"`,
  };
  if (call.headers["if-none-match"] === `"${manifest.digest}"`) return { status: 304, headers };
  return { status: 200, headers, body: manifest.body };
}

async function putManifest(
  state: RegistryState,
  call: Call,
  name: string,
  reference: string,
  options: ManifestOptions,
): Promise<Answer> {
  const { tags, more, expected } = named(call, reference, options);
  const body = await readBody(call.body, MANIFEST_LIMIT);
  if (body === undefined) throw fault("MANIFEST_INVALID", { limit: MANIFEST_LIMIT }, { status: 413 });

  const mediaType = baseType(call.headers["content-type"] ?? "");
  const { subject, ...content } = parseManifest(mediaType, body);
  const digest = expected === undefined ? digestOf(body) : digestLike(expected, body);
  if (expected !== undefined && digest !== expected) throw fault("DIGEST_INVALID", { digest: expected });
  checkContent(state.repositories.get(name), content);

  const repository = state.open(name);
  repository.manifests.set(digest, { mediaType, body });
  for (const tag of [...tags, ...more]) repository.tags.set(tag, digest);
  const hasReferrers = options.referrers !== false;
  return {
    status: 201,
    headers: {
      Location: `/v2/${name}/manifests/${digest}`,
      "Docker-Content-Digest": digest,
      ...(subject === undefined || !hasReferrers ? {} : { "OCI-Subject": subject }),
      ...(more.length === 0 ? {} : { "OCI-Tag": more.join(", ") }),
    },
  };
}

interface Named {
  /** The tag in the address, if it is one. */
  readonly tags: readonly string[];
  /** Those of the query. */
  readonly more: readonly string[];
  /** The digest that the manifest must have. */
  readonly expected: string | undefined;
}

/**
 * What a PUT says that the manifest shall be called. One word that is wrong, and all of it is refused.
 * @throws TAG_INVALID, DIGEST_INVALID
 */
function named({ query }: Call, reference: string, options: ManifestOptions): Named {
  const byDigest = looksLikeDigest(reference);
  const tags = byDigest ? [] : [reference];
  const more = byDigest && options.tagParameter !== false ? [...new Set(query.getAll("tag"))] : [];
  for (const tag of [...tags, ...more]) if (!isTag(tag)) throw fault("TAG_INVALID", { tag });
  const given = byDigest || options.digestParameter === false ? null : query.get("digest");
  if (given !== null) checkContentDigest(given);
  return { tags, more, expected: byDigest ? reference : (given ?? undefined) };
}

/** https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#content-management */
function deleteManifest(state: RegistryState, name: string, reference: string): Answer {
  const repository = state.repositories.get(name);
  const removed =
    repository !== undefined &&
    (looksLikeDigest(reference) ? removeManifest(repository, reference) : repository.tags.delete(reference));
  if (!removed) throw fault("MANIFEST_UNKNOWN", unknownDetail(name, reference));
  return { status: 202 };
}

/** What a manifest refers to: `blobs` and `children` must be there before it, the subject need not be. */
interface Content {
  readonly blobs: readonly Descriptor[];
  readonly children: readonly Descriptor[];
  readonly subject: string | undefined;
}

/** Throws MANIFEST_INVALID unless the bytes are a manifest of the media type they were sent as. */
function parseManifest(mediaType: string, body: Buffer): Content {
  if (!MANIFEST_TYPES.includes(mediaType)) throw fault("MANIFEST_INVALID", { mediaType });
  let json: unknown;
  try {
    json = JSON.parse(body.toString("utf8"));
  } catch {
    throw fault("MANIFEST_INVALID", "not JSON");
  }
  const schema = isListType(mediaType) ? ListManifest : ImageManifest;
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw fault("MANIFEST_INVALID", parsed.error.issues.map(problem));
  const manifest = parsed.data;
  // Docker's types must name themselves; for OCI's the field is optional.
  const named = manifest.mediaType ?? (isDockerType(mediaType) ? undefined : mediaType);
  if (named !== mediaType) throw fault("MANIFEST_INVALID", { mediaType: manifest.mediaType });
  const blobs = manifest.config === undefined ? [] : [manifest.config, ...(manifest.layers ?? [])];
  const children = manifest.manifests ?? [];
  const subject = manifest.subject?.digest;
  for (const digest of [...blobs, ...children].map((descriptor) => descriptor.digest).concat(subject ?? [])) {
    if (!isDigest(digest)) throw fault("DIGEST_INVALID", { digest });
  }
  return { blobs, children, subject };
}

function isDockerType(mediaType: string): boolean {
  return mediaType === DOCKER_MANIFEST || mediaType === DOCKER_LIST;
}

function problem(issue: { readonly path: readonly PropertyKey[]; readonly message: string }): string {
  return `${issue.path.map(String).join(".")}: ${issue.message}`;
}

/** Throws MANIFEST_BLOB_UNKNOWN with one error for each thing that is missing, children too, as distribution does. */
function checkContent(repository: Repository | undefined, content: Omit<Content, "subject">): void {
  const missing = [
    ...content.blobs.filter((blob) => !hasBlob(repository, blob)),
    ...content.children.filter((child) => !hasChild(repository, child)),
  ];
  if (missing.length === 0) return;
  throw new RegistryFault(
    "MANIFEST_BLOB_UNKNOWN",
    missing.map((descriptor) => descriptor.digest),
  );
}

/** A layer with `urls` is fetched from there (Windows base layers), so it may be missing here. */
function hasBlob(repository: Repository | undefined, blob: Descriptor): boolean {
  return (blob.urls ?? []).length > 0 || repository?.blobs.has(blob.digest) === true;
}

/** An index may list things that are no manifests (build caches do): those are blobs. */
function hasChild(repository: Repository | undefined, child: Descriptor): boolean {
  if (repository?.manifests.has(child.digest) === true) return true;
  return !MANIFEST_TYPES.includes(child.mediaType) && hasBlob(repository, child);
}

function unknownDetail(name: string, reference: string): unknown {
  return looksLikeDigest(reference) ? { Name: name, Revision: reference } : { Tag: reference };
}
