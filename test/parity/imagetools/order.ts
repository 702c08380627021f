import { parseJson } from "../../../src/go/json.js";
import { member } from "./closure.js";

const REFERENCE_TYPE = "vnd.docker.reference.type";
const SUBJECT = "io.containerd.manifest.subject";

/**
 * JSON without the order that is random in buildx: attestations that it found through the referrers API stand behind all
 * other entries, and what refers to another manifest is appended to a layout's index.json, both as a Go map yields them.
 * The bytes as they are where there is nothing of the kind.
 */
export function orderless(bytes: Buffer): string {
  const text = bytes.toString("latin1");
  const parsed = objectIn(bytes);
  const manifests = parsed?.["manifests"];
  if (parsed === undefined || !Array.isArray(manifests)) return text;
  const entries = manifests.map((entry) => JSON.stringify(entry));
  const isSortable = manifests.map(isInRandomOrder);
  const from = isSortable.lastIndexOf(false) + 1;
  // One alone has no order.
  if (entries.length - from < 2) return text;
  const sorted = [...entries.slice(0, from), ...entries.slice(from).sort()];
  return JSON.stringify({ ...parsed, manifests: sorted });
}

function isInRandomOrder(entry: unknown): boolean {
  const annotations = member(entry, "annotations");
  return (
    member(annotations, REFERENCE_TYPE) === "attestation-manifest" ||
    member(annotations, SUBJECT) !== undefined
  );
}

function objectIn(bytes: Buffer): Record<string, unknown> | undefined {
  try {
    const value = parseJson(bytes);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
