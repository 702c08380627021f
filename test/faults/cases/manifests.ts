import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { expect } from "vitest";
import { OCI_INDEX, OCI_MANIFEST } from "../../../src/oci/mediaTypes.js";
import { answer, reset } from "../../helpers/peer.js";
import { withScene, type SceneOptions } from "../../helpers/scene.js";
import type { Concern } from "../faultCase.js";

type Hook = NonNullable<SceneOptions["onRequest"]>;

const isPut = (path: RegExp) => (request: Parameters<Hook>[0]) =>
  request.method === "PUT" && path.test(request.path);
const CHILD = /manifests\/sha256:/;
const TAG = /manifests\/v1$/;

/** The registry acts as usual, but answers with this. */
function puts(path: RegExp, status: number, body = "", times = Infinity): Hook {
  let left = times;
  return (request) => (isPut(path)(request) && left-- > 0 ? { status, body } : undefined);
}

/** The manifest is stored, and the answer is another one. */
function stored(status: number, headers: Record<string, string> = {}): SceneOptions {
  return {
    intercept: (request, response) => {
      if (request.method !== "PUT") return false;
      const write = response.writeHead.bind(response);
      Object.defineProperty(response, "writeHead", {
        value: (_: number, sent: Record<string, string>) => {
          const kept = Object.entries(sent).filter(
            ([name]) => !/^(?:docker-content-digest|content-length)$/i.test(name),
          );
          return write(status, { ...Object.fromEntries(kept), ...headers });
        },
      });
      return false;
    },
  };
}

const unknownBlob =
  '{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry","detail":"sha256:x"}]}';
const ecrMissing =
  '{"errors":[{"code":"UNKNOWN","message":"Images with digests \'[sha256:x]\' required for pushing image into repository with name \'a\' do not exist"}]}';

/** Tags that are there may not be moved; this is the refusal. */
function immutable(status: number, body: string): Hook {
  return puts(TAG, status, body);
}

const IMMUTABLE = [
  { registry: "Quay", status: 409, body: '{"errors":[{"code":"TAG_ALREADY_EXISTS"}]}' },
  {
    registry: "Harbor",
    status: 412,
    body: '{"errors":[{"code":"PRECONDITION","message":"configured as immutable"}]}',
  },
  {
    registry: "ECR",
    status: 400,
    body: '{"errors":[{"code":"TAG_INVALID","message":"The image tag is immutable"}]}',
  },
];

/** What a hotel's network answers to everything. */
const loginPage: NonNullable<SceneOptions["intercept"]> = (request, response) => {
  request.resume();
  request.on("end", () => answer(response, 200, { "Content-Type": "text/html" }, "<html>Welcome</html>"));
  return true;
};

/** A cache remembers every child. */
const stale: Hook = ({ method, path }) =>
  method === "HEAD" && path.includes("manifests/sha256:")
    ? { status: 200, headers: { "Content-Type": OCI_MANIFEST, "Content-Length": "500" } }
    : undefined;

const BROKEN =
  "a cache or proxy may hold something broken: try again, and tell whoever runs the registry if it stays so";

export const manifests: Concern = {
  title: "Manifests",
  cases: [
    ...[200, 202, 204].map((status) => ({
      server: `answers a PUT with ${status} and no Docker-Content-Digest`,
      client: "reads the manifest back, and counts it as a success if it is there",
      run: () =>
        withScene(stored(status), async (scene) => {
          expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
          expect(scene.count(/^GET .*\/team\/app\/manifests\//)).toBe(3);
        }),
    })),
    {
      server: "is not there: a login page answers 200 to everything",
      client: "fails, and keeps the local list despite --purge",
      run: () =>
        withScene({ intercept: loginPage }, async (scene) => {
          const { status, stdout } = await scene.push("--purge");
          expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
          expect(await scene.run("inspect", scene.target)).toMatchObject({ status: 0 });
        }),
    },
    {
      server: "is replaced by a login page before the list is put",
      client: "says that the manifest could not be read back, and keeps the local list despite --purge",
      run: () => {
        let isAway = false;
        return withScene(
          {
            intercept: (request, response) => {
              isAway ||= request.method === "PUT" && request.url?.endsWith("/v1") === true;
              return isAway && loginPage(request, response);
            },
          },
          async (scene) => {
            const { status, stderr } = await scene.push("--purge");
            expect(status).toBe(1);
            expect(stderr).toMatch(
              /^failed to put manifest \S+\/team\/app:v1: .* answered 200: a page of HTML, but /,
            );
            expect(await scene.run("inspect", scene.target)).toMatchObject({ status: 0 });
          },
        );
      },
    },
    {
      server: "is away for a moment (503) when the list is put, and then a login page answers",
      client: "does not count the second try as a success, and keeps the local list despite --purge",
      run: () => {
        let tries = 0;
        return withScene(
          {
            intercept: (request, response) => {
              if (request.method === "PUT" && request.url?.endsWith("/v1") === true && tries++ === 0) {
                request.resume();
                return answer(response, 503);
              }
              return tries > 0 && loginPage(request, response);
            },
          },
          async (scene) => {
            expect(await scene.push("--purge")).toMatchObject({ status: 1 });
            expect(tries).toBe(2);
            expect(await scene.run("inspect", scene.target)).toMatchObject({ status: 0 });
          },
        );
      },
    },
    {
      server: "is away for a moment (503) when the list is put",
      client: "puts it again, and deletes the local list for --purge once",
      run: () =>
        withScene({ onRequest: puts(TAG, 503, "", 1) }, async (scene) => {
          expect(await scene.push("--purge")).toMatchObject({ status: 0, stdout: scene.pushed });
          expect(scene.count(/^PUT .*\/v1$/)).toBe(2);
          const again = await scene.run("push", scene.target);
          expect(again.status).toBe(1);
          expect(again.stderr.split("\n")[0]).toBe(`No such manifest: ${scene.target}`);
        }),
    },
    {
      server: "says by HEAD that a child is there, which it is not any more",
      client: "puts the missing children, and the list again",
      run: () =>
        withScene({ onRequest: stale }, async (scene) => {
          expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
          expect(scene.count(/^PUT .*\/v1$/)).toBe(2);
          expect(scene.count(/^PUT .*sha256:/)).toBe(2);
        }),
    },
    {
      server: "says by HEAD that a child is there, which it is not any more, and does not mount",
      client: "copies what the child needs before it puts it",
      run: () =>
        withScene({ onRequest: stale, mounts: "refuse202" }, async (scene) => {
          expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
          expect(scene.peer.openUploads()).toBe(0);
          expect(
            scene.images
              .flatMap(({ blobs }) => blobs)
              .filter((digest) => !scene.peer.hasBlob("team/app", digest)),
          ).toEqual([]);
        }),
    },
    {
      server: "says by HEAD that a child is there, which it is not any more, and --retries 0 is given",
      client: "still puts the children, and the list again",
      run: () =>
        withScene({ onRequest: stale }, async (scene) => {
          expect(await scene.push("--retries", "0")).toMatchObject({ status: 0, stdout: scene.pushed });
          expect(scene.count(/^PUT .*\/v1$/)).toBe(2);
        }),
    },
    {
      server: "says by HEAD that a child is there, and refuses the list for want of it with MANIFEST_UNKNOWN",
      client: "puts the children, and the list again",
      run: () => {
        const refuse = puts(TAG, 404, '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"unknown"}]}', 1);
        return withScene({ onRequest: (seen) => stale(seen) ?? refuse(seen) }, async (scene) => {
          expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
          expect(scene.count(/^PUT .*sha256:/)).toBe(2);
        });
      },
    },
    {
      server: "answers HEAD with a page of HTML (200)",
      client: "does not believe that the manifest is there",
      run: () =>
        withScene(
          {
            onRequest: ({ method }) =>
              method === "HEAD" ? { status: 200, headers: { "Content-Type": "text/html" } } : undefined,
          },
          async (scene) => {
            expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
            expect(scene.count(/^PUT .*sha256:/)).toBe(2);
          },
        ),
    },
    {
      server: "is behind a firewall that cuts every HEAD",
      client: "tries once more, then goes on without HEAD",
      run: () =>
        withScene({ intercept: (request) => request.method === "HEAD" && reset(request) }, async (scene) => {
          expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
          // For two images and the tag.
          expect(scene.count(/^HEAD /)).toBe(6);
        }),
    },
    {
      server: "takes its time, and more requests wait for a turn than are sent at once",
      client: "does not count the wait for a turn among the times that --debug prints",
      run: () => {
        const images = Array.from({ length: 6 }, (_, index) => ({ layers: [`layer ${index}`] }));
        return withScene({ images, onRequest: () => sleep(100).then(() => undefined) }, async (scene) => {
          const list = `${scene.domain}/team/other:v1`;
          const { status, log } = await scene.run("create", "--concurrency", "1", list, ...scene.sources);
          expect(status).toBe(0);
          const times = [...log.matchAll(/ (\d+) ms$/gm)].map(([, ms]) => Number(ms));
          expect(times.length).toBeGreaterThan(6);
          expect(Math.max(...times)).toBeLessThan(400);
        });
      },
    },
    {
      server: "says another digest than it was sent",
      client: "fails",
      run: () =>
        withScene(stored(201, { "Docker-Content-Digest": `sha256:${"0".repeat(64)}` }), async (scene) => {
          const { status, stderr } = await scene.push();
          expect(status).toBe(1);
          expect(stderr).toContain("the registry stored something else: expected sha256:");
        }),
    },
    {
      server: "is asked for a manifest",
      client: "accepts all four media types, and no encoding",
      run: () =>
        withScene({}, async (scene) => {
          await scene.run("inspect", scene.sources[0] ?? "");
          const headers = scene.peer.seen[0]?.headers;
          expect(headers?.accept?.split(", ")).toHaveLength(4);
          expect(headers?.["accept-encoding"]).toBe("identity");
        }),
    },
    {
      server: "sends a manifest without Docker-Content-Digest",
      client: "computes it",
      run: () =>
        withScene({}, async (scene) => {
          const [image] = scene.images;
          const onlyBody = {
            status: 200,
            headers: { "Content-Type": image?.mediaType ?? "" },
            body: image?.body ?? "",
          };
          await withScene({ onRequest: () => onlyBody }, async (bare) => {
            const { status, stdout } = await bare.run("inspect", `${bare.domain}/any:v1`);
            expect(status).toBe(0);
            expect(stdout).toContain("schemaVersion");
          });
        }),
    },
    {
      server: "sends a manifest with a different Docker-Content-Digest",
      client: "fails with docker's message",
      run: () => {
        const lie = `sha256:${"1".repeat(64)}`;
        const onRequest: Hook = () => ({
          status: 200,
          headers: { "Docker-Content-Digest": lie },
          body: "{}",
        });
        return withScene({ onRequest }, async (scene) => {
          const { status, stderr } = await scene.run("inspect", scene.sources[0] ?? "");
          expect({ status, stderr }).toEqual({
            status: 1,
            stderr: `manifest verification failed for digest ${lie}\n${BROKEN}\n`,
          });
        });
      },
    },
    {
      server: "sends other bytes than the digest in the reference",
      client: "fails with docker's message",
      run: () =>
        withScene({ onRequest: () => ({ status: 200, body: "{}" }) }, async (scene) => {
          const digest = scene.images[0]?.digest ?? "";
          const { status, stderr } = await scene.run("inspect", `${scene.domain}/src/0@${digest}`);
          expect(status).toBe(1);
          expect(stderr).toBe(`manifest verification failed for digest ${digest}\n${BROKEN}\n`);
        }),
    },
    {
      server: "compresses a manifest although identity was asked for",
      client: "decodes it, and checks the decoded bytes",
      run: () =>
        withScene({}, async (scene) => {
          const [image] = scene.images;
          const headers = {
            "Content-Type": image?.mediaType ?? "",
            "Content-Encoding": "gzip",
            "Docker-Content-Digest": image?.digest ?? "",
          };
          const body = gzipSync(image?.body ?? "");
          await withScene({ onRequest: () => ({ status: 200, headers, body }) }, async (zipped) => {
            const { status, stdout } = await zipped.run(
              "inspect",
              `${zipped.domain}/any@${image?.digest ?? ""}`,
            );
            expect(status).toBe(0);
            expect(stdout).toContain("schemaVersion");
          });
        }),
    },
    {
      server: "encodes a manifest in a way nobody knows",
      client: "fails, and names the encoding",
      run: () =>
        withScene(
          { onRequest: () => ({ status: 200, headers: { "Content-Encoding": "zebra" }, body: "{}" }) },
          async (scene) => {
            const { status, stderr } = await scene.run("inspect", scene.sources[0] ?? "");
            expect(status).toBe(1);
            expect(stderr).toContain('sent a body that is encoded as "zebra"');
          },
        ),
    },
    {
      server: "for a moment does not find a blob that was just mounted (MANIFEST_BLOB_UNKNOWN)",
      client: "mounts once more and puts again",
      run: () =>
        withScene({ images: [{ layers: 1 }], onRequest: puts(CHILD, 404, unknownBlob, 2) }, async (scene) => {
          expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
          expect(scene.count(/^PUT .*sha256:/)).toBe(3);
          expect(scene.count(/^POST .*mount=/)).toBe(6);
        }),
    },
    {
      server: "never finds a blob",
      client: "gives up after the retries, with docker's message",
      run: () =>
        withScene({ images: [{ layers: 1 }], onRequest: puts(CHILD, 404, unknownBlob) }, async (scene) => {
          const { status, stderr } = await scene.push("--retries", "2");
          expect(status).toBe(1);
          expect(stderr).toMatch(
            /^failed to put manifest \S+@sha256:\S+: manifest blob unknown: blob unknown to registry\n/,
          );
          // Once more behind the mounts that were wanted, and twice by --retries.
          expect(scene.count(/^PUT /)).toBe(4);
        }),
    },
    {
      server: "for a moment does not find a child that was just put (as ECR says it)",
      client: "puts the list again",
      run: () =>
        withScene({ onRequest: puts(TAG, 400, ecrMissing, 2) }, async (scene) => {
          expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
          expect(scene.count(/^PUT .*\/v1$/)).toBe(3);
        }),
    },
    ...IMMUTABLE.map(({ registry, status, body }) => ({
      server: `has an immutable tag that is where it should be (${registry}: ${status})`,
      client: "counts it as a success",
      run: async () => {
        let refuse = false;
        const hook = immutable(status, body);
        await withScene({ onRequest: (request) => (refuse ? hook(request) : undefined) }, async (scene) => {
          await scene.push();
          refuse = true;
          expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
        });
      },
    })),
    ...IMMUTABLE.map(({ registry, status, body }) => ({
      server: `has an immutable tag that is somewhere else (${registry}: ${status})`,
      client: "fails, says where the tag is, and does not try again",
      run: () =>
        withScene({ onRequest: immutable(status, body) }, async (scene) => {
          const other = scene.peer.putList("team/app", { tag: "v1", kind: "oci", children: [] });
          const result = await scene.push();
          expect(result.status).toBe(1);
          expect(result.stderr).toContain(`failed to put manifest ${scene.target}: `);
          expect(result.stderr).toContain(
            `\nthe tag is immutable and stays at ${other.digest}; push under another tag\n`,
          );
          expect(scene.count(/^PUT .*\/v1$/)).toBe(1);
        }),
    })),
    {
      server: "refuses docker's types (zot: 415)",
      client: "says so, and puts nothing under the tag",
      run: () =>
        withScene({ onRequest: puts(CHILD, 415) }, async (scene) => {
          const { status, stderr } = await scene.push();
          expect(status).toBe(1);
          expect(stderr).toContain("the registry does not take manifests of this type");
          expect(scene.count(/^PUT .*\/v1$/)).toBe(0);
        }),
    },
    {
      server: "refuses a list with children of another kind (Quay: 400)",
      client: "prints the registry's reason, and does not try again",
      run: () => {
        const body =
          '{"errors":[{"code":"MANIFEST_INVALID","message":"manifest invalid","detail":{"message":"mixed"}}]}';
        return withScene({ onRequest: puts(TAG, 400, body) }, async (scene) => {
          const { status, stderr } = await scene.push();
          expect(status).toBe(1);
          expect(stderr).toMatch(
            /^failed to put manifest \S+\/team\/app:v1: manifest invalid: manifest invalid\n/,
          );
          expect(scene.count(/^PUT .*\/v1$/)).toBe(1);
        });
      },
    },
    {
      server: "finds a manifest too large (413)",
      client: "says so",
      run: () =>
        withScene({ onRequest: puts(TAG, 413) }, async (scene) => {
          const { status, stderr } = await scene.push();
          expect(status).toBe(1);
          expect(stderr).toContain("the registry does not take manifests this large");
        }),
    },
    ...[403, 405].map((status) => ({
      server: `answers HEAD with ${status} and no body`,
      client: "uses GET",
      run: () =>
        withScene(
          { onRequest: ({ method }) => (method === "HEAD" ? { status } : undefined) },
          async (scene) => {
            expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
            const earlier = scene.peer.seen.length;
            expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
            const again = scene.peer.requests.slice(earlier);
            expect(again.filter((request) => request.startsWith("PUT"))).toEqual([]);
          },
        ),
    })),
    {
      server: "does not have the manifest",
      client: "says so with docker's message",
      run: () =>
        withScene({}, async (scene) => {
          const ref = `${scene.domain}/no/where:v1`;
          const { status, stderr } = await scene.run("inspect", ref);
          expect({ status, stderr }).toEqual({
            status: 1,
            stderr:
              `no such manifest: ${ref}\nthere is no local list of that name, and ` +
              `${scene.domain} has no tag v1 in no/where: check the name, and whether it was pushed\n`,
          });
        }),
    },
    {
      server: "sends a manifest without a Content-Type",
      client: "uses the manifest's own mediaType",
      run: () =>
        withScene({}, async (scene) => {
          const list = scene.peer.putList("remote/list", { tag: "v1", kind: "oci", children: scene.images });
          const intercept: SceneOptions["intercept"] = (_, response) => answer(response, 200, {}, list.body);
          await withScene({ intercept }, async (bare) => {
            const { status, stdout } = await bare.run("inspect", `${bare.domain}/remote/list:v1`);
            expect(status).toBe(0);
            expect(stdout).toContain(list.mediaType === OCI_INDEX ? "manifests" : "never");
          });
        }),
    },
  ],
};
