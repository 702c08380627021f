import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { BlobOutcome, EnsureOptions } from "../../../src/content/repository.js";
import { answer, reset, startPeer, type Incoming, type Outgoing } from "../../helpers/peer.js";
import { blobOf, endless, HTML, TARGET, withStage, type Stage, type StageOptions } from "../stage.js";

const CONTENT = "0123456789abcdef".repeat(20_000);
const BLOB = blobOf(CONTENT);

const isDownload = ({ method, url = "" }: Incoming): boolean =>
  method === "GET" && url.includes("src/blobs/");
const isUpload = ({ method, url = "" }: Incoming): boolean => method === "PUT" && url.includes("/uploads/");
const isHead = ({ method, url = "" }: Incoming): boolean => method === "HEAD" && url.includes("/blobs/");

/** Deals with the first requests that match, as often as told. */
function firstly(
  times: number,
  matches: (request: Incoming) => boolean,
  deal: (request: Incoming, response: Outgoing) => boolean,
): NonNullable<StageOptions["intercept"]> {
  let left = times;
  return (request, response) => matches(request) && left-- > 0 && deal(request, response);
}

function drained(request: Incoming, response: Outgoing, status: number, headers = {}, body = ""): true {
  request.resume();
  request.on("end", () => answer(response, status, headers, body));
  return true;
}

/** Copies the blob from `src`, since the registry does not mount, without asking first whether it is there. */
function copy(
  { peer, target, repository }: Stage,
  options: Partial<EnsureOptions> = {},
): Promise<BlobOutcome> {
  peer.putBlob("src", CONTENT);
  return target.ensureBlob(BLOB, [repository("src")], { mountOnly: false, isMissing: true, ...options });
}

const staged = (options: StageOptions, play: (stage: Stage) => Promise<void>) => () =>
  withStage({ mounts: "refuse202", ...options }, play);

async function expectCopied(stage: Stage, uploads: number): Promise<void> {
  expect(await copy(stage)).toMatchObject({ kind: "copied" });
  expect(stage.peer.blob(TARGET, BLOB.digest)?.toString()).toBe(CONTENT);
  expect(stage.count(/^PUT /)).toBe(uploads);
  expect(stage.peer.openUploads()).toBe(0);
}

describe("an upload", () => {
  test(
    "that is reset is begun again, and the broken one is given up",
    staged({ intercept: firstly(1, isUpload, (request) => reset(request)) }, async (stage) => {
      await expectCopied(stage, 2);
      expect(stage.count(/^DELETE /)).toBe(1);
    }),
  );

  test(
    "whose answer is lost is not begun again if the blob is there",
    staged(
      {
        onRequest: ({ method, route }) =>
          method === "PUT" && route?.kind === "upload" ? { cut: "after" } : undefined,
      },
      async (stage) => {
        await expectCopied(stage, 1);
        expect(stage.count(/^HEAD /)).toBe(1);
        expect(stage.count(/^DELETE /)).toBe(0);
      },
    ),
  );

  test.each([
    ["a page for people", HTML],
    ["another digest", { "Docker-Content-Digest": `sha256:${"0".repeat(64)}` }],
    ["another length", { "Content-Length": "3" }],
  ])(
    "whose answer is lost is begun again if what is there is %s",
    (_name, headers: Record<string, string>) => {
      const lost = firstly(1, isUpload, (request) => reset(request));
      return staged(
        {
          intercept: (request, response) =>
            lost(request, response) ||
            (isHead(request) && answer(response, 200, { "Content-Length": String(BLOB.size), ...headers })),
        },
        (stage) => expectCopied(stage, 2),
      )();
    },
  );

  test(
    "that the registry does not know any more (404) is begun again",
    staged({ intercept: firstly(1, isUpload, (...both) => drained(...both, 404)) }, (stage) =>
      expectCopied(stage, 2),
    ),
  );

  test(
    "that is refused for good is not begun again, and given up",
    staged(
      { intercept: (request, response) => isUpload(request) && drained(request, response, 413) },
      async (stage) => {
        await expect(copy(stage)).rejects.toMatchObject({
          code: "BLOB_NOT_PUSHED",
          action: "copy",
          cause: { code: "REGISTRY", status: 413, method: "PUT" },
        });
        expect(stage.count(/^PUT /)).toBe(1);
        expect(stage.count(/^DELETE /)).toBe(1);
        expect(stage.peer.openUploads()).toBe(0);
      },
    ),
  );

  test(
    "that is not opened is told as the mount that was wanted",
    staged(
      { intercept: ({ method }, response) => method === "POST" && answer(response, 403) },
      async (stage) => {
        await expect(copy(stage)).rejects.toMatchObject({
          action: "mount",
          cause: { code: "REGISTRY", status: 403 },
        });
        expect(stage.count(/^PUT |^DELETE /)).toBe(0);
      },
    ),
  );

  test(
    "is given up although nobody answers that, and nobody waits long for it",
    staged(
      {
        intercept: (request, response) =>
          request.method === "DELETE" ? reset(request) : isUpload(request) && drained(request, response, 400),
      },
      async (stage) => {
        await expect(copy(stage)).rejects.toMatchObject({ cause: { status: 400 } });
        expect(stage.count(/^DELETE /)).toBe(1);
      },
    ),
  );

  test(
    "waits for its next try no longer than until a stop",
    staged(
      {
        intercept: (request, response) => isUpload(request) && drained(request, response, 503),
        client: { retryLimits: endless },
      },
      async (stage) => {
        expect(await copy(stage, { stop: AbortSignal.timeout(100) })).toEqual({ kind: "stopped" });
        expect(stage.peer.openUploads()).toBe(0);
      },
    ),
  );
});

describe("where something cuts every HEAD", () => {
  const cutHeads = (deal: NonNullable<StageOptions["intercept"]>): NonNullable<StageOptions["intercept"]> => {
    return (...both) => (isHead(both[0]) ? reset(both[0]) : deal(...both));
  };

  test.each([
    ["is reset", (request: Incoming) => reset(request)],
    ["fails (503)", (...both: [Incoming, Outgoing]) => drained(...both, 503)],
  ])("an upload that %s is begun again", (_name, deal) =>
    staged({ intercept: cutHeads(firstly(1, isUpload, deal)) }, async (stage) => {
      await expectCopied(stage, 2);
      expect(stage.count(/^HEAD /)).toBe(2);
    })(),
  );

  test(
    "a 202 without a digest is no success, and not doubted for long",
    staged(
      { intercept: cutHeads((...both) => isUpload(both[0]) && drained(...both, 202)) },
      async (stage) => {
        await expect(copy(stage)).rejects.toMatchObject({
          action: "copy",
          cause: { code: "INVALID_ANSWER", cause: { status: 202 } },
        });
        expect(stage.count(/^PUT /)).toBe(1);
        expect(stage.count(/^HEAD /)).toBe(2);
        expect(stage.peer.openUploads()).toBe(0);
      },
    ),
  );
});

describe("the success of an upload", () => {
  test.each([200, 202, 204])("is a %i with the blob's digest", (status) =>
    staged(
      {
        intercept: (request, response) =>
          isUpload(request) && drained(request, response, status, { "Docker-Content-Digest": BLOB.digest }),
      },
      async (stage) => {
        expect(await copy(stage)).toMatchObject({ kind: "copied" });
        expect(stage.count(/^HEAD |^DELETE /)).toBe(0);
      },
    )(),
  );

  test.each([
    ["its digest", { "Docker-Content-Digest": BLOB.digest }],
    ["its length", { "Content-Length": String(BLOB.size) }],
  ])("is a 202 without one if a HEAD gives %s", (_name, headers) =>
    staged(
      {
        intercept: (request, response) =>
          isUpload(request)
            ? drained(request, response, 202)
            : isHead(request) && answer(response, 200, headers),
      },
      async (stage) => {
        expect(await copy(stage)).toMatchObject({ kind: "copied" });
        expect(stage.count(/^HEAD /)).toBe(1);
      },
    )(),
  );

  test(
    "is not the page with which somebody else answers everything",
    staged(
      {
        intercept: (request, response) => {
          const page = "<html>Please log in</html>";
          if (isUpload(request)) return drained(request, response, 200, HTML, page);
          return isHead(request) && answer(response, 200, { ...HTML, "Content-Length": String(BLOB.size) });
        },
      },
      async (stage) => {
        await expect(copy(stage)).rejects.toMatchObject({
          action: "copy",
          cause: { code: "INVALID_ANSWER", cause: { reason: "a page of HTML" } },
        });
        expect(stage.count(/^PUT /)).toBe(1);
        expect(stage.peer.openUploads()).toBe(0);
      },
    ),
  );
});

/** The blob without what ends its body: the connection is cut behind so many bytes. */
function cutAfter(bytes: number) {
  return (_: Incoming, response: Outgoing): boolean => {
    if ("createPushResponse" in response) return false;
    response.writeHead(200, { "Transfer-Encoding": "chunked" });
    response.write(CONTENT.slice(0, bytes), () => setTimeout(() => response.socket?.destroy(), 50));
    return true;
  };
}

describe("a download", () => {
  test(
    "that breaks is taken up where it broke",
    staged({ intercept: firstly(1, isDownload, cutAfter(100_000)) }, async (stage) => {
      await expectCopied(stage, 1);
      const ranges = stage.peer.seen.flatMap(({ headers }) => headers.range ?? []);
      expect(ranges).toEqual([expect.stringMatching(/^bytes=[1-9]\d*-$/)]);
    }),
  );

  test(
    "that breaks behind its last byte is complete",
    staged({ intercept: firstly(1, isDownload, cutAfter(CONTENT.length)) }, async (stage) => {
      await expectCopied(stage, 1);
      expect(stage.count(/^GET /)).toBe(1);
    }),
  );

  test(
    "that stays broken fails, and the upload is given up",
    staged({ intercept: (...both) => isDownload(both[0]) && cutAfter(0)(...both) }, async (stage) => {
      await expect(copy(stage)).rejects.toMatchObject({ action: "copy", cause: { code: "TRANSPORT" } });
      expect(stage.peer.openUploads()).toBe(0);
    }),
  );

  test(
    "of other content than the digest says stores nothing, and the upload is given up",
    staged(
      {
        intercept: (request, response) =>
          isDownload(request) && answer(response, 200, {}, CONTENT.replaceAll("a", "b")),
      },
      async (stage) => {
        await expect(copy(stage)).rejects.toMatchObject({
          action: "copy",
          cause: { code: "DIGEST_MISMATCH" },
        });
        expect(stage.peer.hasBlob(TARGET, BLOB.digest)).toBe(false);
        expect(stage.peer.openUploads()).toBe(0);
      },
    ),
  );

  test(
    "of another length fails before anything is sent",
    staged(
      { intercept: (request, response) => isDownload(request) && answer(response, 200, {}, "short") },
      async (stage) => {
        await expect(copy(stage)).rejects.toMatchObject({
          action: "copy",
          cause: { code: "DIGEST_MISMATCH" },
        });
        expect(stage.count(/^PUT /)).toBe(0);
        expect(stage.peer.openUploads()).toBe(0);
      },
    ),
  );
});

describe("the bytes are fetched again", () => {
  test("where the upload is sent on to another place (307)", async () => {
    const received = createHash("sha256");
    const store = await startPeer({
      intercept: (request, response) => {
        request.on("data", (piece: Buffer) => received.update(piece));
        request.on("end", () => answer(response, 201));
        return true;
      },
    });
    const intercept = (request: Incoming, response: Outgoing): boolean =>
      isUpload(request) && answer(response, 307, { Location: `http://${store.host}/store?digest=x` });
    try {
      await withStage({ mounts: "refuse202", intercept }, async (stage) => {
        expect(await copy(stage)).toMatchObject({ kind: "copied" });
        expect(`sha256:${received.digest("hex")}`).toBe(BLOB.digest);
        expect(stage.count(/^GET /)).toBe(2);
        expect(store.requests).toEqual(["PUT /store?digest=x"]);
      });
    } finally {
      await store.close();
    }
  });

  test("where the registry wants a new token in the middle of the copy", async () => {
    let isExpired = true;
    const auth = { kind: "bearer", users: { me: "secret" } } as const;
    const credentials = () => Promise.resolve({ kind: "basic", username: "me", password: "secret" } as const);
    const intercept = (request: Incoming, response: Outgoing): boolean => {
      if (!isUpload(request) || !isExpired) return false;
      isExpired = false;
      // Behind the first of the body, as a proxy does it.
      request.once("data", () => {
        const { host = "" } = request.headers;
        answer(response, 401, {
          "WWW-Authenticate": `Bearer realm="http://${host}/token",error="invalid_token"`,
        });
      });
      return true;
    };
    await withStage({ mounts: "refuse202", auth, intercept, client: { credentials } }, async (stage) => {
      await expectCopied(stage, 2);
      expect(stage.count(/^GET .*\/blobs\//)).toBe(2);
    });
  });
});

test("a copy that its reader keeps waiting does not fill the memory", () => {
  const size = 64 * 1024 * 1024;
  const large = Buffer.alloc(size, "x");
  let sent = 0;
  const intercept = (request: Incoming, response: Outgoing): boolean => {
    if (isDownload(request)) {
      const pieces = (function* () {
        for (; sent < size; sent += 65536) yield large.subarray(sent, sent + 65536);
      })();
      const more = (): void => {
        for (const piece of pieces) {
          if (!("createPushResponse" in response) && !response.write(piece)) {
            response.once("drain", more);
            return;
          }
        }
        response.end();
      };
      response.setHeader("Content-Length", size);
      more();
      return true;
    }
    // Nobody reads the upload.
    return isUpload(request);
  };
  return withStage({ mounts: "refuse202", intercept }, async (stage) => {
    const stop = new AbortController();
    const outcome = stage.target.ensureBlob(blobOf(large), [stage.repository("src")], {
      mountOnly: false,
      stop: stop.signal,
    });
    await sleep(500);
    stop.abort();
    expect(await outcome).toEqual({ kind: "stopped" });
    expect(sent).toBeLessThan(size / 2);
  });
});
