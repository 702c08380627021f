import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { readBlob } from "../../src/content/blobReader.js";
import type { BlobInfo, BlobStream, Repository } from "../../src/content/repository.js";
import { digestOf } from "../../src/oci/digest.js";

const CONTENT = Buffer.from("0123456789abcdefghij");
const BLOB: BlobInfo = { digest: digestOf(CONTENT), size: CONTENT.byteLength, foreign: false };

/** The pieces of a stream; an error among them breaks it there. */
type Pieces = readonly (string | Error)[];

function streamOf(pieces: Pieces, skip = 0, length = CONTENT.byteLength): BlobStream {
  const stream = Readable.from(
    (async function* () {
      for (const piece of pieces) {
        await Promise.resolve();
        if (piece instanceof Error) throw piece;
        yield Buffer.from(piece);
      }
    })(),
    { objectMode: false },
  );
  return { stream, length, skip };
}

/** A repository whose blob can be opened once for each of the streams; the offsets are kept. */
function sourceOf(...streams: BlobStream[]) {
  const offsets: number[] = [];
  const unused = (): never => {
    throw new Error("not expected to be called");
  };
  const repository: Repository = {
    location: { kind: "registry", domain: "registry.example", path: "src" },
    openBlob: (_, offset) => {
      offsets.push(offset);
      const next = streams[offsets.length - 1];
      return next === undefined ? Promise.reject(new Error("opened too often")) : Promise.resolve(next);
    },
    resolve: unused,
    get: unused,
    put: unused,
    statBlob: unused,
    getBlob: unused,
    ensureBlob: unused,
    referrers: unused,
  };
  return { repository, offsets };
}

async function readAll(repository: Repository, blob = BLOB, resumes = 2): Promise<string[]> {
  const pieces: string[] = [];
  for await (const piece of readBlob(repository, blob, { resumes })) pieces.push(piece.toString());
  return pieces;
}

const reset = new Error("socket hang up");

describe("a blob is read", () => {
  test("in the pieces that come", async () => {
    const { repository } = sourceOf(streamOf(["0123456789", "abcdefghij"]));
    expect(await readAll(repository)).toEqual(["0123456789", "abcdefghij"]);
  });

  test("from where it broke", async () => {
    const { repository, offsets } = sourceOf(
      streamOf(["01234", reset]),
      streamOf(["56789", reset]),
      streamOf(["abcdefghij"]),
    );
    expect((await readAll(repository)).join("")).toBe(CONTENT.toString());
    expect(offsets).toEqual([0, 5, 10]);
  });

  test("from its beginning where the source cannot go on, without what was there before", async () => {
    const { repository } = sourceOf(
      streamOf(["0123456", reset]),
      streamOf(["01234", "56789", "abcdefghij"], 7),
    );
    expect(await readAll(repository)).toEqual(["0123456", "789", "abcdefghij"]);
  });

  test("as often as told, and the reason is told then", async () => {
    const { repository, offsets } = sourceOf(...Array.from({ length: 9 }, () => streamOf([reset])));
    await expect(readAll(repository)).rejects.toMatchObject({
      code: "TRANSPORT",
      message: `registry.example/src@${BLOB.digest} could not be read to its end: socket hang up`,
    });
    expect(offsets).toEqual([0, 0, 0]);
  });

  test("and is complete when it breaks behind its last byte", async () => {
    const { repository, offsets } = sourceOf(streamOf([CONTENT.toString(), reset]));
    expect(await readAll(repository)).toEqual([CONTENT.toString()]);
    expect(offsets).toEqual([0]);
  });

  test("from the stream that is open already", async () => {
    const { repository, offsets } = sourceOf();
    const first = streamOf([CONTENT.toString()]);
    const pieces: unknown[] = [];
    for await (const piece of readBlob(repository, BLOB, { resumes: 0, first })) pieces.push(piece);
    expect(pieces).toEqual([CONTENT]);
    expect(offsets).toEqual([]);
  });

  test("by the length that the source says where the manifest says none", async () => {
    const { repository } = sourceOf(streamOf([CONTENT.toString()]));
    expect(await readAll(repository, { ...BLOB, size: 0 })).toEqual([CONTENT.toString()]);
  });

  test("when it is empty", async () => {
    const empty = { digest: digestOf(Buffer.alloc(0)), size: 0, foreign: false };
    expect(await readAll(sourceOf(streamOf([], 0, 0)).repository, empty)).toEqual([]);
  });
});

describe("the last piece is held back", () => {
  async function piecesBeforeError(pieces: Pieces): Promise<[string[], unknown]> {
    const { repository } = sourceOf(streamOf(pieces));
    const seen: string[] = [];
    try {
      for await (const piece of readBlob(repository, BLOB, { resumes: 0 })) seen.push(piece.toString());
    } catch (error) {
      return [seen, error];
    }
    return [seen, undefined];
  }

  test.each([
    ["another digest", ["0123456789", "abcdefghiX"], "the source sent content with digest sha256:"],
    ["too little", ["0123456789", "abc"], "the source sent 13 bytes instead of 20"],
    ["too much", ["0123456789", "abcdefghijklm"], "the source sent more than 20 bytes"],
  ])("from content with %s", async (_name, pieces, message) => {
    const [seen, error] = await piecesBeforeError(pieces);
    expect(seen.join("")).not.toContain("abc");
    expect(error).toMatchObject({ code: "DIGEST_MISMATCH", subject: BLOB.digest });
    expect(String(error)).toContain(message);
  });
});

describe("a blob is not read", () => {
  test("at all if the source has another length", async () => {
    const first = streamOf(["x"], 0, 1);
    await expect(readAll(sourceOf(first).repository)).rejects.toThrow("1 bytes instead of 20");
    expect(first.stream).toMatchObject({ destroyed: true });
  });

  test("any further when its reader is done with it", async () => {
    const first = streamOf(["0123456789", "abcde", "fghij"]);
    for await (const piece of readBlob(sourceOf(first).repository, BLOB, { resumes: 2 })) {
      expect(piece.toString()).toBe("0123456789");
      break;
    }
    expect(first.stream).toMatchObject({ destroyed: true });
  });

  test("again for a fault of its reader", async () => {
    const { repository, offsets } = sourceOf(streamOf(["0123456789", "abcde", "fghij"]));
    const pieces = readBlob(repository, BLOB, { resumes: 2 });
    await pieces.next();
    await expect(pieces.throw(new Error("the disk is full"))).rejects.toThrow("the disk is full");
    expect(offsets).toEqual([0]);
  });

  test("when it is interrupted, and the reason is the interruption's", async () => {
    const { repository } = sourceOf(streamOf(["01234", reset]));
    const pieces = readBlob(repository, BLOB, { resumes: 2, signal: AbortSignal.abort(new Error("stop")) });
    await expect(pieces.next()).rejects.toThrow("stop");
  });
});
