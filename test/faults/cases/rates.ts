import { expect } from "vitest";
import { answer, type Incoming, type Outgoing } from "../../helpers/peer.js";
import { withScene, type Scene, type SceneOptions } from "../../helpers/scene.js";
import type { Concern, FaultCase } from "../faultCase.js";

type Hook = NonNullable<SceneOptions["onRequest"]>;

const TAG = /manifests\/v1$|[?&]tag=/;
const isPutOfTag: Matches = ({ method, path }) => method === "PUT" && TAG.test(path);
const isQuestion: Matches = ({ method, path }) =>
  method === "HEAD" && path.endsWith("/team/app/manifests/v1");

type Matches = (request: Parameters<Hook>[0]) => boolean;
type Overriding = Exclude<Awaited<ReturnType<Hook>>, undefined>;

/** The first request that matches has this in place of its answer. Each of several waits until the one before it has happened. */
function firstly(...faults: readonly (readonly [Matches, Overriding])[]): Hook {
  const left = [...faults];
  return (request) => {
    const [next] = left;
    return next?.[0](request) === true ? left.shift()?.[1] : undefined;
  };
}

const LIMITED: Overriding = { status: 429, headers: { "Retry-After": "0.05" } };
const LOST: Overriding = { cut: "after" };

/** Pushes, and expects that it works out with so many PUTs of the tag. */
function pushed(
  server: string,
  client: string,
  puts: number,
  options: SceneOptions,
  look: (scene: Scene) => void = () => undefined,
): FaultCase {
  return {
    server,
    client,
    run: () =>
      withScene(options, async (scene) => {
        expect(await scene.push()).toEqual(expect.objectContaining({ status: 0, stdout: scene.pushed }));
        expect(scene.count(/^PUT .*(?:\/v1$|[?&]tag=)/)).toBe(puts);
        look(scene);
      }),
  };
}

/** It acts on the first PUT of the tag, and answers otherwise. */
function acting(status: number): SceneOptions {
  let left = 1;
  const intercept = (request: Incoming, response: Outgoing): boolean => {
    if (request.method !== "PUT" || request.url?.endsWith("/v1") !== true || left-- <= 0) return false;
    const write = response.writeHead.bind(response);
    const writeHead = (): unknown => write(status, {});
    Object.defineProperty(response, "writeHead", { value: writeHead });
    return false;
  };
  return { intercept };
}

const auth = { kind: "bearer", users: { me: "pw" } } as const;
const config = (host: string): object => ({
  auths: { [host]: { auth: Buffer.from("me:pw").toString("base64") } },
});

/** When requests came, in milliseconds, by the order of their coming. */
function timed(hook: Hook): { readonly times: number[]; readonly onRequest: Hook } {
  const times: number[] = [];
  const onRequest: Hook = (request) => {
    times.push(performance.now());
    return hook(request);
  };
  return { times, onRequest };
}

export const rates: Concern = {
  title: "Rate limits, and answers that are lost",
  cases: [
    {
      server: "refuses one of many requests, and wants its clients to come back later (429, Retry-After)",
      client: "sends nothing at all until then",
      run: () => {
        let isRefused = false;
        const { times, onRequest } = timed(({ method }) => {
          if (method !== "POST" || isRefused) return undefined;
          isRefused = true;
          times.length = 0;
          return { status: 429, headers: { "Retry-After": "0.5" } };
        });
        const images = Array.from({ length: 20 }, (_, index) => ({ layers: [`layer ${index}`] }));
        return withScene({ onRequest, images }, async (scene) => {
          const start = performance.now();
          expect((await scene.push("--concurrency", "1")).status).toBe(0);
          expect(performance.now() - start).toBeGreaterThan(500);
          const [next = 0, ...others] = times;
          expect(others.length).toBeGreaterThan(20);
          expect(next - start).toBeGreaterThan(500);
        });
      },
    },
    {
      server: "asks for ten seconds without requests, and the user interrupts the push",
      client: "has reported the wait once, and ends immediately",
      run: () => {
        const onRequest: Hook = ({ method }) =>
          method === "POST" ? { status: 429, headers: { "Retry-After": "10" } } : undefined;
        const retryLimits = { baseMs: 1, capMs: 4, longestRetryAfterMs: 60_000, totalMs: 60_000 };
        return withScene({ onRequest, waits: { retryLimits } }, async (scene) => {
          const start = performance.now();
          setTimeout(() => {
            scene.interrupt();
          }, 500);
          const { status, stderr } = await scene.push();
          expect(status).not.toBe(0);
          expect(performance.now() - start).toBeLessThan(5_000);
          expect(stderr.match(/^WARNING: .*$/gm)).toEqual([
            expect.stringMatching(`^WARNING: ${scene.domain}: asks to wait 1[01] s$`),
          ]);
        });
      },
    },
    pushed(
      "limits the rate at its token server (429)",
      "waits, and gets its token",
      1,
      {
        auth,
        config,
        onRequest: firstly([({ path }) => path.startsWith("/token"), LIMITED]),
      },
      (scene) => {
        expect(scene.count(/\/token/)).toBe(2);
      },
    ),
    pushed(
      "moves the tag, and the connection breaks before its answer",
      "asks what the tag names, and does not move it again",
      1,
      { onRequest: firstly([isPutOfTag, LOST]) },
    ),
    ...[500, 502, 504].map((status) =>
      pushed(
        `moves the tag, and a proxy answers ${status}`,
        "asks what the tag names, and does not move it again",
        1,
        acting(status),
      ),
    ),
    pushed("has not moved the tag when the connection breaks", "asks what the tag names, and moves it", 2, {
      onRequest: firstly([isPutOfTag, { cut: "before" }]),
    }),
    {
      server: "moves three tags at once, and the connection breaks before its answer",
      client: "asks what each of them names, and does not move them again",
      run: () =>
        withScene({ onRequest: firstly([isPutOfTag, LOST]) }, async (scene) => {
          const { status } = await scene.push("--tag", "a", "--tag", "b");
          expect(status).toBe(0);
          expect(scene.count(/^PUT .*tag=/)).toBe(1);
          expect(scene.count(/^PUT .*\/(?:v1|a|b)$/)).toBe(0);
          for (const tag of ["v1", "a", "b"]) expect(scene.peer.tags("team/app")).toContain(tag);
        }),
    },
    pushed(
      "limits the rate (429) when the tag is moved, and then loses its answer",
      "waits, and then asks what the tag names",
      2,
      { onRequest: firstly([isPutOfTag, LIMITED], [isPutOfTag, LOST]) },
    ),
    pushed(
      "loses the answer when the tag is moved, and limits the rate of the question (429)",
      "waits, and asks again",
      1,
      { onRequest: firstly([isPutOfTag, LOST], [isQuestion, LIMITED]) },
    ),
    pushed(
      "loses the answer when the tag is moved, and the token has ended when it is asked (401)",
      "asks with another token",
      1,
      (() => {
        const lose = firstly([isPutOfTag, LOST]);
        let [isLost, isEnded] = [false, false];
        const onRequest: Hook = (request) => {
          if (isLost && !isEnded && isQuestion(request)) {
            isEnded = true;
            return { status: 401, headers: { "WWW-Authenticate": challengeOf(request) } };
          }
          const override = lose(request);
          isLost ||= override !== undefined;
          return override;
        };
        return { auth, config, onRequest };
      })(),
      (scene) => {
        expect(scene.count(/\/token/)).toBe(2);
        // Once before the tag is moved, and twice after.
        expect(scene.count(/^HEAD .*\/team\/app\/manifests\/v1$/)).toBe(3);
      },
    ),
    pushed(
      "loses the answer when the tag is moved, and a login page answers the question",
      "does not believe that page, and moves the tag again",
      2,
      (() => {
        let isLost = false;
        const intercept = (request: Incoming, response: Outgoing): boolean => {
          const isAbout = request.url?.endsWith("/team/app/manifests/v1") === true;
          if (!isAbout || !isLost || request.method === "PUT") return false;
          return answer(response, 200, { "Content-Type": "text/html" }, "<html></html>");
        };
        const lose = firstly([isPutOfTag, LOST]);
        const onRequest: Hook = (request) => {
          const override = lose(request);
          isLost ||= override !== undefined;
          return override;
        };
        return { intercept, onRequest };
      })(),
    ),
  ],
};

function challengeOf({ headers }: Parameters<Hook>[0]): string {
  return `Bearer realm="http://${headers.host ?? ""}/token",service="registry",error="invalid_token"`;
}
