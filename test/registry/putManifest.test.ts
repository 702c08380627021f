import { describe, expect, test } from "vitest";
import { parseManifest } from "../../src/oci/manifest.js";
import { OCI_INDEX, OCI_MANIFEST } from "../../src/oci/mediaTypes.js";
import { answer, type Incoming, type Outgoing } from "../helpers/peer.js";
import { endless, HTML, manifestOf, TARGET, withStage, type StageOptions } from "./stage.js";

const manifest = manifestOf("a");
const other = manifestOf("another");
const index = parseManifest(
  OCI_INDEX,
  Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] })),
);
const page = "<html>Please log in</html>";
const isPut = ({ method }: Incoming): boolean => method === "PUT";

const unknownBlob = JSON.stringify({ errors: [{ code: "MANIFEST_BLOB_UNKNOWN", message: "blob unknown" }] });
const unknownManifest = JSON.stringify({ errors: [{ code: "MANIFEST_UNKNOWN", message: "unknown" }] });
const ecr = JSON.stringify({
  errors: [
    {
      code: "UNKNOWN",
      message:
        "Images with digests '[sha256:x]' required for pushing image into repository with name 'a' do not exist",
    },
  ],
});

/** The first PUTs get these answers; all that follow go to the registry. */
function putsAnswered(...answers: readonly [number, string?][]): StageOptions {
  let count = 0;
  return {
    intercept: (request, response) => {
      const next = isPut(request) ? answers[count++] : undefined;
      return next !== undefined && drained(request, response, next[0], {}, next[1]);
    },
  };
}

function drained(
  request: Incoming,
  response: Outgoing,
  status: number,
  headers: Record<string, string> = {},
  body = "",
): true {
  request.resume();
  request.on("end", () => answer(response, status, headers, body));
  return true;
}

describe("a manifest is put", () => {
  test("by its digest where there are no tags", () =>
    withStage({}, async ({ peer, target }) => {
      await target.put(manifest, []);
      expect(peer.manifests(TARGET)).toEqual([manifest.digest]);
      expect(peer.tags(TARGET)).toEqual([]);
    }));

  test("by its tag where there is one", () =>
    withStage({}, async ({ peer, target }) => {
      await target.put(manifest, ["v1"]);
      expect(peer.tags(TARGET)).toEqual(["v1"]);
      expect(peer.requests).toEqual([`PUT /v2/${TARGET}/manifests/v1`]);
    }));
});

describe("a success", () => {
  test("is a 201, with a digest or without", () =>
    withStage(
      { intercept: (request, response) => isPut(request) && drained(request, response, 201) },
      async (stage) => {
        await stage.target.put(manifest, ["v1"]);
        expect(stage.peer.requests).toHaveLength(1);
      },
    ));

  test.each([200, 202, 204])("is a %i with the manifest's digest", (status) =>
    withStage(
      {
        intercept: (request, response) =>
          drained(request, response, status, { "Docker-Content-Digest": manifest.digest }),
      },
      async ({ peer, target }) => {
        await target.put(manifest, ["v1"]);
        expect(peer.requests).toHaveLength(1);
      },
    ),
  );

  test.each([200, 202, 204])("is a %i without a digest if the manifest can be read back", (status) =>
    withStage(
      {
        intercept: (request, response) => {
          if (!isPut(request)) return false;
          const write = response.writeHead.bind(response);
          Object.defineProperty(response, "writeHead", { value: () => write(status, {}) });
          return false;
        },
      },
      async ({ peer, target }) => {
        await target.put(manifest, ["v1"]);
        expect(peer.requests.map((request) => request.split(" ")[0])).toEqual(["PUT", "GET"]);
        expect(peer.manifest(TARGET, "v1")?.digest).toBe(manifest.digest);
      },
    ),
  );

  test.each([
    ["nothing is there", (request: Incoming, response: Outgoing) => !isPut(request) && answer(response, 404)],
    ["a page for people is there", (_: Incoming, response: Outgoing) => answer(response, 200, HTML, page)],
    [
      "something else is there",
      (_: Incoming, response: Outgoing) =>
        answer(response, 200, { "Content-Type": OCI_MANIFEST }, other.bytes),
    ],
  ])("is not a 200 with which %s", (_name, deal) =>
    withStage(
      {
        intercept: (request, response) =>
          isPut(request) ? drained(request, response, 200, HTML, page) : deal(request, response),
      },
      async ({ peer, target }) => {
        await expect(target.put(manifest, ["v1"])).rejects.toMatchObject({
          code: "INVALID_ANSWER",
          subject: `${peer.host}/${TARGET}:v1`,
        });
      },
    ),
  );

  test("is not one with another digest", () =>
    withStage(
      {
        intercept: (request, response) =>
          drained(request, response, 201, { "Docker-Content-Digest": other.digest }),
      },
      async ({ target }) => {
        await expect(target.put(manifest, [])).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
      },
    ));
});

/** A `restore` that tells how often it was called. */
function counted(): { restore: () => Promise<void>; times: () => number } {
  let restored = 0;
  const restore = (): Promise<void> => {
    restored++;
    return Promise.resolve();
  };
  return { restore, times: () => restored };
}

describe("what the registry does not find", () => {
  test.each([
    ["in distribution's words", 404, unknownBlob],
    ["in ECR's", 400, ecr],
  ])("is put back at once, and the manifest put again (%s)", (_name, status, body) =>
    withStage({ ...putsAnswered([status, body]), client: { retryLimits: endless } }, async (stage) => {
      const { restore, times } = counted();
      await stage.target.put(manifest, ["v1"], { restore });
      expect(times()).toBe(1);
      expect(stage.count(/^PUT /)).toBe(2);
    }),
  );

  test("is waited for where nothing can be put back, and with longer and longer waits where it was", () =>
    withStage(putsAnswered([404, unknownBlob], [404, unknownBlob], [404, unknownBlob]), async (stage) => {
      const { restore, times } = counted();
      await stage.target.put(manifest, ["v1"], { restore });
      expect(times()).toBe(3);
      expect(stage.count(/^PUT /)).toBe(4);
    }));

  test("is put back once where no retries are allowed", () =>
    withStage({ ...putsAnswered([404, unknownBlob]), client: { retries: 0 } }, async (stage) => {
      const { restore, times } = counted();
      await stage.target.put(manifest, ["v1"], { restore });
      expect(times()).toBe(1);
      expect(stage.count(/^PUT /)).toBe(2);
    }));

  test("is put back no more than once where no retries are allowed", () =>
    withStage(
      {
        intercept: (request, response) => drained(request, response, 404, {}, unknownBlob),
        client: { retries: 0 },
      },
      async ({ target, count }) => {
        const restore = (): Promise<void> => Promise.resolve();
        await expect(target.put(manifest, ["v1"], { restore })).rejects.toMatchObject({ status: 404 });
        expect(count(/^PUT /)).toBe(2);
      },
    ));

  test("may be a manifest that an index names (404 MANIFEST_UNKNOWN)", () =>
    withStage(
      { ...putsAnswered([404, unknownManifest], [404, unknownManifest]), client: { retries: 0 } },
      async ({ target, count }) => {
        const restore = (): Promise<void> => Promise.resolve();
        await expect(target.put(manifest, ["v1"], { restore })).rejects.toMatchObject({ status: 404 });
        expect(count(/^PUT /)).toBe(1);
        await target.put(index, ["v1"], { restore });
        expect(count(/^PUT /)).toBe(3);
      },
    ));

  test("is put back as often as tries are allowed", () =>
    withStage(
      {
        intercept: (request, response) => drained(request, response, 404, {}, unknownBlob),
        client: { retries: 2 },
      },
      async ({ target, count }) => {
        await expect(target.put(manifest, ["v1"])).rejects.toMatchObject({
          code: "REGISTRY",
          codes: ["MANIFEST_BLOB_UNKNOWN"],
        });
        expect(count(/^PUT /)).toBe(3);
      },
    ));

  test("is not waited for behind a stop", () =>
    withStage({ ...putsAnswered([404, unknownBlob]), client: { retryLimits: endless } }, async (stage) => {
      const stop = new AbortController();
      setTimeout(() => {
        stop.abort();
      }, 50);
      await expect(stage.target.put(manifest, [], { stop: stop.signal })).rejects.toMatchObject({
        code: "STOPPED",
        cause: { code: "REGISTRY", status: 404 },
      });
      expect(stage.count(/^PUT /)).toBe(1);
    }));

  test("and cannot be put back fails as that does", () =>
    withStage(putsAnswered([404, unknownBlob]), async ({ target }) => {
      const restore = (): Promise<void> => Promise.reject(new Error("no source"));
      await expect(target.put(manifest, [], { restore })).rejects.toThrow("no source");
    }));
});

describe("an immutable tag", () => {
  const refusals: readonly [string, number, string][] = [
    ["Quay", 409, '{"errors":[{"code":"TAG_ALREADY_EXISTS"}]}'],
    ["Harbor", 412, '{"errors":[{"code":"PRECONDITION","message":"configured as immutable"}]}'],
    ["ECR", 400, '{"errors":[{"code":"TAG_INVALID","message":"The image tag is immutable"}]}'],
  ];

  test.each(refusals)("that is where it should be is a success (%s)", (_name, status, body) =>
    withStage(putsAnswered([status, body]), async ({ peer, target }) => {
      peer.putManifest(TARGET, OCI_MANIFEST, manifest.bytes, "v1");
      await target.put(manifest, ["v1"]);
    }),
  );

  test.each(refusals)("that is elsewhere stays there (%s)", (_name, status, body) =>
    withStage(putsAnswered([status, body]), async ({ peer, target, count }) => {
      peer.putManifest(TARGET, OCI_MANIFEST, other.bytes, "v1");
      await expect(target.put(manifest, ["v1"])).rejects.toMatchObject({
        code: "TAG_IMMUTABLE",
        subject: `${peer.host}/${TARGET}:v1`,
        hint: `the tag is immutable and stays at ${other.digest}; push under another tag`,
        cause: { code: "REGISTRY", status },
      });
      expect(count(/^PUT /)).toBe(1);
    }),
  );

  test("that is not there is none: what the registry says stands", () =>
    withStage(putsAnswered([409, ""]), async ({ target }) => {
      await expect(target.put(manifest, ["v1"])).rejects.toMatchObject({ code: "REGISTRY", status: 409 });
    }));

  test("is no word for a manifest that is put by its digest", () =>
    withStage(putsAnswered([409, ""]), async ({ target, count }) => {
      await expect(target.put(manifest, [])).rejects.toMatchObject({ code: "REGISTRY", status: 409 });
      expect(count(/^GET /)).toBe(0);
    }));
});
