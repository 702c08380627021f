import { describe, expect, test } from "vitest";
import { digestLike } from "../../src/oci/digest.js";
import { withExactBytes } from "../../src/oci/manifest.js";
import { OCI_MANIFEST } from "../../src/oci/mediaTypes.js";
import { answer, type Incoming, type Outgoing } from "../helpers/peer.js";
import { endless, HTML, manifestOf, TARGET, withStage, type Stage, type StageOptions } from "./stage.js";

const manifest = manifestOf("a");
const other = manifestOf("another");
const TAGS = ["1.2.3", "1.2", "1", "latest"];
const TEN = Array.from({ length: 10 }, (_, at) => `v${at}`);
const MANIFESTS = `PUT /v2/${TARGET}/manifests/`;

const isCombined = ({ method, url = "" }: Incoming): boolean => method === "PUT" && url.includes("?tag=");
const isPutOf =
  (tag: string) =>
  ({ method, url = "" }: Incoming): boolean =>
    method === "PUT" && url.endsWith(`/manifests/${tag}`);

const combined = (tags: readonly string[], digest = manifest.digest): string =>
  `${MANIFESTS}${digest}?${tags.map((tag) => `tag=${tag}`).join("&")}`;
const alone = `${MANIFESTS}${manifest.digest}`;
const single = (tags: readonly string[]): string[] => tags.map((tag) => `${MANIFESTS}${tag}`);

/** In this order, but for those that go out beside each other. */
function expectRequests({ peer }: Stage, first: readonly string[], then: readonly string[] = []): void {
  expect(peer.requests.slice(0, first.length)).toEqual(first);
  expect(peer.requests.slice(first.length).sort()).toEqual([...then].sort());
}

function expectMoved({ peer }: Stage, tags: readonly string[] = TAGS): void {
  for (const tag of tags) expect([tag, peer.manifest(TARGET, tag)?.digest]).toEqual([tag, manifest.digest]);
}

/** Answers to the first such requests in the registry's place, behind their bodies. */
function refusing(
  matches: (request: Incoming) => boolean,
  status: number,
  body = "",
  times = Infinity,
): StageOptions {
  let left = times;
  return {
    intercept: (request, response) => {
      if (!matches(request) || left-- <= 0) return false;
      request.resume();
      request.on("end", () => answer(response, status, {}, body));
      return true;
    },
  };
}

/** Takes a header out of all answers, as a proxy may. */
function withoutHeader(response: Outgoing, name: string): void {
  const write = response.writeHead.bind(response);
  const writeHead = (status: number, headers: Record<string, string>): unknown =>
    write(status, Object.fromEntries(Object.entries(headers).filter(([key]) => key.toLowerCase() !== name)));
  Object.defineProperty(response, "writeHead", { value: writeHead });
}

describe("several tags", () => {
  test.each([TAGS, TEN])("go with one PUT to a registry that takes them (%j)", (...tags) =>
    withStage({}, async (stage) => {
      await stage.target.put(manifest, tags);
      expectMoved(stage, tags);
      expectRequests(stage, [combined(tags)]);
    }),
  );

  test("follow all at once where the registry does not know the parameter, and it is not tried again", () =>
    withStage({ tagParameter: false }, async (stage) => {
      await stage.target.put(manifest, TEN);
      expectMoved(stage, TEN);
      expectRequests(stage, [combined(TEN)], single(TEN));
      await stage.target.put(other, TAGS);
      const byDigest = `${MANIFESTS}${other.digest}`;
      expectRequests(stage, [combined(TEN)], [...single(TEN), byDigest, ...single(TAGS)]);
      expect(stage.peer.requests[11]).toBe(byDigest);
    }));

  test("are learned of for all sessions of a client", () =>
    withStage({ tagParameter: false }, async ({ client, count }) => {
      for (const text of ["a", "b", "c"]) {
        const session = client.session({ access: [{ path: TARGET, actions: ["pull", "push"] }] });
        await session.repository(TARGET).put(manifestOf(text), TAGS);
      }
      expect(count(/\?tag=/)).toBe(1);
    }));

  test("are each put once, however often they are given", () =>
    withStage({}, async (stage) => {
      await stage.target.put(manifest, ["a", "b", "a"]);
      await stage.target.put(other, ["a", "a"]);
      expectRequests(stage, [combined(["a", "b"]), `${MANIFESTS}a`]);
    }));

  test("that one answer has in several headers are all done; those that it has not follow", () =>
    withStage(
      {
        intercept: (request, response) => {
          if (!isCombined(request)) return false;
          request.resume();
          const headers = { "OCI-Tag": ["1.2.3,1.2", " 1 , somebody-elses"] };
          request.on("end", () => answer(response, 201, headers));
          return true;
        },
      },
      async (stage) => {
        await stage.target.put(manifest, TAGS);
        expectRequests(stage, [combined(TAGS)], single(["latest"]));
      },
    ));

  test("do not make a URL longer than servers take", () => {
    const many = Array.from({ length: 100 }, (_, at) => `${"x".repeat(120)}-${at}`);
    return withStage({}, async (stage) => {
      await stage.target.put(manifest, many);
      expectMoved(stage, many);
      const [first = "", ...others] = stage.peer.requests;
      expect(first.length).toBeLessThan(4500);
      expect(first.split("tag=").length - 1 + others.length).toBe(100);
    });
  });

  test("of a manifest whose digest is not sha256 are under that digest where the registry knows it", () => {
    const digest = digestLike("sha512:", manifest.bytes);
    const long = withExactBytes(manifest, manifest.bytes, digest);
    return withStage({}, async (stage) => {
      await stage.target.put(long, TAGS);
      expectRequests(stage, [combined(TAGS, digest)]);
      expect(stage.peer.manifest(TARGET, "latest")?.digest).toBe(digest);
    });
  });

  test("of a manifest whose digest the registry does not know are put all the same", () => {
    const long = withExactBytes(manifest, manifest.bytes, digestLike("sha512:", manifest.bytes));
    const options = refusing(
      ({ url = "" }) => url.includes("sha512:"),
      400,
      '{"errors":[{"code":"UNSUPPORTED"}]}',
    );
    return withStage(options, async (stage) => {
      await stage.target.put(long, TAGS);
      expectMoved(stage);
      expectRequests(stage, [combined(TAGS, long.digest), alone], single(TAGS));
    });
  });
});

describe("where the PUT with all tags is refused", () => {
  test.each([400, 403, 404, 405, 414, 431])("they are put one by one (%i)", (status) =>
    withStage(refusing(isCombined, status), async (stage) => {
      await stage.target.put(manifest, TAGS);
      expectMoved(stage);
      expectRequests(stage, [combined(TAGS), alone], single(TAGS));
    }),
  );

  test.each([
    [400, 1],
    [414, 2],
  ])("it is sent again for the next manifest only if there were too many tags (%i)", (status, times) =>
    withStage(refusing(isCombined, status), async ({ target, count }) => {
      await target.put(manifest, TAGS);
      await target.put(other, TAGS);
      expect(count(/\?tag=/)).toBe(times);
    }),
  );

  test("and the manifest too, that is told, and no tag is put", () =>
    withStage(
      refusing(({ method }) => method === "PUT", 413),
      async (stage) => {
        await expect(stage.target.put(manifest, TAGS)).rejects.toMatchObject({
          code: "REGISTRY",
          status: 413,
        });
        expectRequests(stage, [combined(TAGS), alone]);
      },
    ));

  test("with 401, that is told at once", () =>
    withStage(
      refusing(({ method }) => method === "PUT", 401),
      async (stage) => {
        await expect(stage.target.put(manifest, TAGS)).rejects.toMatchObject({
          code: "REGISTRY",
          status: 401,
        });
        expect(stage.count(/^PUT /)).toBe(1);
      },
    ));

  const immutable: readonly [string, number, string][] = [
    ["Quay", 409, '{"errors":[{"code":"TAG_ALREADY_EXISTS"}]}'],
    ["Harbor", 412, '{"errors":[{"code":"PRECONDITION","message":"configured as immutable"}]}'],
    ["ECR", 400, '{"errors":[{"code":"TAG_INVALID","message":"The image tag is immutable"}]}'],
  ];
  test.each(immutable)(
    "since one tag is immutable, that one is named and all others move (%s)",
    (_, status, body) =>
      withStage(
        refusing((request) => isCombined(request) || isPutOf("1.2.3")(request), status, body),
        async (stage) => {
          stage.peer.putManifest(TARGET, OCI_MANIFEST, other.bytes, "1.2.3");
          await expect(stage.target.put(manifest, TAGS)).rejects.toMatchObject({
            code: "TAG_IMMUTABLE",
            subject: `${stage.peer.host}/${TARGET}:1.2.3`,
            hint: `the tag is immutable and stays at ${other.digest}; push under another tag`,
          });
          expectMoved(stage, ["1.2", "1", "latest"]);
          expect(stage.peer.manifest(TARGET, "1.2.3")?.digest).toBe(other.digest);
        },
      ),
  );

  test.each(immutable)(
    "since all are immutable, and where they should be, it is a success (%s)",
    (_, status, body) =>
      withStage(
        refusing(({ method, url = "" }) => method === "PUT" && !url.endsWith(manifest.digest), status, body),
        async (stage) => {
          for (const tag of TAGS) stage.peer.putManifest(TARGET, OCI_MANIFEST, manifest.bytes, tag);
          await stage.target.put(manifest, TAGS);
          // It was not the query that the registry minded.
          await stage.target.put(manifest, TAGS);
          expect(stage.count(/\?tag=/)).toBe(2);
        },
      ),
  );
});

describe("what the registry does not find", () => {
  const unknown = '{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown"}]}';

  test("is put back before the tags are put again", () =>
    withStage(
      { ...refusing(isCombined, 404, unknown, 1), client: { retryLimits: endless } },
      async (stage) => {
        let restored = 0;
        const restore = (): Promise<void> => {
          restored++;
          return Promise.resolve();
        };
        await stage.target.put(manifest, TAGS, { restore });
        expect(restored).toBe(1);
        expectRequests(stage, [combined(TAGS), combined(TAGS)]);
      },
    ));

  test("by any of the single tags is put back once for all of them", () => {
    // Each tag is refused once.
    const refused = new Set<string>();
    const isFirst = (request: Incoming): boolean => {
      const { method, url = "" } = request;
      if (method !== "PUT" || url.includes("sha256:") || refused.has(url)) return false;
      refused.add(url);
      return true;
    };
    return withStage({ ...refusing(isFirst, 404, unknown), tagParameter: false }, async (stage) => {
      let restored = 0;
      const restore = async (): Promise<void> => {
        restored++;
        await new Promise((resolve) => setTimeout(resolve, 100));
      };
      await stage.target.put(manifest, TEN, { restore });
      expectMoved(stage, TEN);
      expect(restored).toBe(1);
    });
  });

  test("for good is told after the tries that are allowed, and no tag is put by itself", () =>
    withStage({ ...refusing(isCombined, 404, unknown), client: { retries: 2 } }, async (stage) => {
      await expect(stage.target.put(manifest, TAGS)).rejects.toMatchObject({
        code: "REGISTRY",
        codes: ["MANIFEST_BLOB_UNKNOWN"],
      });
      expectRequests(stage, [combined(TAGS), combined(TAGS), combined(TAGS)]);
    }));
});

describe("on the way to the registry", () => {
  test("a proxy may take OCI-Tag away: each tag is put by itself", () =>
    withStage(
      {
        intercept: (_, response) => {
          withoutHeader(response, "oci-tag");
          return false;
        },
      },
      async (stage) => {
        await stage.target.put(manifest, TAGS);
        expectMoved(stage);
        expectRequests(stage, [combined(TAGS)], single(TAGS));
      },
    ));

  test("a token may be wanted for the PUT with all tags", () => {
    const credentials = () => Promise.resolve({ kind: "basic", username: "me", password: "secret" } as const);
    const auth = { kind: "bearer", users: { me: "secret" } } as const;
    return withStage({ auth, client: { credentials } }, async (stage) => {
      await stage.target.put(manifest, TAGS);
      expectMoved(stage);
      expect(stage.peer.requests.filter((request) => request.startsWith("PUT"))).toEqual([
        combined(TAGS),
        combined(TAGS),
      ]);
      expect(stage.count(/^GET \/token\?/)).toBe(1);
      // It ends between two puts.
      stage.peer.expireTokens();
      await stage.target.put(other, TAGS);
      expect(stage.peer.manifest(TARGET, "latest")?.digest).toBe(other.digest);
    });
  });

  test.each([307, 308])("a redirect (%i) takes the tags along", (status) =>
    withStage(
      {
        intercept: (request, response) => {
          const { url = "" } = request;
          if (!isCombined(request) || url.includes("moved")) return false;
          request.resume();
          request.on("end", () => answer(response, status, { Location: `${url}&moved=1` }));
          return true;
        },
      },
      async (stage) => {
        await stage.target.put(manifest, TAGS);
        expectMoved(stage);
        expectRequests(stage, [combined(TAGS), `${combined(TAGS)}&moved=1`]);
      },
    ),
  );

  test("a redirect may forget the tags: each is put by itself", () =>
    withStage(
      {
        intercept: (request, response) => {
          if (!isCombined(request)) return false;
          request.resume();
          request.on("end", () => answer(response, 307, { Location: request.url?.split("?")[0] ?? "" }));
          return true;
        },
      },
      async (stage) => {
        await stage.target.put(manifest, TAGS);
        expectMoved(stage);
        expectRequests(stage, [combined(TAGS), alone], single(TAGS));
      },
    ));

  test("the answer may be lost when the registry has done it: the tags are asked, and it is not put again", () => {
    let cuts = 1;
    return withStage(
      { onRequest: ({ path }) => (path.includes("?tag=") && cuts-- > 0 ? { cut: "after" } : undefined) },
      async (stage) => {
        await stage.target.put(manifest, TAGS);
        expectMoved(stage);
        const asked = TAGS.map((tag) => `HEAD /v2/${TARGET}/manifests/${tag}`);
        expectRequests(stage, [combined(TAGS)], asked);
      },
    );
  });

  test("the answer may be lost where tags do not move: they are where they should be", () => {
    let cuts = 1;
    return withStage(
      {
        onRequest: ({ path, method }) => {
          if (method !== "PUT" || path.endsWith(manifest.digest)) return undefined;
          if (cuts-- > 0) return { cut: "after" };
          return { status: 409, body: '{"errors":[{"code":"TAG_ALREADY_EXISTS"}]}' };
        },
      },
      async (stage) => {
        await stage.target.put(manifest, TAGS);
        expectMoved(stage);
      },
    );
  });

  test("one of ten tags may meet a rate limit: it waits alone", () => {
    let limited = 1;
    return withStage(
      {
        tagParameter: false,
        onRequest: ({ path }) =>
          path.endsWith("/v7") && limited-- > 0
            ? { status: 429, headers: { "Retry-After": "0" } }
            : undefined,
      },
      async (stage) => {
        await stage.target.put(manifest, TEN);
        expectMoved(stage, TEN);
        expectRequests(stage, [combined(TEN)], single([...TEN, "v7"]));
      },
    );
  });

  test("a tag that cannot be put keeps no other from being put", () =>
    withStage(
      { ...refusing(isPutOf("v3"), 500), tagParameter: false, client: { retries: 1 } },
      async (stage) => {
        await expect(stage.target.put(manifest, TEN)).rejects.toMatchObject({
          code: "REGISTRY",
          status: 500,
        });
        expectMoved(
          stage,
          TEN.filter((tag) => tag !== "v3"),
        );
      },
    ));

  test("a page for people is no success, whatever it says of tags", () =>
    withStage(
      {
        intercept: (request, response) => {
          request.resume();
          const headers = { ...HTML, "OCI-Tag": TAGS.join(", ") };
          request.on("end", () => answer(response, 200, headers, "<html>Please log in</html>"));
          return true;
        },
      },
      async ({ target }) => {
        await expect(target.put(manifest, TAGS)).rejects.toMatchObject({ code: "INVALID_ANSWER" });
      },
    ));

  test("an abort ends all", () =>
    withStage({ onRequest: () => new Promise(() => undefined) }, async ({ target }) => {
      const over = new AbortController();
      const put = target.put(manifest, TAGS, { signal: over.signal });
      setTimeout(() => {
        over.abort(new Error("enough"));
      }, 50);
      await expect(put).rejects.toThrow("enough");
    }));
});
