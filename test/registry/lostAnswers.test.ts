import { describe, expect, test } from "vitest";
import { referrersTag } from "../../src/content/referrer.js";
import { parseManifest, type Manifest } from "../../src/oci/manifest.js";
import { OCI_MANIFEST } from "../../src/oci/mediaTypes.js";
import type { RegistryOptions } from "../../src/registry/createRegistry.js";
import { answer, answerRaw, reset, type Incoming, type Outgoing } from "../helpers/peer.js";
import { blobOf, HTML, manifestOf, TARGET, withStage, type Stage, type StageOptions } from "./stage.js";

const manifest = manifestOf("a");
const TAGS = ["1.2.3", "1.2", "latest"];
const MANIFESTS = `/v2/${TARGET}/manifests/`;

/** The tags that a request moves. */
function tagsOf({ method, url = "" }: Incoming): readonly string[] {
  const { pathname, searchParams } = new URL(url, "http://registry");
  if (method !== "PUT" || !pathname.startsWith(MANIFESTS)) return [];
  const reference = pathname.slice(MANIFESTS.length);
  return reference.startsWith("sha256:") ? searchParams.getAll("tag") : [reference];
}

/** What becomes of an answer that the registry has written, or of a request before it gets there. */
type Fault = (request: Incoming, response: Outgoing) => unknown;

const answering =
  (status: number, headers: Record<string, string> = {}): Fault =>
  (request, response) => {
    request.resume();
    return request.readableEnded
      ? answer(response, status, headers)
      : request.on("end", () => answer(response, status, headers));
  };
const brokenHeaders: Fault = (request) =>
  answerRaw(request, "HTTP/1.1 429 Too Many Requests\nContent-Length: 0\n\n");

const FAULTS: readonly (readonly [string, Fault])[] = [
  ["the connection is cut", reset],
  ["no answer comes in time", () => undefined],
  ["500", answering(500)],
  ["502", answering(502)],
  ["503", answering(503)],
  ["503 of a proxy that asks to wait", answering(503, { "Retry-After": "0.01" })],
  ["504", answering(504)],
  ["408", answering(408)],
  ["a 429 that cannot be read", brokenHeaders],
];

interface Losing {
  /** Of the requests that move this tag, the first is lost; of those that move any, unless told. */
  readonly fault: Fault;
  /** Before the registry has acted on it, or after. */
  readonly when: "before" | "after";
  /** What else becomes of requests, by how many there have been of the same method and path. */
  readonly others?: ((request: Incoming, response: Outgoing, count: number) => boolean) | undefined;
}

/** How often the registry has taken each tag. */
type Accepted = Record<string, number>;

/** A registry whose first answer to each PUT of a tag is lost. */
function losing({ fault, when, others }: Losing): {
  readonly options: StageOptions;
  readonly accepted: Accepted;
} {
  const accepted: Accepted = {};
  const counts = new Map<string, number>();
  const lost = new Set<string>();
  const intercept = (request: Incoming, response: Outgoing): boolean => {
    const { method, url = "" } = request;
    const key = `${method ?? ""} ${url}`;
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    if (others?.(request, response, count) === true) return true;
    const tags = tagsOf(request);
    if (tags.length === 0) return false;
    const isLost = !lost.has(key);
    if (isLost && when === "before") {
      lost.add(key);
      fault(request, response);
      return true;
    }
    onAnswer(response, (status, headers) => {
      // Of those that want to see a token first, the answer is not lost.
      if (status !== 201) return true;
      const isSet = (tag: string): boolean =>
        !url.includes("?tag=") || (headers["OCI-Tag"] ?? "").split(", ").includes(tag);
      for (const tag of tags.filter(isSet)) accepted[tag] = (accepted[tag] ?? 0) + 1;
      if (!isLost) return true;
      lost.add(key);
      fault(request, response);
      return false;
    });
    return false;
  };
  const client: Partial<RegistryOptions> = { timeouts: { headers: 200 } };
  return { options: { intercept, client }, accepted };
}

/** Looks at the registry's answer before it is written. False: it is not. */
function onAnswer(
  response: Outgoing,
  look: (status: number, headers: Record<string, string>) => boolean,
): void {
  const [writeHead, end] = [response.writeHead.bind(response), response.end.bind(response)];
  const restore = (): void => {
    Object.assign(response, { writeHead, end });
  };
  Object.assign(response, {
    writeHead: (status: number, headers: Record<string, string>): unknown => {
      restore();
      if (look(status, headers)) return writeHead(status, headers);
      // The registry ends what it believes to have begun.
      Object.assign(response, { end: restore });
      return response;
    },
  });
}

const once = (tags: readonly string[]): Accepted => Object.fromEntries(tags.map((tag) => [tag, 1]));

function expectMoved({ peer }: Stage, tags: readonly string[], { digest }: Manifest = manifest): void {
  for (const tag of tags) expect([tag, peer.manifest(TARGET, tag)?.digest]).toEqual([tag, digest]);
}

describe.each(FAULTS)("where %s", (_, fault) => {
  const cases = [
    { what: "one tag", tags: ["v1"], registry: {} },
    { what: "several tags at once", tags: TAGS, registry: {} },
    { what: "several tags, each by itself", tags: TAGS, registry: { tagParameter: false } },
  ];

  test.each(cases)("behind the PUT of $what, each is put once", async ({ tags, registry }) => {
    const { options, accepted } = losing({ fault, when: "after" });
    await withStage({ ...options, ...registry }, async (stage) => {
      await stage.target.put(manifest, tags);
      expectMoved(stage, tags);
      expect(accepted).toEqual(once(tags));
    });
  });

  test.each(cases)("before the PUT of $what gets there, it is put again", async ({ tags, registry }) => {
    const { options, accepted } = losing({ fault, when: "before" });
    await withStage({ ...options, ...registry }, async (stage) => {
      await stage.target.put(manifest, tags);
      expectMoved(stage, tags);
      expect(accepted).toEqual(once(tags));
    });
  });
});

const LOST: Losing = { fault: reset, when: "after" };

describe("what is asked before a tag is put again", () => {
  test("is the tag alone, and it is put only where it names something else", async () => {
    const before = losing({ fault: reset, when: "before" });
    await withStage(before.options, async (stage) => {
      stage.peer.putManifest(TARGET, OCI_MANIFEST, manifestOf("another").bytes, "v1");
      await stage.target.put(manifest, ["v1"]);
      expectMoved(stage, ["v1"]);
      expect(stage.peer.requests).toEqual(["PUT", "HEAD", "PUT"].map((method) => `${method} ${MANIFESTS}v1`));
    });
  });

  test("is each tag of several, and all are put again where only some name it", async () => {
    const { options, accepted } = losing({ fault: reset, when: "before" });
    await withStage(options, async (stage) => {
      stage.peer.putManifest(TARGET, OCI_MANIFEST, manifest.bytes, "1.2");
      await stage.target.put(manifest, TAGS);
      expectMoved(stage, TAGS);
      expect(accepted).toEqual(once(TAGS));
    });
  });

  test("is nothing of what is put by its digest alone", async () => {
    let cuts = 1;
    const onRequest: StageOptions["onRequest"] = () => (cuts-- > 0 ? { cut: "after" } : undefined);
    await withStage({ onRequest }, async ({ target, peer }) => {
      await target.put(manifest, []);
      expect(peer.requests.map((request) => request.split(" ")[0])).toEqual(["PUT", "PUT"]);
    });
  });

  test("is nothing where the registry has said that it did not do it", async () => {
    const { options, accepted } = losing({
      fault: answering(429, { "Retry-After": "0.01" }),
      when: "before",
    });
    await withStage(options, async ({ target, peer }) => {
      await target.put(manifest, ["v1"]);
      expect(peer.requests.map((request) => request.split(" ")[0])).toEqual(["PUT", "PUT"]);
      expect(accepted).toEqual(once(["v1"]));
    });
  });

  test("is nothing where it is not to be tried again", async () => {
    const { options } = losing(LOST);
    await withStage({ ...options, client: { retries: 0 } }, async ({ target, peer }) => {
      await expect(target.put(manifest, ["v1"])).rejects.toMatchObject({ code: "TRANSPORT" });
      expect(peer.seen).toHaveLength(1);
    });
  });

  test("is nothing behind a stop", async () => {
    const { options } = losing(LOST);
    await withStage(options, async ({ target, peer }) => {
      const put = target.put(manifest, ["v1"], { stop: AbortSignal.abort() });
      await expect(put).rejects.toMatchObject({ code: "STOPPED", cause: { code: "TRANSPORT" } });
      expect(peer.seen).toHaveLength(1);
    });
  });

  test("goes out again with the PUT, as often as there are tries", async () => {
    const onRequest: StageOptions["onRequest"] = ({ method }) =>
      method === "PUT" ? { status: 502 } : undefined;
    await withStage({ onRequest, client: { retries: 3 } }, async ({ target, peer }) => {
      await expect(target.put(manifest, ["v1"])).rejects.toMatchObject({ status: 502 });
      expect(peer.requests.map((request) => request.split(" ")[0]).join(" ")).toBe(
        "PUT HEAD PUT HEAD PUT HEAD PUT",
      );
    });
  });
});

describe("a manifest with a subject whose answer is lost", () => {
  const image = manifestOf("an image");
  const { mediaType, digest, bytes } = image;
  const body = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: { mediaType: "application/vnd.oci.empty.v1+json", size: 2, digest: blobOf("{}").digest },
    layers: [],
    subject: { mediaType, digest, size: bytes.byteLength },
  };
  const referrer = parseManifest(OCI_MANIFEST, Buffer.from(JSON.stringify(body)));
  const fallback = referrersTag(digest);

  test.each([
    [["v1"], true],
    [TAGS, true],
    [["v1"], false],
    [TAGS, false],
  ] as const)(
    "(%j) has its tags put once, and is found by its subject, referrers API: %s",
    async (tags, referrers) => {
      const { options, accepted } = losing(LOST);
      await withStage({ ...options, referrers }, async (stage) => {
        await stage.target.put(referrer, tags, { role: "root" });
        expectMoved(stage, tags, referrer);
        // The tag that stands in for the API is put once, too, and its answer was lost as well.
        expect(accepted).toEqual(once(referrers ? tags : [...tags, fallback]));
        const found = [];
        for await (const one of stage.target.referrers(digest)) found.push(one.digest);
        expect(found).toEqual([referrer.digest]);
      });
    },
  );
});

describe("two faults in a row:", () => {
  const isHead = ({ method }: Incoming): boolean => method === "HEAD";
  const accepts = async (losingOptions: Partial<Losing>, more: StageOptions = {}): Promise<Accepted> => {
    const { options, accepted } = losing({ ...LOST, ...losingOptions });
    const client = { ...options.client, ...more.client };
    await withStage({ ...options, ...more, client }, async (stage) => {
      await stage.target.put(manifest, ["v1"]);
      expectMoved(stage, ["v1"]);
    });
    return accepted;
  };
  /** The first requests of these are answered by this. */
  const first = (matches: (request: Incoming) => boolean, fault: Fault, times = 1): Losing["others"] => {
    let left = times;
    return (request, response) => {
      if (!matches(request) || left-- <= 0) return false;
      fault(request, response);
      return true;
    };
  };

  test("a 429, and then the answer is lost", async () => {
    const others = first(({ method }) => method === "PUT", answering(429, { "Retry-After": "0.05" }));
    expect(await accepts({ others })).toEqual({ v1: 1 });
  });

  test("the answer is lost, and the question is answered by 429", async () => {
    expect(await accepts({ others: first(isHead, answering(429, { "Retry-After": "0.05" })) })).toEqual({
      v1: 1,
    });
    expect(await accepts({ others: first(isHead, answering(429)) })).toEqual({ v1: 1 });
  });

  test.each([1, 5])("the answer is lost, and %i questions by 429 where there is patience", async (times) => {
    const others = first(isHead, answering(429, { "Retry-After": "0.05" }), times);
    expect(await accepts({ others }, { client: { patient: true, retries: 1 } })).toEqual({ v1: 1 });
  });

  test("the answer is lost, nobody can be asked, and the next try is answered by 429: it is asked again", async () => {
    let puts = 0;
    const others: Losing["others"] = (request, response) => {
      if (request.method !== "PUT") return puts < 2 && reset(request);
      if (++puts !== 2) return false;
      answering(429, { "Retry-After": "0.05" })(request, response);
      return true;
    };
    expect(await accepts({ others })).toEqual({ v1: 1 });
    expect(puts).toBe(2);
  });

  test("the answer is lost, and the answer to the question too", async () => {
    expect(await accepts({ others: first(isHead, reset) })).toEqual({ v1: 1 });
  });

  test("the answer is lost where every HEAD is cut: GET is asked", async () => {
    expect(await accepts({ others: first(isHead, reset, Infinity) })).toEqual({ v1: 1 });
  });

  test("the answer is lost where HEAD is not known (405): GET is asked", async () => {
    expect(await accepts({ others: first(isHead, answering(405), Infinity) })).toEqual({ v1: 1 });
  });

  test.each([401, 403, 500])(
    "the answer is lost, and all questions are refused (%i): it is put again",
    async (status) => {
      const others = first(({ method }) => method !== "PUT", answering(status), Infinity);
      expect(await accepts({ others })).toEqual({ v1: 2 });
    },
  );

  test("the answer is lost, and a page for people says 200 to everything: it is put again", async () => {
    const others = first(({ method }) => method !== "PUT", answering(200, HTML), Infinity);
    expect(await accepts({ others })).toEqual({ v1: 2 });
  });

  test("an answer is lost twice: it is put once", async () => {
    const others = first(({ method }) => method === "PUT", answering(502));
    expect(await accepts({ others })).toEqual({ v1: 1 });
  });

  describe("the answer is lost", () => {
    const auth = { kind: "bearer", users: { me: "secret" } } as const;
    const credentials = () => Promise.resolve({ kind: "basic", username: "me", password: "secret" } as const);

    test("and the token ends, so that the question is refused (401): it is asked with another one", async () => {
      const { options, accepted } = losing(LOST);
      let ended = 0;
      await withStage({ ...options, auth, client: { credentials } }, async (stage) => {
        const { peer } = stage;
        await stage.target.resolve("v0");
        const put = stage.target.put(manifest, ["v1"]);
        while (accepted["v1"] === undefined) await new Promise((resolve) => setImmediate(resolve));
        peer.expireTokens();
        ended = peer.seen.length;
        await put;
        expectMoved(stage, ["v1"]);
        expect(peer.requests.slice(ended).filter((request) => request.startsWith("PUT"))).toEqual([]);
      });
      expect(accepted).toEqual({ v1: 1 });
    });

    test.each([auth, { ...auth, kind: "basic" } as const])(
      "of the first request of all, while nobody else has been let in ($kind)",
      async (door) => {
        expect(await accepts({}, { auth: door, client: { credentials } })).toEqual({ v1: 1 });
      },
    );
  });
});
