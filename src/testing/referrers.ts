import { OCI_INDEX, isListType } from "../oci/mediaTypes.js";
import { jsonAnswer, type Answer } from "./answer.js";
import type { Call } from "./call.js";
import { methodFault } from "./faults.js";
import { checkContentDigest } from "./names.js";
import { ImageManifest, ListManifest } from "./schemas.js";
import type { RegistryState, StoredManifest } from "./state.js";

/**
 * The manifests whose subject is a digest, as an index; an empty one when there is none.
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#listing-referrers
 */
export function answerReferrers(state: RegistryState, call: Call, name: string, digest: string): Answer {
  if (call.method !== "GET" && call.method !== "HEAD") throw methodFault("GET", "HEAD");
  checkContentDigest(digest);
  const artifactType = call.query.get("artifactType");
  const stored = [...(state.repositories.get(name)?.manifests ?? [])];
  const manifests = stored
    .flatMap(([referrer, manifest]) => describe(referrer, manifest, digest))
    .filter((descriptor) => artifactType === null || descriptor.artifactType === artifactType);
  return jsonAnswer(
    200,
    { schemaVersion: 2, mediaType: OCI_INDEX, manifests },
    {
      "Content-Type": OCI_INDEX,
      ...(artifactType === null ? {} : { "OCI-Filters-Applied": "artifactType" }),
    },
  );
}

interface Referrer {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly artifactType?: string | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** The manifest's descriptor, if `subject` is its subject. */
function describe(digest: string, { mediaType, body }: StoredManifest, subject: string): Referrer[] {
  const schema = isListType(mediaType) ? ListManifest : ImageManifest;
  const parsed = schema.safeParse(jsonOf(body));
  if (!parsed.success || parsed.data.subject?.digest !== subject) return [];
  const { artifactType, config, annotations } = parsed.data;
  return [
    {
      mediaType,
      digest,
      size: body.byteLength,
      artifactType: artifactType ?? config?.mediaType,
      annotations: annotations ?? undefined,
    },
  ];
}

/** Manifests that a test put past the checks may be anything. */
function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}
