import { Buffer } from "node:buffer";
import { open } from "node:fs/promises";
import { ManifestError } from "../errors.js";

/**
 * A whole file, as long as it is no larger than `limit` bytes, whatever its size claims to be.
 * @throws ManifestError if it is larger; Node's errors if it cannot be read
 */
export async function readBounded(file: string, limit: number): Promise<Buffer> {
  const handle = await open(file, "r");
  try {
    const chunks: Buffer[] = [];
    let length = 0;
    for (;;) {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(64 * 1024));
      if (bytesRead === 0) return Buffer.concat(chunks);
      chunks.push(buffer.subarray(0, bytesRead));
      length += bytesRead;
      if (length > limit) throw new ManifestError("CONFIG", `larger than ${limit} bytes`);
    }
  } finally {
    await handle.close();
  }
}

const REASONS = new Map([
  ["EACCES", "permission denied"],
  ["EPERM", "permission denied"],
  ["EISDIR", "is a directory"],
  ["ENOENT", "no such file"],
  ["ENOTDIR", "not a directory"],
  ["ELOOP", "too many levels of symbolic links"],
]);

/** Why a file could not be read, without repeating its name. */
export function readFault(error: unknown): string {
  if (error instanceof ManifestError) return error.message;
  const code =
    typeof error === "object" && error !== null && "code" in error ? String(error.code) : "unreadable";
  return REASONS.get(code) ?? code;
}
