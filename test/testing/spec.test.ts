import * as z from "zod/mini";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digestLike, digestOf } from "../../src/oci/digest.js";
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from "../../src/oci/mediaTypes.js";
import { startRegistry, type RunningRegistry } from "../../src/testing/index.js";
import { listOf, location, manifestOf, NOWHERE, putManifest, send, upload } from "./client.js";

const Tags = z.object({ tags: z.array(z.string()) });
const Index = z.object({ manifests: z.array(z.unknown()) });

/** Where the specification asks for more than the distribution registry 2.8 does. */
let registry: RunningRegistry;
let v2: string;
beforeAll(async () => {
  registry = await startRegistry();
  v2 = `${registry.url}/v2`;
});
afterAll(() => registry.close());

describe("uploads", () => {
  const begin = (repository: string) => send("POST", `${v2}/${repository}/blobs/uploads/`);

  it("take a blob in a single POST", async () => {
    const digest = digestOf(Buffer.from("single"));
    const done = await send("POST", `${v2}/u/single/blobs/uploads/?digest=${digest}`, { body: "single" });
    expect([done.status, done.headers.get("docker-content-digest")]).toEqual([201, digest]);
    expect(registry.blob("u/single", digest)?.toString()).toBe("single");
    const wrong = await send("POST", `${v2}/u/single/blobs/uploads/?digest=${NOWHERE}`, { body: "single" });
    expect([wrong.status, ...wrong.codes]).toEqual([400, "DIGEST_INVALID"]);
    expect(registry.openUploads()).toBe(0);
  });

  it.each(["0-4", "6-9", "abc", "5-4", "5-99999999999999999999999999"])(
    "refuse the chunk %s behind the first five bytes, and go on from there",
    async (range) => {
      const begun = await begin("u/order");
      const first = await send("PATCH", location(begun, registry.url), {
        body: "01234",
        headers: { "content-range": "0-4" },
      });
      const refused = await send("PATCH", location(first, registry.url), {
        body: "56789",
        headers: { "content-range": range },
      });
      expect([400, 416]).toContain(refused.status);
      const status = await send("GET", location(first, registry.url));
      expect([status.status, status.headers.get("range")]).toEqual([204, "0-4"]);
      const digest = digestOf(Buffer.from("0123456789"));
      const done = await send("PUT", location(status, registry.url, { digest }), {
        body: "56789",
        headers: { "content-range": "5-9" },
      });
      expect(done.status).toBe(201);
    },
  );

  it("say where they are in a 416", async () => {
    const begun = await begin("u/where");
    const refused = await send("PATCH", location(begun, registry.url), {
      body: "x",
      headers: { "content-range": "7-7" },
    });
    expect(refused.status).toBe(416);
    expect(refused.headers.get("range")).toBe("0-0");
    expect(refused.headers.get("location")).toBe(begun.headers.get("location"));
  });

  it("take a blob by its sha512 digest", async () => {
    const digest =
      "sha512:9b71d224bd62f3785d96d46ad3ea3d73319bfbc2890caadae2dff72519673ca72323c3d99ba5c11d7c7acc6e14b8c5da0c4663475c2e5c3adef46f73bcdec043";
    const done = await send("PUT", location(await begin("u/512"), registry.url, { digest }), {
      body: "hello",
    });
    expect(done.status).toBe(201);
    expect(registry.hasBlob("u/512", digest)).toBe(true);
  });

  it("of another repository are unknown", async () => {
    const begun = await begin("u/mine");
    const id = begun.headers.get("docker-upload-uuid") ?? "";
    for (const method of ["GET", "PATCH", "PUT", "DELETE"]) {
      const reply = await send(method, `${v2}/u/yours/blobs/uploads/${id}`);
      expect([reply.status, ...reply.codes]).toEqual([404, "BLOB_UPLOAD_UNKNOWN"]);
    }
  });
});

describe("names", () => {
  it.each(["A/b", "-a", "a___b", "a..b", "a//b", "a/", "a%2f", `${"a/".repeat(127)}aa`, "%00", "%zz", "ü"])(
    "%s is no repository",
    async (name) => {
      for (const [method, path] of [
        ["GET", "manifests/latest"],
        ["GET", "tags/list"],
        ["POST", "blobs/uploads/"],
      ] as const) {
        const reply = await send(method, `${v2}/${name}/${path}`);
        expect([reply.status, ...reply.codes]).toEqual([400, "NAME_INVALID"]);
      }
    },
  );

  it.each(["a__b", "a-----b/c.d_e", "0", "a".repeat(255)])("%s is one", async (name) => {
    expect((await send("GET", `${v2}/${name}/tags/list`)).codes).toEqual(["NAME_UNKNOWN"]);
  });

  it("a bad tag cannot be pushed, and is not found", async () => {
    const config = await upload(registry.url, "n/tag", "{}");
    for (const tag of ["-x", ".x", "x".repeat(129), "a b"]) {
      const put = await putManifest(registry.url, "n/tag", tag, DOCKER_MANIFEST, manifestOf(config));
      expect([put.status, ...put.codes]).toEqual([400, "TAG_INVALID"]);
      expect((await send("GET", `${v2}/n/tag/manifests/${tag}`)).codes).toEqual(["MANIFEST_UNKNOWN"]);
    }
    expect(
      (await putManifest(registry.url, "n/tag", "x".repeat(128), DOCKER_MANIFEST, manifestOf(config))).status,
    ).toBe(201);
  });

  it.each(["sha256:12", "md5:d41d8cd98f00b204e9800998ecf8427e", `sha256:${"A".repeat(64)}`, "sha256:", ":"])(
    "%s is no digest",
    async (digest) => {
      for (const path of ["manifests", "blobs", "referrers"]) {
        const reply = await send("GET", `${v2}/n/digest/${path}/${digest}`);
        expect([reply.status, ...reply.codes]).toEqual([400, "DIGEST_INVALID"]);
      }
    },
  );
});

describe("manifests", () => {
  it("of more than 4 MiB are refused with 413, and the connection stays good", async () => {
    const config = await upload(registry.url, "m/big", "{}");
    const annotations = (size: number) => ({ mediaType: OCI_MANIFEST, annotations: { a: "x".repeat(size) } });
    const big = manifestOf(config, [], annotations(4 * 1024 * 1024));
    const refused = await putManifest(registry.url, "m/big", "big", OCI_MANIFEST, big);
    expect([refused.status, ...refused.codes]).toEqual([413, "MANIFEST_INVALID"]);
    const room = 4 * 1024 * 1024 - manifestOf(config, [], annotations(0)).length;
    const taken = await putManifest(
      registry.url,
      "m/big",
      "big",
      OCI_MANIFEST,
      manifestOf(config, [], annotations(room)),
    );
    expect(taken.status).toBe(201);
  });

  it.each([
    ["schemaVersion 1", { schemaVersion: 1 }, "MANIFEST_INVALID"],
    ["a negative size", { config: { mediaType: "x", size: -1, digest: NOWHERE } }, "MANIFEST_INVALID"],
    ["a digest that is none", { config: { mediaType: "x", size: 1, digest: "foo" } }, "DIGEST_INVALID"],
    [
      "a foreign layer without URLs",
      { layers: [{ mediaType: "x", size: 1, digest: NOWHERE, urls: [] }] },
      "MANIFEST_BLOB_UNKNOWN",
    ],
  ])("with %s are refused", async (_, more, code) => {
    const config = await upload(registry.url, "m/bad", "{}");
    const put = await putManifest(registry.url, "m/bad", "t", DOCKER_MANIFEST, manifestOf(config, [], more));
    expect([put.status, ...put.codes]).toEqual([400, code]);
  });

  it("of an index may list blobs that are no manifests, but not blobs in place of manifests", async () => {
    const blob = await upload(registry.url, "m/cache", "cache");
    const layer = { mediaType: "application/vnd.oci.image.layer.v1.tar", size: 5, digest: blob };
    const cache = listOf(OCI_INDEX, [], { manifests: [layer] });
    expect((await putManifest(registry.url, "m/cache", "c", OCI_INDEX, cache)).status).toBe(201);
    expect(
      (await putManifest(registry.url, "m/cache", "c", DOCKER_LIST, listOf(DOCKER_LIST, [blob]))).codes,
    ).toEqual(["MANIFEST_BLOB_UNKNOWN"]);
  });

  it("can be untagged without being deleted", async () => {
    const image = registry.putImage("m/untag", { tag: "a" });
    registry.putImage("m/untag", { tag: "b" });
    expect((await send("DELETE", `${v2}/m/untag/manifests/a`)).status).toBe(202);
    expect(registry.tags("m/untag")).toEqual(["b"]);
    expect((await send("GET", `${v2}/m/untag/manifests/${image.digest}`)).status).toBe(200);
    const again = await send("DELETE", `${v2}/m/untag/manifests/a`);
    expect([again.status, ...again.codes]).toEqual([404, "MANIFEST_UNKNOWN"]);
  });
});

describe("a manifest that is put by its digest", () => {
  const put = async (repository: string, query: string, at = registry.url) => {
    const body = manifestOf(await upload(at, repository, "{}"));
    const digest = digestOf(Buffer.from(body));
    return { digest, reply: await putManifest(at, repository, digest + query, DOCKER_MANIFEST, body) };
  };

  it("gets all tags of the query, each once, and they are named in the answer", async () => {
    const { digest, reply } = await put("m/tags", "?tag=1.2.3&tag=1.2&tag=latest&tag=1.2");
    expect([reply.status, reply.headers.get("oci-tag")]).toEqual([201, "1.2.3, 1.2, latest"]);
    expect(registry.tags("m/tags")).toEqual(["1.2", "1.2.3", "latest"]);
    expect(registry.manifest("m/tags", "1.2")?.digest).toBe(digest);
  });

  it("has no tag in the answer where there was none in the query", async () => {
    const { reply } = await put("m/none", "");
    expect([reply.status, reply.headers.get("oci-tag")]).toEqual([201, null]);
  });

  it("is refused with all its tags where one of them is none", async () => {
    const { reply } = await put("m/tag", "?tag=good&tag=-bad");
    expect([reply.status, ...reply.codes]).toEqual([400, "TAG_INVALID"]);
    expect([registry.tags("m/tag"), registry.manifests("m/tag")]).toEqual([[], []]);
  });

  it("gets no tags where the registry does not know the parameter", async () => {
    const old = await startRegistry({ tagParameter: false });
    try {
      const { digest, reply } = await put("m/old", "?tag=v1", old.url);
      expect([reply.status, reply.headers.get("oci-tag")]).toEqual([201, null]);
      expect([old.tags("m/old"), old.manifests("m/old")]).toEqual([[], [digest]]);
    } finally {
      await old.close();
    }
  });
});

describe("a manifest that is put by a tag", () => {
  const sha512 = (body: string): string => digestLike("sha512:", Buffer.from(body));

  it("gets the digest of the query, if that is its own", async () => {
    const body = manifestOf(await upload(registry.url, "m/512", "{}"));
    const digest = sha512(body);
    const reply = await putManifest(registry.url, "m/512", `v1?digest=${digest}`, DOCKER_MANIFEST, body);
    expect([reply.status, reply.headers.get("docker-content-digest")]).toEqual([201, digest]);
    const got = await send("HEAD", `${v2}/m/512/manifests/v1`);
    expect([got.status, got.headers.get("docker-content-digest")]).toEqual([200, digest]);
    expect(registry.manifests("m/512")).toEqual([digest]);
  });

  it.each([sha512("something else"), "sha512:12"])("is refused with the digest %s", async (digest) => {
    const body = manifestOf(await upload(registry.url, "m/other", "{}"));
    const reply = await putManifest(registry.url, "m/other", `v1?digest=${digest}`, DOCKER_MANIFEST, body);
    expect([reply.status, ...reply.codes]).toEqual([400, "DIGEST_INVALID"]);
    expect(registry.tags("m/other")).toEqual([]);
  });

  it("has its usual digest where the registry does not know the parameter", async () => {
    const old = await startRegistry({ digestParameter: false });
    try {
      const body = manifestOf(await upload(old.url, "m/old", "{}"));
      const reply = await putManifest(old.url, "m/old", `v1?digest=${sha512(body)}`, DOCKER_MANIFEST, body);
      expect(reply.headers.get("docker-content-digest")).toBe(digestOf(Buffer.from(body)));
    } finally {
      await old.close();
    }
  });
});

describe("tags", () => {
  beforeAll(() => {
    for (const tag of ["b", "A", "c", "D"]) registry.putImage("t/app", { tag });
  });
  const tagsOf = async (query: string) => {
    const reply = await send("GET", `${v2}/t/app/tags/list${query}`);
    return { tags: Tags.parse(JSON.parse(reply.text)).tags, link: reply.headers.get("link") };
  };

  it("come in case-insensitive order, whole", async () => {
    expect(await tagsOf("")).toEqual({ tags: ["A", "b", "c", "D"], link: null });
  });

  it("come in pages, each with a link to the next", async () => {
    const first = await tagsOf("?n=2");
    expect(first.tags).toEqual(["A", "b"]);
    expect(first.link).toMatch(/^<\/v2\/t\/app\/tags\/list\?[^>]+>; rel="next"$/);
    const next = /<.+(\?.+)>/.exec(first.link ?? "")?.[1] ?? "";
    expect(await tagsOf(next)).toEqual({ tags: ["c", "D"], link: null });
  });

  it("begin behind `last`, whether or not it is a tag", async () => {
    expect((await tagsOf("?last=b")).tags).toEqual(["c", "D"]);
    expect((await tagsOf("?last=bb")).tags).toEqual(["c", "D"]);
  });

  it("are none for n=0, and n must be a number", async () => {
    expect(await tagsOf("?n=0")).toEqual({ tags: [], link: null });
    for (const n of ["x", "-1", ""]) {
      const reply = await send("GET", `${v2}/t/app/tags/list?n=${n}`);
      expect([reply.status, ...reply.codes]).toEqual([400, "PAGINATION_NUMBER_INVALID"]);
    }
  });

  it("have a catalog of their repositories", async () => {
    const reply = await send("GET", `${v2}/_catalog?n=1&last=t`);
    expect(JSON.parse(reply.text)).toEqual({ repositories: ["t/app"] });
  });
});

describe("referrers", () => {
  it("are an empty index where there is none", async () => {
    const reply = await send("GET", `${v2}/r/none/referrers/${NOWHERE}`);
    expect(reply.status).toBe(200);
    expect(reply.headers.get("content-type")).toBe(OCI_INDEX);
    expect(JSON.parse(reply.text)).toEqual({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] });
  });

  it("are found by their subject, which need not be there, and filtered by their type", async () => {
    const config = await upload(registry.url, "r/app", "{}");
    const subject = { mediaType: OCI_MANIFEST, size: 1, digest: NOWHERE };
    const annotations = { note: "x" };
    const sbom = manifestOf(config, [], {
      mediaType: OCI_MANIFEST,
      artifactType: "text/sbom",
      subject,
      annotations,
    });
    const plain = manifestOf(config, [], { mediaType: OCI_MANIFEST, subject });
    const index = listOf(OCI_INDEX, [], { subject, artifactType: "text/index" });
    for (const [mediaType, body] of [
      [OCI_MANIFEST, sbom],
      [OCI_MANIFEST, plain],
      [OCI_INDEX, index],
    ] as const) {
      const digest = digestOf(Buffer.from(body));
      const put = await putManifest(registry.url, "r/app", digest, mediaType, body);
      expect([put.status, put.headers.get("oci-subject")]).toEqual([201, NOWHERE]);
    }
    const describe = (mediaType: string, body: string, artifactType: string, more = {}) => ({
      mediaType,
      digest: digestOf(Buffer.from(body)),
      size: body.length,
      artifactType,
      ...more,
    });
    const all = await send("GET", `${v2}/r/app/referrers/${NOWHERE}`);
    expect(all.headers.get("oci-filters-applied")).toBeNull();
    expect(Index.parse(JSON.parse(all.text)).manifests).toEqual([
      describe(OCI_MANIFEST, sbom, "text/sbom", { annotations }),
      describe(OCI_MANIFEST, plain, "application/vnd.docker.container.image.v1+json"),
      describe(OCI_INDEX, index, "text/index"),
    ]);
    const some = await send("GET", `${v2}/r/app/referrers/${NOWHERE}?artifactType=text/sbom`);
    expect(some.headers.get("oci-filters-applied")).toBe("artifactType");
    expect(Index.parse(JSON.parse(some.text)).manifests).toHaveLength(1);
  });
});

describe("options", () => {
  const withRegistry = async (
    options: Parameters<typeof startRegistry>[0],
    use: (registry: RunningRegistry) => Promise<void>,
  ) => {
    const other = await startRegistry(options);
    try {
      await use(other);
    } finally {
      await other.close();
    }
  };

  it.each([
    ["allow", 201],
    ["refuse202", 202],
    [403, 403],
    [405, 405],
  ] as const)("mounts: %s answers a mount with %i", async (mounts, status) => {
    await withRegistry({ mounts }, async (other) => {
      const { digest } = other.putBlob("src", "blob");
      const reply = await send("POST", `${other.url}/v2/dst/blobs/uploads/?mount=${digest}&from=src`);
      expect(reply.status).toBe(status);
      expect(other.hasBlob("dst", digest)).toBe(status === 201);
      expect(other.openUploads()).toBe(status === 202 ? 1 : 0);
    });
  });

  it("maxBlobBytes refuses larger blobs with 413", async () => {
    await withRegistry({ maxBlobBytes: 4 }, async (other) => {
      await upload(other.url, "a", "1234");
      await expect(upload(other.url, "a", "12345")).rejects.toThrow("413");
    });
  });

  it("blobs: discard keeps no content", async () => {
    await withRegistry({ blobs: "discard" }, async (other) => {
      const digest = await upload(other.url, "a", Buffer.alloc(100_000, 7));
      const head = await send("HEAD", `${other.url}/v2/a/blobs/${digest}`);
      expect([head.status, head.headers.get("content-length")]).toEqual([200, "100000"]);
      expect((await send("GET", `${other.url}/v2/a/blobs/${digest}`)).codes).toEqual(["BLOB_UNKNOWN"]);
      await expect(upload(other.url, "a", "x")).resolves.toBe(digestOf(Buffer.from("x")));
      const wrong = await send("POST", `${other.url}/v2/a/blobs/uploads/?digest=${NOWHERE}`, { body: "x" });
      expect(wrong.codes).toEqual(["DIGEST_INVALID"]);
    });
  });

  it("referrers: false has no such API, and says of no subject that it was seen", async () => {
    await withRegistry({ referrers: false }, async (other) => {
      const config = await upload(other.url, "a", "{}");
      const subject = { mediaType: OCI_MANIFEST, size: 1, digest: NOWHERE };
      const body = manifestOf(config, [], { mediaType: OCI_MANIFEST, subject });
      const put = await putManifest(other.url, "a", digestOf(Buffer.from(body)), OCI_MANIFEST, body);
      expect([put.status, put.headers.get("oci-subject")]).toEqual([201, null]);
      expect((await send("GET", `${other.url}/v2/a/referrers/${NOWHERE}`)).status).toBe(404);
    });
  });

  it("locations: url wants the newest Location back, query and all", async () => {
    await withRegistry({ locations: "url" }, async (other) => {
      const begun = await send("POST", `${other.url}/v2/a/blobs/uploads/`);
      const address = begun.headers.get("location") ?? "";
      expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/v2\/a\/blobs\/uploads\/.+\?_state=/);
      const bare = await send("PATCH", address.replace(/\?.*/, ""), { body: "x" });
      expect([bare.status, ...bare.codes]).toEqual([404, "BLOB_UPLOAD_INVALID"]);
      expect((await send("PATCH", address, { body: "x" })).status).toBe(202);
      expect((await send("PATCH", address, { body: "x" })).status).toBe(404);
      await upload(other.url, "a", "whole");
    });
  });
});
