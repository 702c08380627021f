import type { BlobInfo, Repository } from "../../src/content/repository.js";
import { digestOf } from "../../src/oci/digest.js";
import { parseManifest, type Manifest } from "../../src/oci/manifest.js";
import { OCI_MANIFEST } from "../../src/oci/mediaTypes.js";
import {
  createRegistry,
  type RegistryClient,
  type RegistryEvent,
  type RegistryOptions,
} from "../../src/registry/createRegistry.js";
import { startPeer, type Peer, type PeerOptions } from "../helpers/peer.js";

/** A registry and a client with one session: the stage for a test of a Repository over HTTP. */
export interface Stage {
  readonly peer: Peer;
  readonly client: RegistryClient;
  /** `team/app` */
  readonly target: Repository;
  /** Another repository of the same registry. */
  readonly repository: (path: string) => Repository;
  /** What happened on the wire. */
  readonly events: readonly RegistryEvent[];
  /** How many requests there were whose `METHOD path` matches. */
  readonly count: (pattern: RegExp) => number;
}

export interface StageOptions extends PeerOptions {
  readonly client?: Partial<RegistryOptions>;
}

export const TARGET = "team/app";

/** Quick enough for a test. */
export const limits = { baseMs: 1, capMs: 4, longestRetryAfterMs: 500, totalMs: 10_000 };
/** A wait that a test would not survive. */
export const endless = { baseMs: 600_000, capMs: 600_000, longestRetryAfterMs: 500, totalMs: 1_000_000 };

export async function withStage(
  { client: given, ...options }: StageOptions,
  play: (stage: Stage) => Promise<void>,
): Promise<void> {
  const peer = await startPeer(options);
  peer.putBlob(TARGET, CONFIG);
  const events: RegistryEvent[] = [];
  const client = await createRegistry({
    domain: peer.host,
    retryLimits: limits,
    onEvent: (event) => events.push(event),
    ...given,
  });
  const session = client.session({ access: [{ path: TARGET, actions: ["pull", "push"] }] });
  try {
    await play({
      peer,
      client,
      target: session.repository(TARGET),
      repository: (path) => session.repository(path),
      events,
      count: (pattern) => peer.requests.filter((request) => pattern.test(request)).length,
    });
  } finally {
    await client.close();
    await peer.close();
  }
}

/** A blob of some text. */
export function blobOf(content: string | Buffer): BlobInfo {
  const bytes = Buffer.from(content);
  return { digest: digestOf(bytes), size: bytes.byteLength, foreign: false };
}

const CONFIG = "{}";

/** An image manifest that differs from others by its text. What it names is in the target. */
export function manifestOf(text: string): Manifest {
  const config = {
    mediaType: "application/vnd.oci.image.config.v1+json",
    size: CONFIG.length,
    digest: digestOf(Buffer.from(CONFIG)),
  };
  const body = { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [], annotations: { text } };
  return parseManifest(OCI_MANIFEST, Buffer.from(JSON.stringify(body)));
}

export const HTML = { "Content-Type": "text/html; charset=utf-8" };
