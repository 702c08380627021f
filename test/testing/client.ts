import { digestOf } from "../../src/oci/digest.js";
import { DOCKER_MANIFEST } from "../../src/oci/mediaTypes.js";

/** A small client for the tests of the registry: it checks nothing and follows nothing. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The error codes in the body. */
  readonly codes: string[];
}

export interface Request {
  readonly body?: string | Uint8Array;
  readonly headers?: Record<string, string>;
}

export async function send(
  method: string,
  url: string,
  { body, headers = {} }: Request = {},
): Promise<Reply> {
  const init = body === undefined ? { method, headers } : { method, headers, body: Buffer.from(body) };
  const response = await fetch(url, { ...init, redirect: "manual" });
  // docker-registry announces a length for 416 and sends nothing, so the body cannot be read.
  const text = response.status === 416 ? (await response.body?.cancel(), "") : await response.text();
  const codes = [...text.matchAll(/"code":"([A-Z_]+)"/g)].map((match) => match[1] ?? "");
  return { status: response.status, headers: response.headers, text, codes };
}

/** The address in a Location header, with more query. */
export function location(reply: Reply, base: string, query: Record<string, string> = {}): string {
  const url = new URL(reply.headers.get("location") ?? "", base);
  for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
  return url.href;
}

/** Uploads a blob in one PUT and says its digest. */
export async function upload(url: string, repository: string, content: string | Uint8Array): Promise<string> {
  const digest = digestOf(Buffer.from(content));
  const begun = await send("POST", `${url}/v2/${repository}/blobs/uploads/`);
  const done = await send("PUT", location(begun, url, { digest }), { body: content });
  if (done.status !== 201) throw new Error(`upload: ${done.status} ${done.text}`);
  return digest;
}

export function putManifest(
  url: string,
  repository: string,
  reference: string,
  mediaType: string,
  body: string,
) {
  const headers = { "content-type": mediaType };
  return send("PUT", `${url}/v2/${repository}/manifests/${reference}`, { body, headers });
}

/** A docker manifest whose config and layers are these digests. */
export function manifestOf(config: string, layers: readonly string[] = [], more: object = {}): string {
  const layer = "application/vnd.docker.image.rootfs.diff.tar.gzip";
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: DOCKER_MANIFEST,
    config: { mediaType: "application/vnd.docker.container.image.v1+json", size: 1, digest: config },
    layers: layers.map((digest) => ({ mediaType: layer, size: 1, digest })),
    ...more,
  });
}

export function listOf(mediaType: string, children: readonly string[], more: object = {}): string {
  const platform = { architecture: "amd64", os: "linux" };
  const manifests = children.map((digest) => ({ mediaType: DOCKER_MANIFEST, size: 1, digest, platform }));
  return JSON.stringify({ schemaVersion: 2, mediaType, manifests, ...more });
}

/** A digest that nothing has. */
export const NOWHERE = digestOf(Buffer.from("nowhere to be found"));
