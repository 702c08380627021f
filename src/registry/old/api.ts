import { hasCode, ManifestError } from "../../errors.js";
import { digestLike, digestOf, isDigest } from "../../oci/digest.js";
import { MANIFEST_TYPES } from "../../oci/mediaTypes.js";
import { header, type HttpRequest, type HttpResponse, type Send } from "../http/message.js";
import { resolveLocation, type Location, type LocationOptions } from "../http/locations.js";
import { RegistryError } from "../http/registryError.js";
import { dockerText, requestLine } from "../../ui/registryErrorText.js";
import { repositoryScope } from "../auth/token.js";

/**
 * The operations of the distribution API that a manifest list needs, on one registry.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md
 */
export interface Registry {
  /** Is this manifest in the repository? */
  hasManifest(repository: string, digest: string): Promise<boolean>;
  /** A manifest by tag or digest; its bytes are checked against the digest. */
  getManifest(repository: string, reference: string): Promise<FetchedManifest>;
  /** Puts a manifest under a tag or its digest, and returns the digest. */
  putManifest(repository: string, reference: string, mediaType: string, bytes: Buffer): Promise<string>;
  /** A whole blob (an image config), checked against its digest. */
  getBlob(repository: string, digest: string): Promise<Buffer>;
  /** Makes a blob of another repository known in this one. */
  mountBlob(repository: string, source: string, digest: string): Promise<Mount>;
  /** Opens an upload of a blob. */
  openUpload(repository: string, signal?: AbortSignal): Promise<Upload>;
  /** Gives up an upload; that it is refused does not matter. */
  cancelUpload(upload: Upload): Promise<void>;
  /** Sends any request by way of all layers; for the copying of blobs. */
  readonly send: Send;
  /** `https://host/v2/<repository>/<path>` */
  url(repository: string, path: string): URL;
  /** The registry's host and port. */
  readonly host: string;
  /** The same registry, but when the signal is aborted nothing is tried again any more. */
  until(signal: AbortSignal): Registry;
}

export interface FetchedManifest {
  readonly bytes: Buffer;
  readonly contentType: string;
  readonly digest: string;
}

/** An upload that the registry has opened: where its bytes go. */
export interface Upload extends Location {
  readonly scopes: readonly string[];
}

export type Mount =
  | { readonly kind: "mounted" }
  /** The registry wants the blob itself, here. */
  | { readonly kind: "upload"; readonly upload: Upload }
  /** It will have none of it: 4xx. */
  | { readonly kind: "refused"; readonly error: RegistryError };

/** The 4xx that are over after a while. */
const PASSING = new Set([408, 429, 499]);

const MAX_CONFIG_BYTES = 16 * 1024 * 1024;

/** @param options how the `Location` of an upload is taken */
export function registryOperations(host: string, given: Send, options: LocationOptions = {}): Registry {
  const send: Send = (request) =>
    given(request).catch((error: unknown) => {
      // What a stop cut short ended with its last failure.
      const cause = hasCode(error, "STOPPED") ? error.cause : undefined;
      throw cause instanceof RegistryError ? inDockerWords(cause) : (cause ?? error);
    });
  const url = (repository: string, path: string): URL => new URL(`https://${host}/v2/${repository}/${path}`);
  const pull = (repository: string): string[] => [repositoryScope(repository, "pull")];
  const push = (repository: string): string[] => [repositoryScope(repository, "pull", "push")];
  const accept = MANIFEST_TYPES.join(", ");

  async function hasManifest(repository: string, digest: string): Promise<boolean> {
    const request: HttpRequest = {
      method: "HEAD",
      url: url(repository, `manifests/${digest}`),
      headers: { accept },
      idempotent: true,
      scopes: push(repository),
    };
    const response = await send(request);
    if (response.status === 200) return (header(response, "docker-content-digest") ?? digest) === digest;
    // Some registries know no HEAD; one that fails here is asked again by what follows.
    if (response.status !== 405 && response.status !== 403) return false;
    const whole = await send({ ...request, method: "GET" });
    return whole.status === 200 && digestLike(digest, whole.body) === digest;
  }

  async function getManifest(repository: string, reference: string): Promise<FetchedManifest> {
    const response = await send({
      method: "GET",
      url: url(repository, `manifests/${reference}`),
      headers: { accept },
      idempotent: true,
      scopes: pull(repository),
    }).then(ensureStatus("GET", 200));
    const bytes = response.body;
    const claimed = header(response, "docker-content-digest");
    if (isDigest(reference) && digestLike(reference, bytes) !== reference) {
      throw new ManifestError("DIGEST_MISMATCH", `manifest verification failed for digest ${reference}`);
    }
    if (claimed !== undefined && isDigest(claimed) && digestLike(claimed, bytes) !== claimed) {
      throw new ManifestError("DIGEST_MISMATCH", `manifest verification failed for digest ${claimed}`);
    }
    return { bytes, contentType: header(response, "content-type") ?? "", digest: digestOf(bytes) };
  }

  async function putManifest(
    repository: string,
    reference: string,
    mediaType: string,
    bytes: Buffer,
  ): Promise<string> {
    const response = await send({
      method: "PUT",
      url: url(repository, `manifests/${reference}`),
      headers: { "content-type": mediaType },
      body: bytes,
      idempotent: true,
      scopes: push(repository),
    }).then(ensureStatus("PUT", 200, 201, 202, 204));
    const digest = digestOf(bytes);
    const claimed = header(response, "docker-content-digest");
    if (claimed !== undefined && isDigest(claimed) && digestLike(claimed, bytes) !== claimed) {
      throw new ManifestError(
        "DIGEST_MISMATCH",
        `the registry stored something else: expected ${digest}, got ${claimed}`,
      );
    }
    return digest;
  }

  async function getBlob(repository: string, digest: string): Promise<Buffer> {
    if (!isDigest(digest))
      throw new ManifestError("DIGEST_MISMATCH", `${repository}: ${JSON.stringify(digest)} is not a digest`);
    const response = await send({
      method: "GET",
      url: url(repository, `blobs/${digest}`),
      idempotent: true,
      maxBytes: MAX_CONFIG_BYTES,
      scopes: pull(repository),
    });
    if (response.status === 404)
      throw new ManifestError("DIGEST_MISMATCH", "unknown blob", {
        hint: `${repository}@${digest} is missing`,
      });
    const { body } = ensureStatus("GET", 200)(response);
    if (digestLike(digest, body) !== digest) {
      throw new ManifestError("DIGEST_MISMATCH", `image config verification failed for digest ${digest}`);
    }
    return body;
  }

  async function mountBlob(repository: string, source: string, digest: string): Promise<Mount> {
    const target = url(repository, "blobs/uploads/");
    target.search = `?from=${encodeURIComponent(source)}&mount=${encodeURIComponent(digest)}`;
    const scopes = [...push(repository), ...pull(source)];
    const response = await send({ method: "POST", url: target, idempotent: true, scopes });
    if (response.status === 201) return { kind: "mounted" };
    if (response.status === 202) return { kind: "upload", upload: uploadOf(response, scopes) };
    const error = dockerError("POST", response);
    // What is wrong for the moment, or with the server, says nothing about mounts.
    if (response.status < 400 || response.status >= 500 || PASSING.has(response.status)) throw error;
    return { kind: "refused", error };
  }

  async function openUpload(repository: string, signal?: AbortSignal): Promise<Upload> {
    const scopes = push(repository);
    const request: HttpRequest = {
      method: "POST",
      url: url(repository, "blobs/uploads/"),
      idempotent: true,
      scopes,
      signal,
    };
    return uploadOf(await send(request).then(ensureStatus("POST", 202)), scopes);
  }

  async function cancelUpload({ url: upload, sameOrigin, scopes }: Upload): Promise<void> {
    await send({
      method: "DELETE",
      url: upload,
      idempotent: true,
      retries: 0,
      ...(sameOrigin && { scopes }),
    }).catch(() => undefined);
  }

  /** Where the bytes of a newly opened upload go. */
  function uploadOf(response: HttpResponse, scopes: readonly string[]): Upload {
    return { ...resolveLocation(header(response, "location"), response.url, options), scopes };
  }

  const until = (lastTry: AbortSignal): Registry =>
    registryOperations(host, (request) => send({ ...request, stop: lastTry }), options);

  return {
    hasManifest,
    getManifest,
    putManifest,
    getBlob,
    mountBlob,
    openUpload,
    cancelUpload,
    send,
    url,
    host,
    until,
  };
}

/** Passes on an answer of one of these statuses, and throws a RegistryError for any other. */
export function ensureStatus(method: HttpRequest["method"], ...expected: number[]) {
  return (response: HttpResponse): HttpResponse => {
    if (expected.includes(response.status)) return response;
    throw dockerError(method, response);
  };
}

function dockerError(method: HttpRequest["method"], response: HttpResponse): RegistryError {
  return inDockerWords(new RegistryError(method, response));
}

function inDockerWords(error: RegistryError): RegistryError {
  return Object.assign(error, { message: dockerText(error), hint: requestLine(error) });
}
