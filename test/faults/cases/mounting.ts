import { gzipSync } from "node:zlib";
import { expect } from "vitest";
import type { SeenRequest } from "../../../src/testing/index.js";
import { digestOf } from "../../../src/oci/digest.js";
import { answer, answerRaw, reset, startPeer, type Incoming, type Outgoing } from "../../helpers/peer.js";
import { withScene, type SceneOptions } from "../../helpers/scene.js";
import { SECRETS } from "../../helpers/secrets.js";
import type { Concern } from "../faultCase.js";

const isMount = (request: Incoming): boolean =>
  request.method === "POST" && request.url?.includes("mount=") === true;
const isCommit = (request: Incoming): boolean =>
  request.method === "PUT" && request.url?.includes("/uploads/") === true;

/** Answers the first requests that match, as often as told. */
function firstly(
  times: number,
  matches: (request: Incoming) => boolean,
  deal: (request: Incoming, response: Outgoing) => boolean,
): NonNullable<SceneOptions["intercept"]> {
  let left = times;
  return (request, response) => {
    if (left === 0 || !matches(request)) return false;
    left--;
    return deal(request, response);
  };
}

/** Every Location of an upload, changed. */
function relocated(change: (path: string, host: string) => string): SceneOptions["onRequest"] {
  return ({ method, headers, route, path }: SeenRequest) => {
    if (method !== "POST" || route?.kind !== "uploads" || path.includes("relocated")) return undefined;
    const where = change(`/v2/team/app/blobs/uploads/elsewhere`, headers.host ?? "");
    return { status: 202, headers: { Location: where } };
  };
}

/** Takes the commits of uploads that `relocated` has sent somewhere, and keeps what they say. */
function committed(paths: string[], authorizations: (string | undefined)[] = []) {
  return (request: Incoming, response: Outgoing): boolean => {
    if (!isCommit(request)) return false;
    paths.push(request.url ?? "");
    authorizations.push(request.headers.authorization);
    request.resume();
    request.on("end", () => answer(response, 201));
    return true;
  };
}

/** Manifests are taken as they come: the blobs went somewhere else. */
const lenient: SceneOptions["onRequest"] = ({ method, route }) =>
  method === "PUT" && route?.kind === "manifest" ? { status: 201 } : undefined;

const both =
  (...hooks: SceneOptions["onRequest"][]): SceneOptions["onRequest"] =>
  async (request) => {
    for (const hook of hooks) {
      const override = await hook?.(request);
      if (override !== undefined) return override;
    }
    return undefined;
  };

const one = [{ layers: ["one layer"] }];

export const mounting: Concern = {
  title: "Mounting and copying",
  cases: [
    {
      server: "opens an upload instead of mounting (202)",
      client: "copies the blob into that upload, and says so on stderr",
      run: () =>
        withScene({ mounts: "refuse202" }, async (scene) => {
          const { status, stdout, stderr } = await scene.push();
          expect({ status, stdout }).toEqual({ status: 0, stdout: scene.pushed });
          expect(stderr).toMatch(
            /^copied 4 blobs \(\d+ B\) that could not be mounted, from .*src\/0, .*src\/1\n$/,
          );
          expect(scene.count(/^POST /)).toBe(4);
          expect(scene.peer.openUploads()).toBe(0);
        }),
    },
    ...[401, 403, 404, 405].map((code) => ({
      server: `refuses the mount with ${code}`,
      client: "opens an upload without `mount` and `from`, and copies",
      run: () =>
        withScene({ mounts: code }, async (scene) => {
          expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
          expect(scene.count(/^POST .*\/uploads\/$/)).toBe(4);
          expect(scene.peer.openUploads()).toBe(0);
        }),
    })),
    {
      server: "refuses the mount with 401 because a scope is missing, but allows uploads (Docker Hub)",
      client: "copies, and does not get a new token for each refusal",
      run: () =>
        withScene(
          {
            auth: { kind: "bearer", users: { me: SECRETS.password } },
            config: (host) => ({ auths: { [host]: { auth: btoa(`me:${SECRETS.password}`) } } }),
            onRequest: ({ method, path, headers }) =>
              method === "POST" && path.includes("mount=") && headers.authorization !== undefined
                ? {
                    status: 401,
                    headers: { "WWW-Authenticate": `Bearer realm="http://${headers.host ?? ""}/token"` },
                  }
                : undefined,
          },
          async (scene) => {
            expect(await scene.push("--concurrency", "1")).toMatchObject({ status: 0, stdout: scene.pushed });
            expect(scene.count(/\/token/)).toBeLessThanOrEqual(2);
          },
        ),
    },
    {
      server: "refuses the mount with 202, and --mount-only is given",
      client: "cancels the upload, and fails with docker's message",
      run: () =>
        withScene({ mounts: "refuse202", images: one }, async (scene) => {
          const { status, stdout, stderr } = await scene.push("--mount-only");
          expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
          expect(stderr).toMatch(
            /^error mounting src\/0@sha256:\S+ to 127\.0\.0\.1:\d+\/team\/app:v1\nleave out --mount-only .*\n$/,
          );
          expect(scene.peer.openUploads()).toBe(0);
          expect(scene.count(/^PUT /)).toBe(0);
        }),
    },
    {
      server: "refuses the mount with 403, and --mount-only is given",
      client: "fails with docker's message",
      run: () =>
        withScene({ mounts: 403, images: one }, async (scene) => {
          const { status, stderr } = await scene.push("--mount-only");
          expect(status).toBe(1);
          expect(stderr).toMatch(
            /^failed to mount blob src\/0@sha256:\S+ to \S+\/team\/app:v1: denied\nPOST http:.* answered 403; the account may not do this there: .*\n$/,
          );
        }),
    },
    {
      server: "refuses mounts of an image for Windows with 202, and --mount-only is given",
      client: "tolerates it, as docker does",
      run: () =>
        withScene(
          { mounts: "refuse202", images: [{ os: "windows", layers: 1 }], onRequest: lenient },
          async (scene) => {
            expect(await scene.push("--mount-only")).toMatchObject({ status: 0 });
          },
        ),
    },
    {
      server: "does not have a layer of an image for Windows",
      client: "tolerates it when copying, too",
      run: () =>
        withScene({ images: [{ os: "windows", layers: 1 }], onRequest: lenient }, async (scene) => {
          for (const digest of scene.images[0]?.blobs ?? []) scene.peer.deleteBlob("src/0", digest);
          expect(await scene.push()).toMatchObject({ status: 0 });
          expect(scene.peer.openUploads()).toBe(0);
        }),
    },
    {
      server: "does not have a layer of an image for Linux",
      client: "fails, and does not touch the tag",
      run: () =>
        withScene({ images: one }, async (scene) => {
          scene.peer.deleteBlob("src/0", scene.images[0]?.blobs[1] ?? "");
          const { status, stderr } = await scene.push();
          expect(status).toBe(1);
          expect(stderr).toMatch(/^failed to copy blob .*: blob unknown to registry: \S+src\/0@sha256:/);
          expect(scene.tag()).toBeUndefined();
        }),
    },
    {
      server: "has layers that may not be distributed",
      client: "tries to mount them and never uploads them",
      run: () =>
        withScene({ images: [{ os: "windows", foreignLayers: 2, layers: 1 }] }, async (scene) => {
          expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
          expect(scene.count(/^POST .*mount=/)).toBe(4);
          expect(scene.count(/^PUT .*\/uploads\//)).toBe(0);
          expect(scene.peer.openUploads()).toBe(0);
        }),
    },
    {
      server: "has everything of an image already, and refuses mounts",
      client: "copies nothing",
      run: () =>
        withScene({ mounts: "refuse202" }, async (scene) => {
          await scene.push();
          const earlier = scene.peer.seen.length;
          expect(await scene.push()).toMatchObject({ status: 0, stderr: "" });
          const again = scene.peer.requests.slice(earlier);
          expect(again.filter((request) => request.startsWith("PUT"))).toEqual([]);
          expect(again.filter((request) => /^GET .*blobs/.test(request))).toEqual([]);
          expect(scene.peer.openUploads()).toBe(0);
        }),
    },
    {
      server: "does not mount, and images share layers",
      client: "copies each blob once",
      run: () => {
        const images = ["amd64", "arm64", "s390x"].map((architecture) => ({
          architecture,
          layers: ["shared"],
        }));
        return withScene({ mounts: 405, images }, async (scene) => {
          expect(await scene.push()).toMatchObject({ status: 0 });
          expect(scene.count(/^PUT .*\/uploads\//)).toBe(4);
        });
      },
    },
    {
      server: "names uploads by an absolute URL with a query",
      client: "keeps the query and adds the digest",
      run: () =>
        withScene({ mounts: "refuse202", locations: "url" }, async (scene) => {
          expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
          expect(scene.count(/^PUT .*\?_state=[^&]+&digest=sha256%3A/)).toBe(4);
        }),
    },
    {
      server: "names uploads by a path that is relative to the request",
      client: "resolves it",
      run: async () => {
        const paths: string[] = [];
        const onRequest = both(
          relocated(() => "elsewhere?x=1"),
          lenient,
        );
        await withScene({ images: one, onRequest, intercept: committed(paths) }, async (scene) => {
          expect(await scene.push()).toMatchObject({ status: 0 });
          expect(paths[0]).toMatch(
            /^\/v2\/team\/app\/blobs\/uploads\/elsewhere\?x=1&digest=sha256%3A[0-9a-f]{64}$/,
          );
        });
      },
    },
    {
      server: "behind a TLS proxy names uploads by http://",
      client: "stays with TLS",
      run: async () => {
        const paths: string[] = [];
        const onRequest = both(
          relocated((path, host) => `http://${host}${path}`),
          lenient,
        );
        const tls = { speaks: "tls", address: "0.0.0.0" } as const;
        await withScene({ ...tls, images: one, onRequest, intercept: committed(paths) }, async (scene) => {
          expect(await scene.push("--insecure")).toMatchObject({ status: 0 });
          expect(paths).toHaveLength(2);
        });
      },
    },
    {
      server: "names uploads on another host",
      client: "sends the blob there, without credentials",
      run: async () => {
        const [paths, authorizations]: [string[], (string | undefined)[]] = [[], []];
        const store = await startPeer({ intercept: committed(paths, authorizations) });
        const onRequest = both(
          relocated((path) => `http://${store.host}${path}`),
          lenient,
        );
        try {
          await withScene(
            {
              images: one,
              onRequest: ({ headers, ...rest }) =>
                headers.authorization === undefined ? undefined : onRequest?.({ headers, ...rest }),
              auth: { kind: "basic", users: { me: SECRETS.password } },
              config: (host) => ({ auths: { [host]: { auth: btoa(`me:${SECRETS.password}`) } } }),
            },
            async (scene) => {
              expect(await scene.push()).toMatchObject({ status: 0 });
              expect(paths).toHaveLength(2);
              expect(authorizations).toEqual([undefined, undefined]);
            },
          );
        } finally {
          await store.close();
        }
      },
    },
    {
      server: "forgets to say where the upload is",
      client: "says so",
      run: () =>
        withScene(
          { onRequest: ({ method }) => (method === "POST" ? { status: 202 } : undefined) },
          async (scene) => {
            const { status, stderr } = await scene.push();
            expect(status).toBe(1);
            expect(stderr).toContain("sent no Location header");
          },
        ),
    },
    {
      server: "resets the connection in the middle of an upload",
      client: "starts the copy again",
      run: () => {
        const intercept = firstly(1, isCommit, (request) => reset(request));
        return withScene({ mounts: "refuse202", images: one, intercept }, async (scene) => {
          expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
          expect(scene.count(/^PUT .*\/uploads\//)).toBe(3);
        });
      },
    },
    ...(["refuse202", 403] as const).map((mounts) => ({
      server: `answers a mount with ${mounts === "refuse202" ? "an upload (202)" : mounts}, and has the blob already`,
      client: "asks by HEAD, and copies nothing",
      run: () =>
        withScene({ mounts, images: one }, async (scene) => {
          const [image] = scene.images;
          for (const digest of image?.blobs ?? []) {
            scene.peer.putBlob("team/app", scene.peer.blob("src/0", digest) ?? "");
          }
          expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
          expect(scene.count(/^HEAD .*\/blobs\//)).toBe(2);
          expect(scene.count(/^(?:GET|PUT) .*\/blobs\//)).toBe(0);
          expect(scene.peer.openUploads()).toBe(0);
        }),
    })),
    {
      server: "does not mount, and answers with a page of HTML (200) when it is asked for a blob",
      client: "copies the blob",
      run: () => {
        const onRequest: SceneOptions["onRequest"] = ({ method, route }) =>
          method === "HEAD" && route?.kind === "blob"
            ? { status: 200, headers: { "Content-Type": "text/html" } }
            : undefined;
        return withScene({ mounts: 403, images: one, onRequest }, async (scene) => {
          expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
          expect(scene.count(/^PUT .*\/uploads\//)).toBe(2);
        });
      },
    },
    {
      server: "stores the blob, and hangs up without an answer",
      client: "finds the blob there and goes on",
      run: () => {
        let cuts = 0;
        const onRequest: SceneOptions["onRequest"] = ({ method, route }) =>
          method === "PUT" && route?.kind === "upload" && cuts++ === 0 ? { cut: "after" } : undefined;
        return withScene({ mounts: "refuse202", images: one, onRequest }, async (scene) => {
          expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
          expect(scene.count(/^PUT .*\/uploads\//)).toBe(2);
          // Each of the two before it is copied, and the lost one behind that.
          expect(scene.count(/^HEAD .*\/blobs\//)).toBe(3);
        });
      },
    },
    {
      server: "answers the commit with BLOB_UPLOAD_UNKNOWN while the blob is there",
      client: "asks by HEAD and goes on",
      run: async () => {
        let keep: () => void = () => undefined;
        const intercept = firstly(1, isCommit, (request, response) => {
          request.resume();
          keep();
          request.on("end", () => answer(response, 404, {}, '{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}'));
          return true;
        });
        await withScene({ mounts: "refuse202", images: one, intercept }, async (scene) => {
          keep = () => {
            scene.peer.putBlob("team/app", scene.peer.blob("src/0", scene.images[0]?.blobs[0] ?? "") ?? "");
            scene.peer.putBlob("team/app", scene.peer.blob("src/0", scene.images[0]?.blobs[1] ?? "") ?? "");
          };
          expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
          expect(scene.count(/^PUT .*\/uploads\//)).toBe(2);
        });
      },
    },
    {
      server: "answers the commit with 503, and --retries 0 is given",
      client: "does not begin again",
      run: () => {
        const onRequest: SceneOptions["onRequest"] = ({ method, route }) =>
          method === "PUT" && route?.kind === "upload" ? { status: 503 } : undefined;
        return withScene({ mounts: "refuse202", images: [{ layers: 0 }], onRequest }, async (scene) => {
          const { status, stderr } = await scene.push("--retries", "0");
          expect(status).toBe(1);
          expect(stderr).toMatch(
            /^failed to copy blob .*: received unexpected HTTP status: 503 Service Unavailable\n/,
          );
          expect(scene.count(/^PUT /)).toBe(1);
        });
      },
    },
    {
      server: "cuts a download half-way",
      client: "continues where it broke off (Range)",
      run: () => {
        const content = "0123456789".repeat(20_000);
        const intercept = firstly(1, isDownloadOf(content), (_, response) => half(response, content));
        return withScene({ mounts: 405, images: [{ layers: [content] }], intercept }, async (scene) => {
          expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
          const ranges = scene.peer.seen.flatMap(({ headers }) => headers.range ?? []);
          expect(ranges).toEqual([expect.stringMatching(/^bytes=[1-9]\d*-$/)]);
          expect(scene.count(/^PUT .*\/uploads\//)).toBe(2);
        });
      },
    },
    {
      server: "cuts a download half-way, and does not support Range",
      client: "starts again, and skips what it already has",
      run: () => {
        const content = "0123456789".repeat(20_000);
        const isDownload = isDownloadOf(content);
        let tries = 0;
        const intercept = (request: Incoming, response: Outgoing): boolean => {
          if (!isDownload(request)) return false;
          return tries++ === 0 ? half(response, content) : answer(response, 200, {}, content);
        };
        return withScene({ mounts: 405, images: [{ layers: [content] }], intercept }, async (scene) => {
          expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
          expect(tries).toBe(2);
        });
      },
    },
    {
      server: "compresses a blob on its way",
      client: "decodes it",
      run: () => {
        const content = "0123456789".repeat(20_000);
        const isDownload = isDownloadOf(content);
        const intercept = (request: Incoming, response: Outgoing): boolean =>
          isDownload(request) && answer(response, 200, { "Content-Encoding": "gzip" }, gzipSync(content));
        return withScene({ mounts: 405, images: [{ layers: [content] }], intercept }, async (scene) => {
          expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
        });
      },
    },
    {
      server: "declares a compressed blob as Content-Encoding",
      client: "takes it as it is",
      run: () => {
        const content = gzipSync("a layer");
        const onRequest: SceneOptions["onRequest"] = ({ method, path }) =>
          method === "GET" && path.endsWith(digestOf(content))
            ? {
                status: 200,
                headers: { "Content-Encoding": "gzip", "Content-Length": String(content.byteLength) },
                body: content,
              }
            : undefined;
        return withScene({ mounts: 405, images: [{ layers: [content] }], onRequest }, async (scene) => {
          expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
        });
      },
    },
    {
      server: "refuses to cancel an upload (DELETE: 405)",
      client: "ignores that",
      run: () => {
        const onRequest: SceneOptions["onRequest"] = ({ method }) =>
          method === "DELETE" ? { status: 405 } : undefined;
        return withScene({ mounts: "refuse202", images: one, onRequest }, async (scene) => {
          const { stderr } = await scene.push("--mount-only");
          expect(stderr).toMatch(/^error mounting src\/0@\S+ to \S+\nleave out --mount-only .*\n$/);
        });
      },
    },
    {
      server: "always answers a mount with 503",
      client: "fails, and does not treat it as a refused mount",
      run: () =>
        withScene({ mounts: 503, images: one }, async (scene) => {
          const { status, stderr } = await scene.push("--retries", "1");
          expect(status).toBe(1);
          expect(stderr).toMatch(/^failed to mount blob \S+ to \S+: received unexpected HTTP status: 503/);
          expect(scene.count(/^POST .*\/uploads\/$/)).toBe(0);
        }),
    },
    {
      server: "sends other content than the digest says",
      client: "stops before the last byte, and nothing is stored",
      run: () => {
        const onRequest: SceneOptions["onRequest"] = ({ method, route }) =>
          method === "GET" && route?.kind === "blob" ? { status: 200, body: "one layes" } : undefined;
        return withScene({ mounts: 405, images: one, onRequest }, async (scene) => {
          const { status, stderr } = await scene.push();
          expect(status).toBe(1);
          expect(stderr).toMatch(/the source sent (content with digest|9 bytes instead of)/);
          expect(scene.peer.blobs("team/app")).toEqual([]);
        });
      },
    },
    {
      server: "lies about a blob's size",
      client: "fails before anything is uploaded",
      run: () => {
        const onRequest: SceneOptions["onRequest"] = ({ method, route }) =>
          method === "GET" && route?.kind === "blob"
            ? { status: 200, body: "far more than the manifest says it is".repeat(20) }
            : undefined;
        return withScene({ mounts: 405, images: one, onRequest }, async (scene) => {
          const { status, stderr } = await scene.push();
          expect(status).toBe(1);
          expect(stderr).toMatch(/the source sent \d+ bytes instead of \d+/);
          expect(scene.count(/^PUT /)).toBe(0);
        });
      },
    },
    {
      server: "refuses uploads as well as mounts",
      client: "says that the mount failed, and why",
      run: () =>
        withScene(
          {
            images: one,
            onRequest: ({ method }) =>
              method === "POST"
                ? { status: 403, body: '{"errors":[{"code":"DENIED","message":"read only"}]}' }
                : undefined,
          },
          async (scene) => {
            const { status, stderr } = await scene.push();
            expect(status).toBe(1);
            expect(stderr).toMatch(
              /^failed to mount blob .*: denied: read only\nPOST http:.* answered 403; /,
            );
          },
        ),
    },
    {
      server: "refuses a child for good while blobs of another are being copied",
      client: "stops those copies and says what the registry said",
      run: () => {
        let stuck = 0;
        const intercept = (request: Incoming, response: Outgoing): boolean => {
          if (isMount(request)) return request.url?.includes("src%2F1") === true && answer(response, 405);
          // This upload never ends by itself.
          if (isCommit(request)) return ++stuck > 0;
          if (request.method !== "PUT" || stuck < 2) return false;
          request.resume();
          return answer(response, 415);
        };
        const hold: SceneOptions["onRequest"] = async ({ method }) => {
          while (method === "PUT" && stuck < 2) await new Promise((resolve) => setTimeout(resolve, 5));
          return method === "PUT" ? { status: 415 } : undefined;
        };
        return withScene({ intercept, onRequest: hold }, async (scene) => {
          const { status, stderr } = await scene.push("--retries", "0");
          expect(status).toBe(1);
          expect(stderr).toMatch(
            /^failed to put manifest .*answered 415; the registry does not take manifests of this type: try /s,
          );
          expect(scene.tag()).toBeUndefined();
        });
      },
    },
    ...[401, 403].map((code) => ({
      server: `refuses with ${code} to mount or to show a blob of two images where the first is`,
      client: "takes it from where the second is",
      run: () => {
        const onRequest: SceneOptions["onRequest"] = ({ path }) => {
          const isRefused = path.includes(SHARED) || path.includes(encodeURIComponent(SHARED));
          return isRefused && /src(?:%2F|\/)0/.test(path) ? { status: code } : undefined;
        };
        return withScene({ images: shared, onRequest }, async (scene) => {
          expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed, stderr: "" });
          expect(scene.peer.openUploads()).toBe(0);
        });
      },
    })),
    {
      server: "wants a name and password for a blob of two images where the first is, and the user has none",
      client: "takes it from where the second is",
      run: () => {
        const onRequest: SceneOptions["onRequest"] = ({ path }) => {
          const isRefused = path.includes(SHARED) || path.includes(encodeURIComponent(SHARED));
          return isRefused && /src(?:%2F|\/)0/.test(path) ? basicWanted : undefined;
        };
        return withScene({ images: shared, onRequest }, async (scene) => {
          expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed, stderr: "" });
          expect(scene.peer.openUploads()).toBe(0);
        });
      },
    },
    {
      server: "wants a name and password of whoever writes, and the user has none",
      client: "says so, and does not ask again and again",
      run: () => {
        const onRequest: SceneOptions["onRequest"] = ({ method }) =>
          method === "POST" ? basicWanted : undefined;
        const images = Array.from({ length: 10 }, (_, index) => ({ layers: [`layer ${index}`] }));
        return withScene({ images, onRequest }, async (scene) => {
          const { status, stderr } = await scene.push();
          expect(status).toBe(1);
          expect(stderr).toMatch(/^no basic auth credentials\nnot logged in to /m);
          expect(scene.count(/^POST .*mount=/)).toBeLessThanOrEqual(20);
          // One for each of the copies that are under way at once.
          expect(scene.count(/^POST .*\/uploads\/$/)).toBeLessThanOrEqual(4);
          expect(scene.count(/^GET /)).toBeLessThanOrEqual(4);
        });
      },
    },
    {
      server: "is behind a firewall that cuts every HEAD, and fails an upload (503)",
      client: "starts the copy again",
      run: () => {
        const fail = firstly(1, isCommit, (request, response) => {
          request.resume();
          request.on("end", () => answer(response, 503));
          return true;
        });
        const intercept = (request: Incoming, response: Outgoing): boolean =>
          request.method === "HEAD" ? reset(request) : fail(request, response);
        return withScene({ mounts: "refuse202", images: one, intercept }, async (scene) => {
          expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
          expect(scene.count(/^PUT .*\/uploads\//)).toBe(3);
          expect(scene.peer.openUploads()).toBe(0);
        });
      },
    },
    {
      server: "opens an upload in place of a mount just after the user interrupts the push",
      client: "waits for that answer, and cancels the upload",
      run: () => {
        let interrupt: () => void = () => undefined;
        const onRequest: SceneOptions["onRequest"] = async ({ method }) => {
          if (method !== "POST") return undefined;
          interrupt();
          await new Promise((resolve) => setTimeout(resolve, 100));
          return undefined;
        };
        return withScene({ mounts: "refuse202", onRequest }, async (scene) => {
          interrupt = () => {
            scene.interrupt();
          };
          expect((await scene.push()).status).not.toBe(0);
          // What was asked for is done by now, wanted or not.
          await new Promise((resolve) => setTimeout(resolve, 200));
          expect(scene.peer.openUploads()).toBe(0);
        });
      },
    },
    {
      server: "fails a mount with 503 while it refuses another with 403",
      client: "reports the 403, which is what ended the push",
      run: () => {
        const intercept = (request: Incoming, response: Outgoing): boolean => {
          if (!isMount(request)) return false;
          if (request.url?.includes("src%2F0") === true) return answer(response, 503, { "Retry-After": "1" });
          // Behind the first answer, so that its wait for another try is what is cut short.
          setTimeout(
            () => answer(response, 403, {}, '{"errors":[{"code":"DENIED","message":"not yours"}]}'),
            100,
          );
          return true;
        };
        return withScene({ intercept }, async (scene) => {
          const { status, stderr } = await scene.push("--mount-only");
          expect(status).toBe(1);
          expect(stderr).toMatch(/^failed to mount blob src\/1@\S+ to \S+: denied: not yours\n/);
        });
      },
    },
    {
      server: "sends a rate limit with bare line feeds to a mount (Docker Hub)",
      client: "waits and mounts, as after any rate limit",
      run: () => {
        const limit = "HTTP/1.1 429 Too Many Requests\nRetry-After: 0\nContent-Length: 0\n\n";
        const intercept = firstly(2, isMount, (request) => answerRaw(request, limit));
        return withScene({ intercept }, async (scene) => {
          expect(await scene.push("--concurrency", "1")).toMatchObject({ status: 0, stdout: scene.pushed });
          expect(scene.count(/^POST .*mount=/)).toBe(6);
        });
      },
    },
    {
      server: "refuses a mount, opens an upload and refuses the blob (413)",
      client: "cancels the upload",
      run: () =>
        withScene({ mounts: 403, maxBlobBytes: 4, images: one }, async (scene) => {
          const { status, stderr } = await scene.push("--retries", "0");
          expect(status).toBe(1);
          expect(stderr).toMatch(/^failed to copy blob /);
          expect(scene.peer.openUploads()).toBe(0);
        }),
    },
    {
      server: "fails in the middle of an upload, for good",
      client: "cancels every upload that it had begun",
      run: () => {
        const intercept = (request: Incoming): boolean => isCommit(request) && reset(request);
        return withScene({ mounts: "refuse202", images: one, intercept }, async (scene) => {
          expect(await scene.push("--retries", "2")).toMatchObject({ status: 1 });
          expect(scene.peer.openUploads()).toBe(0);
        });
      },
    },
    {
      server: "refuses one blob while others are being copied",
      client: "stops those, and leaves no upload open",
      run: () => {
        const onRequest: SceneOptions["onRequest"] = ({ method, path }) =>
          method === "GET" && path.includes("src/1/blobs") ? { status: 403 } : undefined;
        // The uploads of the other image never end by themselves.
        const intercept = (request: Incoming): boolean => isCommit(request);
        return withScene({ mounts: "refuse202", onRequest, intercept }, async (scene) => {
          const { status, stderr } = await scene.push("--retries", "0");
          expect(status).toBe(1);
          expect(stderr).toMatch(/^failed to copy blob src\/1@/);
          expect(scene.peer.openUploads()).toBe(0);
        });
      },
    },
    {
      server: "is in the middle of an upload when the user interrupts the push",
      client: "cancels the upload before it ends",
      run: () => {
        let interrupt: () => void = () => undefined;
        const intercept = (request: Incoming): boolean => {
          if (!isCommit(request)) return false;
          interrupt();
          return true;
        };
        return withScene({ mounts: "refuse202", images: one, intercept }, async (scene) => {
          interrupt = () => {
            scene.interrupt();
          };
          expect((await scene.push()).status).not.toBe(0);
          expect(scene.peer.openUploads()).toBe(0);
        });
      },
    },
    {
      server: "cuts a download after the last byte, before the end is marked",
      client: "takes it for complete",
      run: () => {
        const content = "0123456789".repeat(20_000);
        const intercept = firstly(1, isDownloadOf(content), (_, response) => unended(response, content));
        return withScene({ mounts: 405, images: [{ layers: [content] }], intercept }, async (scene) => {
          expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
          expect(scene.peer.seen.flatMap(({ headers }) => headers.range ?? [])).toEqual([]);
        });
      },
    },
    {
      server: "says 200 to an upload and everything after it, with a page of HTML",
      client: "does not believe that the blob is stored, and does not touch the tag",
      run: () => {
        let isAway = false;
        const intercept = (request: Incoming, response: Outgoing): boolean => {
          isAway ||= isCommit(request);
          return isAway && loginPage(request, response);
        };
        return withScene({ mounts: "refuse202", images: one, intercept }, async (scene) => {
          const { status, stderr } = await scene.push();
          expect(status).toBe(1);
          expect(stderr).toMatch(
            /^failed to copy blob .* answered 200: a page of HTML, but the blob is not known to be there\n/,
          );
          expect(scene.tag()).toBeUndefined();
        });
      },
    },
    {
      server:
        "loses its answer to an upload, and then sends a page of HTML to the question whether the blob is there",
      client: "does not believe it, and begins the upload again",
      run: () => {
        const lose = firstly(1, isCommit, (request) => reset(request));
        const intercept = (request: Incoming, response: Outgoing): boolean =>
          lose(request, response) ||
          (request.method === "HEAD" &&
            request.url?.includes("/blobs/") === true &&
            answer(response, 200, { "Content-Type": "text/html" }));
        return withScene({ mounts: "refuse202", images: one, intercept }, async (scene) => {
          expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
          expect(scene.count(/^PUT .*\/uploads\//)).toBe(3);
        });
      },
    },
    {
      server: "sends an upload on to another host (307)",
      client: "sends the blob there, fetched once more, and without credentials",
      run: async () => {
        const [paths, authorizations]: [string[], (string | undefined)[]] = [[], []];
        const store = await startPeer({ intercept: committed(paths, authorizations) });
        const intercept = (request: Incoming, response: Outgoing): boolean =>
          isCommit(request) &&
          request.headers.authorization !== undefined &&
          answer(response, 307, { Location: `http://${store.host}${request.url ?? ""}` });
        try {
          await withScene(
            {
              mounts: "refuse202",
              images: one,
              intercept,
              onRequest: lenient,
              auth: { kind: "basic", users: { me: SECRETS.password } },
              config: (host) => ({ auths: { [host]: { auth: btoa(`me:${SECRETS.password}`) } } }),
            },
            async (scene) => {
              expect(await scene.push()).toMatchObject({ status: 0 });
              expect(paths).toHaveLength(2);
              expect(authorizations).toEqual([undefined, undefined]);
            },
          );
        } finally {
          await store.close();
        }
      },
    },
    {
      server: "ends the token in the middle of a copy",
      client: "gets a new one, fetches the blob once more and completes the copy",
      run: () => {
        const content = "0123456789".repeat(20_000);
        const intercept = firstly(1, isCommit, (request, response) => {
          request.once("data", () => {
            const realm = `http://${request.headers.host ?? ""}/token`;
            answer(response, 401, { "WWW-Authenticate": `Bearer realm="${realm}",error="invalid_token"` });
          });
          return true;
        });
        return withScene(
          {
            mounts: "refuse202",
            images: [{ layers: [content] }],
            intercept,
            auth: { kind: "bearer", users: { me: SECRETS.password } },
            config: (host) => ({ auths: { [host]: { auth: btoa(`me:${SECRETS.password}`) } } }),
          },
          async (scene) => {
            expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
            expect(scene.count(/^PUT .*\/uploads\//)).toBe(3);
            expect(scene.peer.openUploads()).toBe(0);
          },
        );
      },
    },
  ],
};

const basicWanted = { status: 401, headers: { "WWW-Authenticate": 'Basic realm="x"' } };

const SHARED = digestOf(Buffer.from("shared"));
/** Two images with a layer in common. */
const shared = ["amd64", "arm64"].map((architecture) => ({ architecture, layers: ["shared"] }));

/** What a hotel's network answers to everything. */
function loginPage(request: Incoming, response: Outgoing): true {
  request.resume();
  request.on("end", () => answer(response, 200, { "Content-Type": "text/html" }, "<html>Welcome</html>"));
  return true;
}

function isDownloadOf(content: string): (request: Incoming) => boolean {
  const path = `/blobs/${digestOf(Buffer.from(content))}`;
  return ({ method, url }) => method === "GET" && url?.endsWith(path) === true;
}

/** Half a body, then the end of the connection. */
function half(response: Outgoing, content: string): true {
  if (!("createPushResponse" in response)) {
    response.writeHead(200, { "Content-Length": content.length });
    response.write(content.slice(0, content.length / 2), () =>
      setTimeout(() => response.socket?.destroy(), 50),
    );
  }
  return true;
}

/** A whole body without its end. */
function unended(response: Outgoing, content: string): true {
  if (!("createPushResponse" in response)) {
    response.writeHead(200, { "Transfer-Encoding": "chunked" });
    response.write(content, () => setTimeout(() => response.socket?.destroy(), 50));
  }
  return true;
}
