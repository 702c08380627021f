import { parseJson } from "../../../src/go/json.js";
import { member } from "./closure.js";

const REFERENCE_TYPE = "vnd.docker.reference.type";

/**
 * A list's JSON without the order that is random in buildx: attestations that it found through the referrers API stand
 * behind all other entries as a Go map yields them. The bytes as they are where there are not several of them.
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
  return member(member(entry, "annotations"), REFERENCE_TYPE) === "attestation-manifest";
}

const SUBJECT = "io.containerd.manifest.subject";

/**
 * What a layout's index.json says, in no order: buildx writes all of it anew, in Go's order, and what refers to another
 * manifest as a Go map yields it, once more where it is listed already; we leave what others have written as it is, and
 * where it is. What refers to another manifest counts by what that is, and by its type: buildx says of it what its source
 * said, we what it says of itself. What a list leads to does not count: buildx lists it too where that is docker's list.
 */
export function layoutIndex(text: string, reached: ReadonlySet<string>): string {
  const { manifests, ...others } = objectIn(Buffer.from(text, "latin1")) ?? {};
  const entries: unknown[] = Array.isArray(manifests) ? manifests : [];
  const shown = entries.flatMap((entry): string[] => {
    const digest = String(member(entry, "digest"));
    const subject = member(member(entry, "annotations"), SUBJECT);
    if (subject === undefined) return [sortedJson(entry)];
    if (reached.has(digest)) return [];
    return [sortedJson({ digest, subject, artifactType: member(entry, "artifactType") })];
  });
  return JSON.stringify({ ...others, manifests: [...new Set(shown)].sort() });
}

/** With the members of every object in one order. */
function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) => {
    if (typeof member !== "object" || member === null || Array.isArray(member)) return member;
    return Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

function objectIn(bytes: Buffer): Record<string, unknown> | undefined {
  try {
    const value = parseJson(bytes);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
