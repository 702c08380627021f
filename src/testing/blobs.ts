import type { Answer } from "./answer.js";
import type { Call } from "./call.js";
import { fault, methodFault } from "./faults.js";
import { checkContentDigest } from "./names.js";
import type { RegistryState } from "./state.js";

/**
 * Reading and deleting a blob.
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#pulling-blobs
 */
export function answerBlob(state: RegistryState, call: Call, name: string, digest: string): Answer {
  checkContentDigest(digest);
  const repository = state.repositories.get(name);
  const blob = repository?.blobs.get(digest);
  switch (call.method) {
    case "GET":
    case "HEAD": {
      if (blob === undefined) throw fault("BLOB_UNKNOWN", digest);
      const headers = {
        "Content-Type": "application/octet-stream",
        "Docker-Content-Digest": digest,
        "Accept-Ranges": "bytes",
        ETag: `"${digest}"`,
      };
      if (call.headers["if-none-match"] === `"${digest}"`) return { status: 304, headers };
      if (call.method === "HEAD") {
        return { status: 200, headers: { ...headers, "Content-Length": String(blob.size) } };
      }
      if (blob.bytes === undefined) throw fault("BLOB_UNKNOWN", digest);
      const range = rangeOf(call.headers.range, blob.size);
      if (range === undefined) return { status: 200, headers, body: blob.bytes };
      const slice = blob.bytes.subarray(range.start, range.end + 1);
      const contentRange = `bytes ${range.start}-${range.end}/${blob.size}`;
      return { status: 206, headers: { ...headers, "Content-Range": contentRange }, body: slice };
    }
    case "DELETE":
      if (repository?.blobs.delete(digest) !== true) throw fault("BLOB_UNKNOWN", digest);
      return { status: 202, headers: { "Docker-Content-Digest": digest } };
    default:
      throw methodFault("DELETE", "GET", "HEAD");
  }
}

/**
 * The bytes a Range header asks for, both ends included; undefined means all. Several ranges, and units other than
 * bytes, may be ignored and are; a range outside the blob is 416.
 * https://www.rfc-editor.org/rfc/rfc9110#section-14.2
 */
function rangeOf(header: string | undefined, size: number): { start: number; end: number } | undefined {
  if (header?.startsWith("bytes=") !== true || header.includes(",")) return undefined;
  const match = /^bytes=(\d*)-(\d*)$/.exec(header);
  const [first, last] = [match?.[1] ?? "", match?.[2] ?? ""];
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if ((first === "" && last === "") || start > end) {
    throw fault("RANGE_INVALID", undefined, { headers: { "Content-Range": `bytes */${size}` } });
  }
  return { start, end };
}
