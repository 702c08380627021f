import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { BlobError } from "../../../src/content/blobError.js";
import type {
  BlobInfo,
  BlobProgress,
  BlobOutcome,
  EnsureOptions,
  Repository,
} from "../../../src/content/repository.js";
import { createRegistry } from "../../../src/registry/createRegistry.js";
import { answer, answerRaw, reset, startPeer, type Incoming, type Outgoing } from "../../helpers/peer.js";
import { blobOf, endless, TARGET, withStage, type Stage, type StageOptions } from "../stage.js";

const CONTENT = "what is in the blob\n".repeat(1000);
const BLOB = blobOf(CONTENT);
const FOREIGN: BlobInfo = { ...BLOB, foreign: true };

const isMount = ({ method, url = "" }: Incoming, from = ""): boolean =>
  method === "POST" && url.includes("mount=") && url.includes(`from=${from}`);
const isDownload = ({ method, url = "" }: Incoming, path = ""): boolean =>
  method === "GET" && url.includes(`${path}/blobs/`);
const isUpload = ({ method, url = "" }: Incoming): boolean => method === "PUT" && url.includes("/uploads/");

const denied = (response: Outgoing, status: number): true =>
  answer(response, status, {}, '{"errors":[{"code":"DENIED","message":"not yours"}]}');

/** A name and password are wanted. */
const basic = (response: Outgoing): true => answer(response, 401, { "WWW-Authenticate": 'Basic realm="x"' });

/** Has the blob made known in the target, from `src/0`, `src/1` …; those that are told have it. */
async function ensure(
  { peer, target, repository }: Stage,
  options: Partial<EnsureOptions> & { blob?: BlobInfo; sources?: number; has?: readonly number[] } = {},
): Promise<BlobOutcome> {
  const { blob = BLOB, sources = 1, has = [0, 1], ...rest } = options;
  const paths = Array.from({ length: sources }, (_, index) => `src/${index}`);
  for (const [index, path] of paths.entries()) if (has.includes(index)) peer.putBlob(path, CONTENT);
  return target.ensureBlob(blob, paths.map(repository), { mountOnly: false, ...rest });
}

/** The blob is in the target, and no upload is open. */
function expectThere({ peer }: Stage): void {
  expect(peer.blob(TARGET, BLOB.digest)?.toString()).toBe(CONTENT);
  expect(peer.openUploads()).toBe(0);
}

describe("a blob of the same registry", () => {
  test("is mounted, by one request", () =>
    withStage({}, async (stage) => {
      expect(await ensure(stage)).toEqual({ kind: "mounted" });
      expectThere(stage);
      expect(stage.peer.requests).toEqual([
        `POST /v2/${TARGET}/blobs/uploads/?from=src%2F0&mount=${encodeURIComponent(BLOB.digest)}`,
      ]);
    }));

  test("is copied into the upload that was opened in place of a mount (202)", () =>
    withStage({ mounts: "refuse202" }, async (stage) => {
      const events: BlobProgress[] = [];
      const outcome = await ensure(stage, { onEvent: (event) => events.push(event) });
      expect(outcome).toEqual({
        kind: "copied",
        source: { kind: "registry", domain: stage.peer.host, path: "src/0" },
      });
      expectThere(stage);
      expect(stage.peer.requests.map((request) => request.split(" ")[0])).toEqual([
        "POST",
        "HEAD",
        "GET",
        "PUT",
      ]);
      expect(events[0]).toMatchObject({ kind: "queued", source: { path: "src/0" } });
      expect(events[1]).toMatchObject({ kind: "copying", source: { path: "src/0" } });
      const bytes = events.map((event) => (event.kind === "bytes" ? event.count : 0));
      expect(bytes.reduce((sum, count) => sum + count, 0)).toBe(BLOB.size);
    }));

  test.each([401, 403, 404, 405])("is copied where the mount is refused (%i)", (status) =>
    withStage({ mounts: status }, async (stage) => {
      expect(await ensure(stage)).toMatchObject({ kind: "copied" });
      expectThere(stage);
      // A registry that answers 401 is asked what it wants.
      const requests = stage.peer.requests.filter((request) => request !== "GET /v2/");
      expect(requests.map((request) => request.split(" ")[0])).toEqual([
        "POST",
        "HEAD",
        "GET",
        "POST",
        "PUT",
      ]);
    }),
  );

  test("is neither mounted nor copied when the registry fails", () =>
    withStage({ mounts: 503, client: { retries: 1 } }, async (stage) => {
      await expect(ensure(stage)).rejects.toMatchObject({
        code: "BLOB_NOT_PUSHED",
        subject: BLOB.digest,
        action: "mount",
        source: { path: "src/0" },
        cause: { code: "REGISTRY", status: 503 },
      });
      expect(stage.peer.requests).toHaveLength(2);
    }));

  test("is mounted behind a rate limit whose lines end in bare line feeds", () => {
    let limits = 1;
    const intercept = (request: Incoming): boolean =>
      isMount(request) &&
      limits-- > 0 &&
      answerRaw(request, "HTTP/1.1 429 Too Many Requests\nRetry-After: 0\n\n");
    return withStage({ intercept }, async (stage) => {
      expect(await ensure(stage)).toEqual({ kind: "mounted" });
      expect(stage.count(/^POST /)).toBe(2);
    });
  });

  test("is mounted whatever size its manifest says; only a copy needs to know", () =>
    withStage({}, async (stage) => {
      const blob = { ...BLOB, size: 2 ** 60 };
      expect(await ensure(stage, { blob })).toEqual({ kind: "mounted" });
    }));

  test("of a size beyond all numbers is not copied", () =>
    withStage({ mounts: 405 }, async (stage) => {
      await expect(ensure(stage, { blob: { ...BLOB, size: 2 ** 60 } })).rejects.toMatchObject({
        action: "copy",
        cause: { code: "DIGEST_MISMATCH" },
      });
    }));
});

describe("a blob that the target has already", () => {
  const methods = ({ peer }: Stage): string[] => peer.requests.map((request) => request.split(" ")[0] ?? "");
  const there = (stage: Stage): unknown => stage.peer.putBlob(TARGET, CONTENT);

  test("is mounted all the same, without being asked for", () =>
    withStage({}, async (stage) => {
      there(stage);
      expect(await ensure(stage)).toEqual({ kind: "mounted" });
      expect(methods(stage)).toEqual(["POST"]);
    }));

  test.each([
    [403, ["POST", "HEAD"]],
    ["refuse202", ["POST", "HEAD", "DELETE"]],
  ] as const)("is not copied where a mount is answered by %s", (mounts, expected) =>
    withStage({ mounts }, async (stage) => {
      there(stage);
      const onEvent = (event: BlobProgress): void => expect.unreachable(event.kind);
      expect(await ensure(stage, { onEvent })).toEqual({ kind: "present" });
      expect(methods(stage)).toEqual(expected);
      expect(stage.peer.openUploads()).toBe(0);
    }),
  );

  test("is not copied from another registry, which is not asked at all", () =>
    withStage({}, async (stage) => {
      there(stage);
      const elsewhere = await createRegistry({ domain: "nobody.invalid" });
      const source = elsewhere.session({ access: [] }).repository("src");
      const outcome = await stage.target.ensureBlob(BLOB, [source], { mountOnly: false });
      expect(outcome).toEqual({ kind: "present" });
      expect(stage.peer.requests).toEqual([`HEAD /v2/${TARGET}/blobs/${BLOB.digest}`]);
      await elsewhere.close();
    }));

  test("is asked for once, however many sources do not have it", () =>
    withStage({ mounts: 404 }, async (stage) => {
      expect(await ensure(stage, { sources: 3, has: [] })).toMatchObject({ kind: "absent" });
      expect(stage.count(/^HEAD /)).toBe(1);
    }));

  test("is copied if it is known to be missing, whatever the registry says", () =>
    withStage({ mounts: 403 }, async (stage) => {
      there(stage);
      expect(await ensure(stage, { isMissing: true })).toMatchObject({ kind: "copied" });
      expect(stage.count(/^HEAD /)).toBe(0);
    }));

  test.each([
    ["foreign", { blob: FOREIGN }, { kind: "absent", toleratedBy: "any" }],
    ["wanted by nothing", { isNeededAtLast: () => Promise.resolve(false) }, { kind: "unneeded" }],
    ["only to be mounted", { mountOnly: true }, { kind: "absent", toleratedBy: "windows" }],
  ] as const)("is not asked for if it is %s", (_name, options, outcome) =>
    withStage({ mounts: "refuse202" }, async (stage) => {
      there(stage);
      expect(await ensure(stage, options)).toMatchObject(outcome);
      expect(stage.count(/^HEAD /)).toBe(0);
    }),
  );

  const heads = (status: number, headers: Record<string, string> = {}): StageOptions => ({
    mounts: 403,
    intercept: ({ method }, response) => method === "HEAD" && answer(response, status, headers),
  });
  test.each([
    ["is not there", heads(404)],
    ["may not be asked for (401)", heads(401)],
    ["may not be asked for (403)", heads(403)],
    ["cannot be asked for (405)", heads(405)],
    ["has another length", heads(200, { "Content-Length": "7" })],
    ["is another one", heads(200, { "Docker-Content-Digest": blobOf("other").digest })],
    [
      "is a page for people",
      heads(200, { "Content-Type": "text/html", "Content-Length": String(BLOB.size) }),
    ],
    [
      "is asked for in vain",
      {
        mounts: 403,
        intercept: (request) => request.method === "HEAD" && reset(request),
      } satisfies StageOptions,
    ],
  ])("is copied where it %s", (_name, options) =>
    withStage(options, async (stage) => {
      expect(await ensure(stage)).toMatchObject({ kind: "copied" });
      expectThere(stage);
    }),
  );

  test("and that nobody can be asked for is an error that names it", () =>
    withStage({}, async (stage) => {
      const elsewhere = await createRegistry({ domain: "nobody.invalid" });
      const source = elsewhere.session({ access: [] }).repository("src");
      await stage.peer.close();
      const outcome = stage.target.ensureBlob(BLOB, [source], { mountOnly: false });
      await expect(outcome).rejects.toMatchObject({
        code: "BLOB_NOT_PUSHED",
        subject: BLOB.digest,
        cause: { code: "TRANSPORT" },
      });
      await elsewhere.close();
    }));

  test("behind a stop is asked for by nobody", () => {
    const stop = new AbortController();
    const intercept = (request: Incoming): boolean => {
      if (isMount(request)) stop.abort();
      return false;
    };
    return withStage({ mounts: 403, intercept }, async (stage) => {
      expect(await ensure(stage, { stop: stop.signal })).toEqual({ kind: "stopped" });
      expect(stage.count(/^HEAD /)).toBe(0);
    });
  });
});

describe("the next source is tried", () => {
  test.each([401, 403])("where the first answers %i to the mount and to the download", (status) =>
    withStage(
      {
        intercept: (request, response) =>
          (isMount(request, "src%2F0") || isDownload(request, "src/0")) && denied(response, status),
      },
      async (stage) => {
        expect(await ensure(stage, { sources: 2 })).toEqual({ kind: "mounted" });
        expectThere(stage);
      },
    ),
  );

  test("where the first does not have it, in the upload that is open", () =>
    withStage({ mounts: "refuse202" }, async (stage) => {
      expect(await ensure(stage, { sources: 2, has: [1] })).toMatchObject({ source: { path: "src/1" } });
      expectThere(stage);
      expect(stage.count(/^PUT /)).toBe(1);
    }));

  test("and if none shows it, the first refusal is told", () =>
    withStage(
      {
        intercept: (request, response) => (isMount(request) || isDownload(request)) && denied(response, 403),
      },
      async (stage) => {
        const error = await ensure(stage, { sources: 2 }).catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(BlobError);
        expect(error).toMatchObject({
          code: "BLOB_NOT_PUSHED",
          action: "copy",
          source: { path: "src/0" },
          cause: { code: "REGISTRY", status: 403, method: "GET" },
        });
      },
    ));

  test("and if none has it, it is absent; images of Windows can do without", () =>
    withStage({}, async (stage) => {
      expect(await ensure(stage, { sources: 2, has: [] })).toMatchObject({
        kind: "absent",
        toleratedBy: "windows",
        error: {
          name: "NotFoundError",
          code: "BLOB_UNKNOWN",
          subject: BLOB.digest,
          cause: { name: "BlobError", action: "copy", source: { path: "src/0" } },
        },
      });
      expect(stage.peer.openUploads()).toBe(0);
    }));
});

test("a blob of another registry is copied, and no mount is asked for", () =>
  withStage({}, async (stage) => {
    const elsewhere = await startPeer();
    const client = await createRegistry({ domain: elsewhere.host });
    try {
      elsewhere.putBlob("src", CONTENT);
      const source = client.session({ access: [{ path: "src", actions: ["pull"] }] }).repository("src");
      const outcome = await stage.target.ensureBlob(BLOB, [source], { mountOnly: false });
      expect(outcome).toEqual({ kind: "copied", source: source.location });
      expectThere(stage);
      expect(stage.count(/mount=/)).toBe(0);
      await expect(stage.target.ensureBlob(BLOB, [source], { mountOnly: true })).rejects.toMatchObject({
        code: "BLOB_NOT_PUSHED",
        action: "mount",
        cause: { code: "MOUNT_REFUSED" },
      });
    } finally {
      await client.close();
      await elsewhere.close();
    }
  }));

describe("with nothing but mounts", () => {
  test("an upload in their place is given up; images of Windows can do without", () =>
    withStage({ mounts: "refuse202" }, async (stage) => {
      expect(await ensure(stage, { mountOnly: true })).toMatchObject({
        kind: "absent",
        toleratedBy: "windows",
        error: { code: "MOUNT_REFUSED", subject: BLOB.digest, action: "mount", source: { path: "src/0" } },
      });
      expect(stage.count(/^DELETE /)).toBe(1);
      expect(stage.peer.openUploads()).toBe(0);
    }));

  test("a refusal fails", () =>
    withStage({ mounts: 403 }, async (stage) => {
      await expect(ensure(stage, { mountOnly: true })).rejects.toMatchObject({
        code: "BLOB_NOT_PUSHED",
        action: "mount",
        cause: { code: "REGISTRY", status: 403 },
      });
      expect(stage.peer.requests).toHaveLength(1);
    }));
});

test.each(["refuse202", 403] as const)(
  "a foreign layer whose mount is refused (%s) is asked for once and never uploaded",
  (mounts) =>
    withStage({ mounts }, async (stage) => {
      expect(await ensure(stage, { blob: FOREIGN, sources: 2 })).toMatchObject({
        kind: "absent",
        toleratedBy: "any",
        error: { code: "MOUNT_REFUSED", subject: BLOB.digest },
      });
      expect(stage.count(/^POST /)).toBe(1);
      expect(stage.count(/^GET |^PUT /)).toBe(0);
      expect(stage.peer.openUploads()).toBe(0);
    }),
);

describe("a user without a name and password", () => {
  const missing = { name: "ManifestError", code: "CREDENTIALS_MISSING" };
  const fromFirst = (request: Incoming): boolean =>
    isMount(request, "src%2F0") || isDownload(request, "src/0");
  const fromAny = (request: Incoming): boolean => isMount(request) || isDownload(request);
  const wanted = (matches: (request: Incoming) => boolean): StageOptions => ({
    intercept: (request, response) => matches(request) && basic(response),
  });

  test.each([false, true])("gets a blob from the next source (mountOnly: %s)", (mountOnly) =>
    withStage(wanted(fromFirst), async (stage) => {
      expect(await ensure(stage, { sources: 2, mountOnly })).toEqual({ kind: "mounted" });
      expectThere(stage);
    }),
  );

  test("gets a blob by a copy where only mounts want one", () =>
    withStage(
      wanted((request) => isMount(request)),
      async (stage) => {
        expect(await ensure(stage)).toMatchObject({ kind: "copied" });
        expectThere(stage);
      },
    ));

  test("gets a blob from the next registry", () =>
    withStage({}, async (stage) => {
      const elsewhere = await startPeer({ auth: { kind: "basic", users: { me: "secret" } } });
      const client = await createRegistry({ domain: elsewhere.host });
      try {
        stage.peer.putBlob("src/0", CONTENT);
        const hidden = client.session({ access: [] }).repository("src");
        const ensureFrom = (...sources: Repository[]): Promise<BlobOutcome> =>
          stage.target.ensureBlob(BLOB, sources, { mountOnly: false });
        await expect(ensureFrom(hidden)).rejects.toMatchObject({ ...missing, subject: elsewhere.host });
        expect(await ensureFrom(hidden, stage.repository("src/0"))).toEqual({ kind: "mounted" });
        expectThere(stage);
      } finally {
        await client.close();
        await elsewhere.close();
      }
    }));

  test.each([false, true])("is told so where every source wants one (mountOnly: %s)", (mountOnly) =>
    withStage(wanted(fromAny), async (stage) => {
      await expect(ensure(stage, { sources: 2, mountOnly })).rejects.toMatchObject(missing);
    }),
  );

  test("is told so where the target wants one, and no other source is tried", () =>
    withStage(
      wanted(({ method }) => method === "POST"),
      async (stage) => {
        await expect(ensure(stage, { sources: 2 })).rejects.toMatchObject(missing);
        expect(stage.count(/mount=/)).toBe(1);
      },
    ));
});

test("what is wrong with who we are is told as it is, and no other source is tried", () => {
  const credentials = () => Promise.resolve({ kind: "basic", username: "me", password: "wrong" } as const);
  const auth = { kind: "basic", users: { me: "secret" } } as const;
  return withStage({ auth, client: { credentials } }, async (stage) => {
    await expect(ensure(stage, { sources: 2 })).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    expect(stage.count(/src%2F1|src\/1/)).toBe(0);
  });
});

describe("a blob that is not needed", () => {
  test("when its turn comes is not asked for", () => {
    let busy = true;
    const hold: StageOptions["onRequest"] = async ({ path }) => {
      while (busy && path.includes("manifests")) await sleep(5);
      return undefined;
    };
    return withStage({ onRequest: hold, client: { concurrency: 1 } }, async (stage) => {
      const first = stage.target.resolve("v1");
      let isNeeded = true;
      const outcome = ensure(stage, { isNeeded: () => isNeeded });
      await sleep(20);
      isNeeded = busy = false;
      await first;
      expect(await outcome).toEqual({ kind: "unneeded" });
      expect(stage.peer.requests).toHaveLength(1);
    });
  });

  test("when all is known is not copied, and the upload is given up", () =>
    withStage({ mounts: "refuse202" }, async (stage) => {
      expect(await ensure(stage, { isNeededAtLast: () => Promise.resolve(false) })).toEqual({
        kind: "unneeded",
      });
      expect(stage.peer.requests.map((request) => request.split(" ")[0])).toEqual(["POST", "DELETE"]);
      expect(stage.peer.openUploads()).toBe(0);
    }));
});

describe("a stop", () => {
  test("begins nothing", () =>
    withStage({}, async (stage) => {
      expect(await ensure(stage, { stop: AbortSignal.abort() })).toEqual({ kind: "stopped" });
      expect(stage.peer.requests).toEqual([]);
    }));

  test("ends the wait for another try of a mount", () =>
    withStage({ mounts: 503, client: { retryLimits: endless } }, async (stage) => {
      expect(await ensure(stage, { stop: AbortSignal.timeout(50) })).toEqual({ kind: "stopped" });
      expect(stage.peer.requests).toHaveLength(1);
    }));

  test("lets a refusal that comes after it be told", () => {
    const stop = new AbortController();
    const intercept = (_: Incoming, response: Outgoing): boolean => {
      stop.abort();
      return denied(response, 403);
    };
    return withStage({ intercept }, async (stage) => {
      await expect(ensure(stage, { stop: stop.signal, mountOnly: true })).rejects.toMatchObject({
        action: "mount",
      });
    });
  });

  test.each(["stop", "signal"] as const)("(%s) ends a copy in its middle, and its upload", (name) => {
    const intercept = (request: Incoming): boolean => isUpload(request);
    return withStage({ mounts: "refuse202", intercept }, async (stage) => {
      const outcome = ensure(stage, { [name]: AbortSignal.timeout(100) });
      if (name === "stop") expect(await outcome).toEqual({ kind: "stopped" });
      else await expect(outcome).rejects.toMatchObject({ name: "TimeoutError" });
      expect(stage.count(/^PUT /)).toBe(1);
      expect(stage.count(/^DELETE /)).toBe(1);
      expect(stage.peer.openUploads()).toBe(0);
    });
  });

  test("of the whole session still ends an upload that is opened behind it", () => {
    const over = new AbortController();
    const onRequest: StageOptions["onRequest"] = async ({ method }) => {
      if (method === "POST") over.abort();
      if (method === "POST") await sleep(100);
      return undefined;
    };
    return withStage({ mounts: "refuse202", onRequest }, async ({ client, peer, count }) => {
      peer.putBlob("src/0", CONTENT);
      const session = client.session({
        access: [{ path: TARGET, actions: ["pull", "push"] }],
        signal: over.signal,
      });
      const outcome = session
        .repository(TARGET)
        .ensureBlob(BLOB, [session.repository("src/0")], { mountOnly: false });
      await expect(outcome).rejects.toMatchObject({ name: "AbortError" });
      expect(count(/^DELETE /)).toBe(1);
      expect(count(/^GET /)).toBe(0);
      expect(peer.openUploads()).toBe(0);
    });
  });

  test("of the whole session still ends its uploads", () =>
    withStage(
      { mounts: "refuse202", intercept: (request) => isUpload(request) },
      async ({ client, peer, count }) => {
        peer.putBlob("src/0", CONTENT);
        const session = client.session({
          access: [{ path: TARGET, actions: ["pull", "push"] }],
          signal: AbortSignal.timeout(100),
        });
        const target = session.repository(TARGET);
        const outcome = target.ensureBlob(BLOB, [session.repository("src/0")], { mountOnly: false });
        await expect(outcome).rejects.toMatchObject({ name: "TimeoutError" });
        expect(count(/^DELETE /)).toBe(1);
        expect(peer.openUploads()).toBe(0);
      },
    ));
});

test("no more than four blobs are copied at once", () => {
  let [open, most] = [0, 0];
  const onRequest: StageOptions["onRequest"] = async ({ method, route }) => {
    if (method !== "PUT" || route?.kind !== "upload") return undefined;
    most = Math.max(most, ++open);
    await sleep(20);
    open--;
    return undefined;
  };
  return withStage({ mounts: 405, onRequest }, async ({ peer, target, repository }) => {
    const contents = Array.from({ length: 12 }, (_, index) => `blob ${index}`);
    for (const content of contents) peer.putBlob("src", content);
    const ensured = contents.map((content) =>
      target.ensureBlob(blobOf(content), [repository("src")], { mountOnly: false }),
    );
    expect((await Promise.all(ensured)).map(({ kind }) => kind)).toEqual(contents.map(() => "copied"));
    expect(most).toBe(4);
  });
});
