import type { BlobInfo, Interruptible } from "../../content/repository.js";
import { ManifestError } from "../../errors.js";
import { resolveLocation, closingUrl } from "../http/locations.js";
import { header, type BodySource, type HttpRequest, type HttpResponse } from "../http/message.js";
import { ensureStatus, isHtml, isRefusal, RegistryError } from "../http/registryError.js";
import type { RepositoryClient } from "../http/repositoryClient.js";
import { isSilence } from "../retry/silence.js";

/**
 * Mounting a blob, and uploading it by one PUT, which is the form that every registry takes.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#mounting-a-blob-from-another-repository
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#post-then-put
 */

/** An upload that the registry has opened: where its bytes go. */
export interface Upload {
  readonly url: URL;
  /** Nothing of ours goes along where the upload is on another host. */
  readonly auth: Pick<HttpRequest, "auth">;
}

export type Mount =
  | { readonly kind: "mounted" }
  /** The registry wants the blob itself, here. */
  | { readonly kind: "upload"; readonly upload: Upload }
  /** It will have none of it: 4xx. */
  | { readonly kind: "refused"; readonly error: RegistryError };

/** An upload is given up in passing: nobody waits longer than this for the answer, in milliseconds. */
const CANCEL_MS = 2_000;

export interface MountOptions extends Interruptible {
  readonly isNeeded: () => boolean;
}

/** Asks for a blob of another repository of the same registry. */
export async function mountBlob(
  client: RepositoryClient,
  source: string,
  digest: string,
  { signal, stop, isNeeded }: MountOptions,
): Promise<Mount> {
  const url = client.url("blobs/uploads/");
  url.search = `?from=${encodeURIComponent(source)}&mount=${encodeURIComponent(digest)}`;
  const auth = client.auth("push", source);
  const response = await client.send({
    method: "POST",
    url,
    idempotent: true,
    ...auth,
    signal,
    stop,
    isNeeded,
  });
  if (response.status === 201) return { kind: "mounted" };
  if (response.status === 202) return { kind: "upload", upload: uploadOf(client, response, auth) };
  const error = new RegistryError("POST", response);
  // What is wrong for the moment, or with the server, says nothing about mounts.
  if (!isRefusal(response)) throw error;
  return { kind: "refused", error };
}

export async function openUpload(client: RepositoryClient, { signal, stop }: Interruptible): Promise<Upload> {
  const auth = client.auth("push");
  const url = client.url("blobs/uploads/");
  const response = await client.send({ method: "POST", url, idempotent: true, ...auth, signal, stop });
  return uploadOf(client, ensureStatus("POST", 202)(response), auth);
}

/**
 * Sends a blob and ends its upload. It is sent once: what to do about a failure is for the caller to decide.
 * @throws INVALID_ANSWER for an answer that says yes although the blob is not known to be there
 */
export async function closeUpload(
  client: RepositoryClient,
  { url, auth }: Upload,
  blob: BlobInfo,
  body: BodySource,
  options: Interruptible,
): Promise<void> {
  const response = await client
    .send({
      method: "PUT",
      url: closingUrl(url, blob.digest),
      headers: { "content-type": "application/octet-stream" },
      body,
      idempotent: false,
      retries: 0,
      ...auth,
      signal: options.signal,
    })
    .then(ensureStatus("PUT", 200, 201, 202, 204));
  if (response.status === 201 || header(response, "docker-content-digest") === blob.digest) return;
  // A login page says 200 to everything.
  if (await hasBlob(client, blob, options)) return;
  const cause = new RegistryError("PUT", response);
  throw new ManifestError("INVALID_ANSWER", `${cause.message}, but the blob is not known to be there`, {
    subject: cause.subject,
    hint: "something between here and the registry may answer in its place",
    cause,
  });
}

/** Gives up an upload, although and because all else has ended. That it is refused does not matter. */
export async function cancelUpload(client: RepositoryClient, { url, auth }: Upload): Promise<void> {
  const signal = AbortSignal.timeout(CANCEL_MS);
  await client
    .send({ method: "DELETE", url, idempotent: true, retries: 0, ...auth, signal })
    .catch(() => undefined);
}

/** Is the blob known to be there? Silence is no yes, nor is a page that somebody else answers with. */
export async function hasBlob(
  client: RepositoryClient,
  { digest, size }: BlobInfo,
  { signal, stop, isNeeded }: Interruptible & Partial<MountOptions>,
): Promise<boolean> {
  let response: HttpResponse;
  try {
    response = await client.send({
      method: "HEAD",
      url: client.url(`blobs/${digest}`),
      idempotent: true,
      // As for manifests: some firewalls cut every HEAD.
      retriesWhenBroken: 1,
      ...client.auth("push"),
      signal,
      stop,
      ...(isNeeded && { isNeeded }),
    });
  } catch (error) {
    if (isSilence(error)) return false;
    throw error;
  }
  if (response.status !== 200) return false;
  const said = header(response, "docker-content-digest");
  if (said !== undefined) return said === digest;
  return !isHtml(response) && header(response, "content-length") === String(size);
}

/** Where the bytes of a newly opened upload go. */
function uploadOf(client: RepositoryClient, response: HttpResponse, auth: Upload["auth"]): Upload {
  const { allowPlainHttp } = client;
  const { url, sameOrigin } = resolveLocation(header(response, "location"), response.url, { allowPlainHttp });
  return { url, auth: sameOrigin ? auth : {} };
}
