import { describe, expect, test } from "vitest";
import { OCI_MANIFEST } from "../../src/oci/mediaTypes.js";
import { digestOf } from "../../src/oci/digest.js";
import { answer, reset } from "../helpers/peer.js";
import { blobOf, HTML, manifestOf, TARGET, withStage, type StageOptions } from "./stage.js";

const manifest = manifestOf("a");
const other = manifestOf("another");
const page = "<html>Please log in</html>";

/** HEADs get this answer; everything else goes to the registry. */
const heads = (status: number, headers: Record<string, string> = {}): StageOptions => ({
  intercept: ({ method }, response) => method === "HEAD" && answer(response, status, headers),
});
const typed = (digest?: string, length = "300"): Record<string, string> => ({
  "Content-Type": OCI_MANIFEST,
  ...(length !== "" && { "Content-Length": length }),
  ...(digest !== undefined && { "Docker-Content-Digest": digest }),
});

describe("resolving", () => {
  test.each(["v1", manifest.digest])("%s gives type, digest and size, by one HEAD", (reference) =>
    withStage({}, async ({ peer, target }) => {
      peer.putManifest(TARGET, OCI_MANIFEST, manifest.bytes, "v1");
      expect(await target.resolve(reference)).toMatchObject({
        mediaType: OCI_MANIFEST,
        digest: manifest.digest,
        size: manifest.bytes.byteLength,
      });
      expect(peer.requests).toEqual([`HEAD /v2/${TARGET}/manifests/${reference}`]);
    }),
  );

  test("what is not there gives nothing", () =>
    withStage({}, async ({ target }) => {
      expect(await target.resolve("v1")).toBeUndefined();
      expect(await target.resolve(manifest.digest)).toBeUndefined();
    }));

  test.each([
    ["a page for people", heads(200, HTML)],
    ["no media type", heads(200, { "Docker-Content-Digest": manifest.digest })],
    ["something that is no manifest", heads(200, { "Content-Type": "application/octet-stream" })],
    ["another digest than the one that was asked for", heads(200, typed(other.digest))],
    ["a 401", heads(401)],
    ["a 500", heads(500)],
  ])("a digest is not there for an answer of %s", (_name, options) =>
    withStage({ ...options, client: { retries: 1 } }, async ({ peer, target }) => {
      peer.putManifest(TARGET, OCI_MANIFEST, manifest.bytes);
      expect(await target.resolve(manifest.digest)).toBeUndefined();
    }),
  );

  test.each([
    ["knows no HEAD (405)", heads(405)],
    ["refuses HEAD (403)", heads(403)],
    ["says no digest", heads(200, typed())],
    ["says a digest that is none", heads(200, typed("sha256:x"))],
    ["says no length", heads(200, { ...typed(manifest.digest, ""), "Transfer-Encoding": "chunked" })],
  ])("a tag of a registry that %s is read by GET", (_name, options) =>
    withStage(options, async ({ peer, target, count }) => {
      peer.putManifest(TARGET, OCI_MANIFEST, manifest.bytes, "v1");
      const size = manifest.bytes.byteLength;
      expect(await target.resolve("v1")).toMatchObject({ digest: manifest.digest, size });
      expect(count(/^GET /)).toBe(1);
      expect(await target.resolve("v2")).toBeUndefined();
    }),
  );

  test("goes on without, after one more try, where something cuts every HEAD", () =>
    withStage({ intercept: (request) => request.method === "HEAD" && reset(request) }, async (stage) => {
      expect(await stage.target.resolve(manifest.digest)).toBeUndefined();
      expect(stage.count(/^HEAD /)).toBe(2);
    }));

  test("fails where nobody listens", () =>
    withStage({}, async ({ peer, target }) => {
      await peer.close();
      await expect(target.resolve(manifest.digest)).rejects.toMatchObject({ code: "TRANSPORT" });
    }));

  test("rejects with STOPPED instead of trying again", () =>
    withStage(heads(503), async ({ target, count }) => {
      const resolved = target.resolve(manifest.digest, { stop: AbortSignal.abort() });
      await expect(resolved).rejects.toMatchObject({ code: "STOPPED", cause: { status: 503 } });
      expect(count(/^HEAD /)).toBe(1);
    }));
});

describe("resolving for who must know", () => {
  const mustKnow = { mustKnow: true };

  test("gives what is there by one HEAD, and says by one HEAD that it is not there", () =>
    withStage({}, async ({ peer, target }) => {
      peer.putManifest(TARGET, OCI_MANIFEST, manifest.bytes, "v1");
      expect(await target.resolve("v1", mustKnow)).toMatchObject({ digest: manifest.digest });
      expect(await target.resolve("v2", mustKnow)).toBeUndefined();
      expect(peer.requests).toEqual(["v1", "v2"].map((tag) => `HEAD /v2/${TARGET}/manifests/${tag}`));
    }));

  test("sees at once that a tag has moved", () =>
    withStage({}, async ({ peer, target }) => {
      for (const { bytes, digest } of [manifest, other, manifest]) {
        peer.putManifest(TARGET, OCI_MANIFEST, bytes, "v1");
        expect(await target.resolve("v1", mustKnow)).toMatchObject({ digest });
      }
    }));

  test.each([
    ["knows no HEAD (405)", heads(405)],
    ["refuses HEAD (403)", heads(403)],
    ["says no digest", heads(200, typed())],
    ["answers with a page for people", heads(200, HTML)],
    ["fails at HEAD (500)", heads(500)],
    [
      "cuts every HEAD",
      { intercept: (request) => request.method === "HEAD" && reset(request) } satisfies StageOptions,
    ],
  ])("asks by GET where the registry %s", (_name, options) =>
    withStage({ ...options, client: { retries: 1 } }, async ({ peer, target }) => {
      peer.putManifest(TARGET, OCI_MANIFEST, manifest.bytes, "v1");
      const size = manifest.bytes.byteLength;
      expect(await target.resolve("v1", mustKnow)).toMatchObject({ digest: manifest.digest, size });
      expect(await target.resolve("v2", mustKnow)).toBeUndefined();
    }),
  );

  test.each([401, 403, 500])("fails for an answer of %i to everything", (status) =>
    withStage(
      { intercept: (_, response) => answer(response, status), client: { retries: 0 } },
      async ({ target }) => {
        await expect(target.resolve("v1", mustKnow)).rejects.toMatchObject({ code: "REGISTRY", status });
      },
    ),
  );

  test("fails for a page for people", () =>
    withStage({ intercept: (_, response) => answer(response, 200, HTML, page) }, async ({ peer, target }) => {
      await expect(target.resolve("v1", mustKnow)).rejects.toMatchObject({
        code: "INVALID_ANSWER",
        subject: `${peer.host}/${TARGET}:v1`,
      });
    }));

  test("fails for content that has another digest", () =>
    withStage(
      { intercept: (_, response) => answer(response, 200, typed(other.digest, ""), manifest.bytes) },
      async ({ target }) => {
        const resolved = target.resolve(manifest.digest, mustKnow);
        await expect(resolved).rejects.toMatchObject({ code: "MANIFEST_MISMATCH" });
      },
    ));
});

describe("getting", () => {
  test("gives the manifest, by its bytes", () =>
    withStage({}, async ({ peer, target }) => {
      peer.putManifest(TARGET, OCI_MANIFEST, manifest.bytes, "v1");
      for (const reference of ["v1", manifest.digest]) {
        expect(await target.get(reference)).toMatchObject({ kind: "image", digest: manifest.digest });
      }
    }));

  test.each([
    ["404", 404, ""],
    ["a login that was refused", 401, '{"errors":[{"code":"UNAUTHORIZED"}]}'],
    ["a 4xx that cannot be read", 400, page],
  ])("what is not there is told by name, with the answer (%s)", (_name, status, body) =>
    withStage(
      { intercept: (_, response) => answer(response, status, {}, body) },
      async ({ peer, target }) => {
        await expect(target.get("v1")).rejects.toMatchObject({
          code: "MANIFEST_UNKNOWN",
          subject: `${peer.host}/${TARGET}:v1`,
          cause: { code: "REGISTRY", status, method: "GET" },
        });
      },
    ),
  );

  test("what is not of the digest that was asked for is refused", () =>
    withStage(
      { intercept: (_, response) => answer(response, 200, typed(undefined, "2"), "{}") },
      async ({ target }) => {
        await expect(target.get(manifest.digest)).rejects.toMatchObject({
          code: "MANIFEST_MISMATCH",
          subject: manifest.digest,
        });
      },
    ));

  test("tells of another failure as it is", () =>
    withStage(
      { intercept: (_, response) => answer(response, 500, {}, "oops\nagain") },
      async ({ peer, target }) => {
        await expect(target.get("v1")).rejects.toMatchObject({
          code: "REGISTRY",
          message: `GET http://${peer.host}/v2/${TARGET}/manifests/v1 answered 500: oops again`,
        });
      },
    ));
});

describe("the size of a blob", () => {
  const text = "what is in the blob";
  const { digest } = blobOf(text);
  const url = `/v2/${TARGET}/blobs/${digest}`;

  test("is had by one HEAD, and so is that there is no such blob", () =>
    withStage({}, async ({ peer, target }) => {
      expect(await target.statBlob(digest)).toBeUndefined();
      peer.putBlob(TARGET, text);
      expect(await target.statBlob(digest)).toBe(text.length);
      expect(peer.requests).toEqual([`HEAD ${url}`, `HEAD ${url}`]);
    }));

  const lengthless = { "Docker-Content-Digest": digest, "Transfer-Encoding": "chunked" };
  test.each([
    ["knows no HEAD (405)", heads(405)],
    ["refuses HEAD (403)", heads(403)],
    ["says no length by HEAD", heads(200, lengthless)],
    ["answers HEAD with a page for people", heads(200, { ...HTML, "Content-Length": "7" })],
    ["answers HEAD for another blob", heads(200, { "Docker-Content-Digest": other.digest })],
    [
      "cuts every HEAD",
      { intercept: (request) => request.method === "HEAD" && reset(request) } satisfies StageOptions,
    ],
  ])("is had by GET, whose body is not read, where the registry %s", (_name, options) =>
    withStage(options, async ({ peer, target, count }) => {
      expect(await target.statBlob(digest)).toBeUndefined();
      const large = Buffer.alloc(32 * 1024 * 1024);
      peer.putBlob(TARGET, large);
      peer.putBlob(TARGET, text);
      expect(await target.statBlob(digest)).toBe(text.length);
      expect(await target.statBlob(digestOf(large))).toBe(large.byteLength);
      expect(count(/^GET /)).toBe(3);
      // The connection that was given up is no loss.
      expect((await target.getBlob(digest)).toString()).toBe(text);
    }),
  );

  test.each([401, 500])("is no secret that is kept: an answer of %i is told", (status) =>
    withStage({ ...heads(status), client: { retries: 0 } }, async ({ target }) => {
      await expect(target.statBlob(digest)).rejects.toMatchObject({ code: "REGISTRY", status });
    }),
  );

  test.each([
    ["refuses to show it at all", 403, {}, { code: "REGISTRY", status: 403 }],
    ["never says a length", 200, lengthless, { code: "INVALID_ANSWER", subject: digest }],
    ["has a page for people for everything", 200, HTML, { code: "INVALID_ANSWER", subject: digest }],
  ] as const)("cannot be had where the registry %s", (_name, status, headers, error) =>
    withStage({ intercept: (_, response) => answer(response, status, headers, page) }, async ({ target }) => {
      await expect(target.statBlob(digest)).rejects.toMatchObject(error);
    }),
  );

  test("is not asked for what is no digest", () =>
    withStage({}, async ({ peer, target }) => {
      await expect(target.statBlob("../v1")).rejects.toMatchObject({ code: "INVALID_DIGEST" });
      expect(peer.requests).toEqual([]);
    }));
});

describe("a whole blob", () => {
  const text = '{"architecture":"amd64"}';
  const { digest } = blobOf(text);

  test("is read and checked", () =>
    withStage({}, async ({ peer, target }) => {
      peer.putBlob(TARGET, text);
      expect((await target.getBlob(digest)).toString()).toBe(text);
    }));

  test("that is not there is unknown", () =>
    withStage({}, async ({ target }) => {
      await expect(target.getBlob(digest)).rejects.toMatchObject({ code: "BLOB_UNKNOWN", subject: digest });
    }));

  test("with another digest is refused", () =>
    withStage({ intercept: (_, response) => answer(response, 200, {}, "{}") }, async ({ target }) => {
      await expect(target.getBlob(digest)).rejects.toMatchObject({
        code: "DIGEST_MISMATCH",
        subject: digest,
      });
    }));

  test("of more than 16 MiB is not read", () =>
    withStage({}, async ({ peer, target }) => {
      const large = Buffer.alloc(16 * 1024 * 1024 + 1);
      peer.putBlob(TARGET, large);
      await expect(target.getBlob(digestOf(large))).rejects.toMatchObject({ code: "LIMIT" });
    }));
});
