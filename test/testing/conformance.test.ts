import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digestOf } from "../../src/oci/digest.js";
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from "../../src/oci/mediaTypes.js";
import { listOf, location, manifestOf, NOWHERE, putManifest, send, upload } from "./client.js";
import { distribution, onPath, ours, type Peer } from "./peers.js";

/** The same assertions for both registries: what a client sees of ours is what it sees of the real one. */
describe.each([ours, distribution])("$name", ({ name, start }) => {
  const there = name === ours.name || onPath("docker-registry");
  describe.skipIf(!there)(there ? "answers as distribution does" : "is not installed: not compared", () => {
    let peer: Peer;
    let v2: string;
    beforeAll(async () => {
      peer = await start();
      v2 = `${peer.url}/v2`;
    });
    afterAll(() => peer.close());

    describe("base", () => {
      it("says which API it speaks", async () => {
        const reply = await send("GET", `${v2}/`);
        expect(reply.status).toBe(200);
        expect(reply.text).toBe("{}");
        expect(reply.headers.get("docker-distribution-api-version")).toBe("registry/2.0");
      });

      it("knows no other address", async () => {
        expect((await send("GET", `${v2}/one`)).status).toBe(404);
        expect((await send("GET", `${peer.url}/two`)).status).toBe(404);
      });

      it.each(["manifests/a", `blobs/${NOWHERE}`, "tags/list"])(
        "refuses POST on %s, naming what is allowed",
        async (path) => {
          const reply = await send("POST", `${v2}/base/${path}`);
          expect(reply.status).toBe(405);
          expect(reply.headers.get("allow")).toMatch(/GET/);
        },
      );
    });

    describe("pull", () => {
      let blob: string;
      let digest: string;
      let body: string;
      beforeAll(async () => {
        blob = await upload(peer.url, "pull/app", "hello world");
        body = manifestOf(blob);
        digest = digestOf(Buffer.from(body));
        await putManifest(peer.url, "pull/app", "v1", DOCKER_MANIFEST, body);
      });

      it.each(["GET", "HEAD"])("gives a manifest by tag and by digest (%s)", async (method) => {
        for (const reference of ["v1", digest]) {
          const reply = await send(method, `${v2}/pull/app/manifests/${reference}`, {
            headers: { accept: DOCKER_MANIFEST },
          });
          expect(reply.status).toBe(200);
          expect(reply.headers.get("content-type")).toBe(DOCKER_MANIFEST);
          expect(reply.headers.get("content-length")).toBe(String(body.length));
          expect(reply.headers.get("docker-content-digest")).toBe(digest);
          expect(reply.text).toBe(method === "HEAD" ? "" : body);
        }
      });

      it.each(["GET", "HEAD"])("gives a blob (%s)", async (method) => {
        const reply = await send(method, `${v2}/pull/app/blobs/${blob}`);
        expect(reply.status).toBe(200);
        expect(reply.headers.get("content-length")).toBe("11");
        expect(reply.headers.get("accept-ranges")).toBe("bytes");
        expect(reply.headers.get("docker-content-digest")).toBe(blob);
        expect(reply.text).toBe(method === "HEAD" ? "" : "hello world");
      });

      it.each([
        ["bytes=0-4", "hello", "bytes 0-4/11"],
        ["bytes=6-", "world", "bytes 6-10/11"],
        ["bytes=-3", "rld", "bytes 8-10/11"],
        ["bytes=-300", "hello world", "bytes 0-10/11"],
        ["bytes=9-99", "ld", "bytes 9-10/11"],
      ])("gives the part of a blob that %s asks for", async (range, part, contentRange) => {
        const reply = await send("GET", `${v2}/pull/app/blobs/${blob}`, { headers: { range } });
        expect(reply.status).toBe(206);
        expect(reply.text).toBe(part);
        expect(reply.headers.get("content-range")).toBe(contentRange);
      });

      it.each(["bytes=11-12", "bytes=5-2"])("refuses the range %s", async (range) => {
        expect((await send("GET", `${v2}/pull/app/blobs/${blob}`, { headers: { range } })).status).toBe(416);
      });

      it("answers 304 to who has it already", async () => {
        const blobReply = await send("GET", `${v2}/pull/app/blobs/${blob}`, {
          headers: { "if-none-match": `"${blob}"` },
        });
        const manifestReply = await send("GET", `${v2}/pull/app/manifests/v1`, {
          headers: { "if-none-match": `"${digest}"`, accept: DOCKER_MANIFEST },
        });
        expect([blobReply.status, manifestReply.status]).toEqual([304, 304]);
      });

      it("has no unknown manifest and no unknown blob", async () => {
        for (const path of [
          "pull/app/manifests/v2",
          "pull/none/manifests/v1",
          `pull/none/manifests/${NOWHERE}`,
        ]) {
          const reply = await send("GET", `${v2}/${path}`);
          expect([reply.status, ...reply.codes]).toEqual([404, "MANIFEST_UNKNOWN"]);
          expect((await send("HEAD", `${v2}/${path}`)).status).toBe(404);
        }
        const reply = await send("GET", `${v2}/pull/app/blobs/${NOWHERE}`);
        expect([reply.status, ...reply.codes]).toEqual([404, "BLOB_UNKNOWN"]);
        expect(reply.text).toContain("blob unknown to registry");
        expect((await send("HEAD", `${v2}/pull/app/blobs/${NOWHERE}`)).status).toBe(404);
      });

      it("refuses a blob's digest that is too short", async () => {
        const reply = await send("GET", `${v2}/pull/app/blobs/sha256:12`);
        expect([reply.status, ...reply.codes]).toEqual([400, "DIGEST_INVALID"]);
      });
    });

    describe("push", () => {
      const content = "pushed content";
      const digest = digestOf(Buffer.from(content));
      const begin = (repository: string) => send("POST", `${v2}/${repository}/blobs/uploads/`);

      it("opens an upload that knows how much it has", async () => {
        const begun = await begin("push/a");
        expect(begun.status).toBe(202);
        expect(begun.headers.get("range")).toBe("0-0");
        expect(begun.headers.get("docker-upload-uuid")).toMatch(/^[0-9a-f-]{36}$/);
        const status = await send("GET", location(begun, peer.url));
        expect(status.status).toBe(204);
        expect(status.headers.get("range")).toBe("0-0");
        expect(status.headers.get("docker-upload-uuid")).toBe(begun.headers.get("docker-upload-uuid"));
      });

      it("takes a blob in one PUT", async () => {
        const done = await send("PUT", location(await begin("push/a"), peer.url, { digest }), {
          body: content,
        });
        expect(done.status).toBe(201);
        expect(done.headers.get("docker-content-digest")).toBe(digest);
        expect(new URL(location(done, peer.url)).pathname).toBe(`/v2/push/a/blobs/${digest}`);
        expect((await send("GET", location(done, peer.url))).text).toBe(content);
      });

      it("takes a blob in chunks, the last of them in the PUT", async () => {
        let at = await begin("push/b");
        for (const [start, end] of [
          [0, 3],
          [4, 8],
        ] as const) {
          at = await send("PATCH", location(at, peer.url), {
            body: content.slice(start, end + 1),
            headers: { "content-range": `${start}-${end}`, "content-type": "application/octet-stream" },
          });
          expect(at.status).toBe(202);
          expect(at.headers.get("range")).toBe(`0-${end}`);
        }
        expect((await send("GET", location(at, peer.url))).headers.get("range")).toBe("0-8");
        const done = await send("PUT", location(at, peer.url, { digest }), { body: content.slice(9) });
        expect(done.status).toBe(201);
        expect((await send("GET", `${v2}/push/b/blobs/${digest}`)).text).toBe(content);
      });

      it("takes one PATCH without a range, and an empty PUT", async () => {
        const patched = await send("PATCH", location(await begin("push/c"), peer.url), { body: content });
        expect([patched.status, patched.headers.get("range")]).toEqual([202, `0-${content.length - 1}`]);
        expect((await send("PUT", location(patched, peer.url, { digest }))).status).toBe(201);
      });

      it("takes an empty blob", async () => {
        const empty = digestOf(Buffer.alloc(0));
        expect((await send("PUT", location(await begin("push/d"), peer.url, { digest: empty }))).status).toBe(
          201,
        );
      });

      it.each([
        ["another digest", { digest: NOWHERE }],
        ["a digest that is none", { digest: "foo" }],
        ["no digest", {}],
      ])("refuses a blob that is sent with %s", async (_, query: Record<string, string>) => {
        const done = await send("PUT", location(await begin("push/e"), peer.url, query), { body: content });
        expect([done.status, ...done.codes]).toEqual([400, "DIGEST_INVALID"]);
        expect(done.text).toContain("provided digest did not match uploaded content");
        expect((await send("HEAD", `${v2}/push/e/blobs/${digest}`)).status).toBe(404);
      });

      it("forgets an upload that was cancelled or finished", async () => {
        const cancelled = await begin("push/f");
        expect((await send("DELETE", location(cancelled, peer.url))).status).toBe(204);
        const finished = await begin("push/f");
        await send("PUT", location(finished, peer.url, { digest }), { body: content });
        for (const gone of [cancelled, finished]) {
          const reply = await send("GET", location(gone, peer.url));
          expect([reply.status, ...reply.codes]).toEqual([404, "BLOB_UPLOAD_UNKNOWN"]);
        }
      });
    });

    describe("mount", () => {
      const mount = (repository: string, query: Record<string, string>) =>
        send("POST", `${v2}/${repository}/blobs/uploads/?${new URLSearchParams(query).toString()}`);

      it("takes a blob over from another repository", async () => {
        const digest = await upload(peer.url, "mount/from", "mounted");
        const reply = await mount("mount/to", { mount: digest, from: "mount/from" });
        expect(reply.status).toBe(201);
        expect(reply.headers.get("docker-content-digest")).toBe(digest);
        expect(new URL(location(reply, peer.url)).pathname).toBe(`/v2/mount/to/blobs/${digest}`);
        expect((await send("GET", `${v2}/mount/to/blobs/${digest}`)).text).toBe("mounted");
      });

      it.each([
        ["the source has no such blob", { mount: NOWHERE, from: "mount/from" }],
        ["there is no such source", { mount: NOWHERE, from: "mount/none" }],
        ["the source's name is bad", { mount: NOWHERE, from: "Mount/From" }],
        ["the digest is bad", { mount: "zz", from: "mount/from" }],
        ["no source is named", { mount: NOWHERE }],
      ])("opens an upload when %s", async (_, query: Record<string, string>) => {
        const reply = await mount("mount/to", query);
        expect(reply.status).toBe(202);
        expect((await send("DELETE", location(reply, peer.url))).status).toBe(204);
      });
    });

    describe("manifests", () => {
      let config: string;
      let child: string;
      beforeAll(async () => {
        config = await upload(peer.url, "m/app", "{}");
        child = digestOf(Buffer.from(manifestOf(config)));
        await putManifest(peer.url, "m/app", child, DOCKER_MANIFEST, manifestOf(config));
      });

      it("takes each of the four kinds, by tag and by digest", async () => {
        const kinds = [
          [DOCKER_MANIFEST, manifestOf(config)],
          [OCI_MANIFEST, manifestOf(config, [], { mediaType: OCI_MANIFEST })],
          [OCI_MANIFEST, manifestOf(config, [], { mediaType: undefined })],
          [DOCKER_LIST, listOf(DOCKER_LIST, [child])],
          [OCI_INDEX, listOf(OCI_INDEX, [child])],
          [OCI_INDEX, JSON.stringify({ schemaVersion: 2, manifests: [] })],
        ] as const;
        for (const [mediaType, body] of kinds) {
          const digest = digestOf(Buffer.from(body));
          for (const reference of ["kinds", digest]) {
            const put = await putManifest(peer.url, "m/app", reference, mediaType, body);
            expect([put.status, put.headers.get("docker-content-digest")]).toEqual([201, digest]);
            expect(new URL(location(put, peer.url)).pathname).toBe(`/v2/m/app/manifests/${digest}`);
            const got = await send("GET", `${v2}/m/app/manifests/${reference}`, {
              headers: { accept: mediaType },
            });
            expect([got.status, got.headers.get("content-type"), got.text]).toEqual([200, mediaType, body]);
          }
        }
      });

      it("ignores parameters of the media type", async () => {
        const put = await putManifest(
          peer.url,
          "m/app",
          "p",
          `${DOCKER_MANIFEST}; charset=utf-8`,
          manifestOf(config),
        );
        expect(put.status).toBe(201);
      });

      it("names every blob and child that is missing", async () => {
        const other = digestOf(Buffer.from("missing too"));
        const image = await putManifest(
          peer.url,
          "m/app",
          "x",
          DOCKER_MANIFEST,
          manifestOf(config, [NOWHERE, other]),
        );
        expect([image.status, ...image.codes]).toEqual([
          400,
          "MANIFEST_BLOB_UNKNOWN",
          "MANIFEST_BLOB_UNKNOWN",
        ]);
        expect(image.text).toContain(NOWHERE);
        expect(image.text).toContain(other);
        for (const mediaType of [DOCKER_LIST, OCI_INDEX]) {
          const list = await putManifest(
            peer.url,
            "m/app",
            "x",
            mediaType,
            listOf(mediaType, [child, NOWHERE]),
          );
          expect([list.status, ...list.codes]).toEqual([400, "MANIFEST_BLOB_UNKNOWN"]);
        }
        expect((await send("HEAD", `${v2}/m/app/manifests/x`)).status).toBe(404);
      });

      it("does not find another repository's blobs", async () => {
        const put = await putManifest(peer.url, "m/other", "x", DOCKER_MANIFEST, manifestOf(config));
        expect([put.status, ...put.codes]).toEqual([400, "MANIFEST_BLOB_UNKNOWN"]);
      });

      it("does not ask for a layer that has URLs", async () => {
        const layers = [{ mediaType: "x/y", size: 1, digest: NOWHERE, urls: ["https://layers.example/1"] }];
        expect(
          (await putManifest(peer.url, "m/app", "u", DOCKER_MANIFEST, manifestOf(config, [], { layers })))
            .status,
        ).toBe(201);
      });

      it("refuses bytes that have another digest than the address", async () => {
        const put = await putManifest(peer.url, "m/app", NOWHERE, DOCKER_MANIFEST, manifestOf(config));
        expect([put.status, ...put.codes]).toEqual([400, "DIGEST_INVALID"]);
      });

      it.each([
        ["broken JSON", DOCKER_MANIFEST, () => "{"],
        ["nothing", DOCKER_MANIFEST, () => ""],
        ["layers that are no array", DOCKER_MANIFEST, () => manifestOf(config, [], { layers: 5 })],
        ["another media type than its own", OCI_MANIFEST, () => manifestOf(config)],
        ["an unknown media type", "application/json", () => manifestOf(config)],
        [
          "a docker manifest that does not name its type",
          DOCKER_MANIFEST,
          () => manifestOf(config, [], { mediaType: undefined }),
        ],
        [
          "a docker list that does not name its type",
          DOCKER_LIST,
          () => listOf(DOCKER_LIST, [], { mediaType: undefined }),
        ],
        [
          "a manifest that is an index too",
          OCI_MANIFEST,
          () => manifestOf(config, [], { mediaType: OCI_MANIFEST, manifests: [] }),
        ],
      ])("refuses %s", async (_, mediaType, body) => {
        const put = await putManifest(peer.url, "m/app", "bad", mediaType, body());
        expect([put.status, ...put.codes]).toEqual([400, "MANIFEST_INVALID"]);
      });

      it("takes a manifest with parameters that it may not know", async () => {
        const body = manifestOf(config);
        const digest = digestOf(Buffer.from(body));
        for (const reference of [`${digest}?tag=many&tag=more`, `one?digest=${digest}`]) {
          const put = await putManifest(peer.url, "m/app", reference, DOCKER_MANIFEST, body);
          expect([put.status, put.headers.get("docker-content-digest")]).toEqual([201, digest]);
        }
      });

      it("moves a tag", async () => {
        await putManifest(peer.url, "m/app", "moves", DOCKER_MANIFEST, manifestOf(config));
        const list = listOf(DOCKER_LIST, [child]);
        await putManifest(peer.url, "m/app", "moves", DOCKER_LIST, list);
        const got = await send("GET", `${v2}/m/app/manifests/moves`, { headers: { accept: DOCKER_LIST } });
        expect(got.headers.get("docker-content-digest")).toBe(digestOf(Buffer.from(list)));
      });
    });

    describe("discovery and deletion", () => {
      it("lists tags in order", async () => {
        const config = await upload(peer.url, "d/tags", "{}");
        for (const tag of ["b", "a", "c"]) {
          await putManifest(peer.url, "d/tags", tag, DOCKER_MANIFEST, manifestOf(config));
        }
        const reply = await send("GET", `${v2}/d/tags/tags/list`);
        expect([reply.status, JSON.parse(reply.text)]).toEqual([
          200,
          { name: "d/tags", tags: ["a", "b", "c"] },
        ]);
      });

      it("has no tags of a repository it does not know, nor of one with blobs only", async () => {
        await upload(peer.url, "d/blobs", "alone");
        for (const name of ["d/none", "d/blobs"]) {
          const reply = await send("GET", `${v2}/${name}/tags/list`);
          expect([reply.status, ...reply.codes]).toEqual([404, "NAME_UNKNOWN"]);
          expect(reply.text).toContain("repository name not known to registry");
        }
      });

      it("deletes a manifest with its tags, once", async () => {
        const config = await upload(peer.url, "d/del", "{}");
        const body = manifestOf(config);
        await putManifest(peer.url, "d/del", "t", DOCKER_MANIFEST, body);
        const address = `${v2}/d/del/manifests/${digestOf(Buffer.from(body))}`;
        expect((await send("DELETE", address)).status).toBe(202);
        expect((await send("GET", `${v2}/d/del/manifests/t`)).codes).toEqual(["MANIFEST_UNKNOWN"]);
        const again = await send("DELETE", address);
        expect([again.status, ...again.codes]).toEqual([404, "MANIFEST_UNKNOWN"]);
      });

      it("deletes a blob, once, in one repository", async () => {
        const digest = await upload(peer.url, "d/one", "both");
        await send("POST", `${v2}/d/two/blobs/uploads/?mount=${digest}&from=d/one`);
        expect((await send("DELETE", `${v2}/d/one/blobs/${digest}`)).status).toBe(202);
        const again = await send("DELETE", `${v2}/d/one/blobs/${digest}`);
        expect([again.status, ...again.codes]).toEqual([404, "BLOB_UNKNOWN"]);
        expect((await send("HEAD", `${v2}/d/one/blobs/${digest}`)).status).toBe(404);
        expect((await send("HEAD", `${v2}/d/two/blobs/${digest}`)).status).toBe(200);
      });
    });
  });
});
