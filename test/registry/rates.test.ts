import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import {
  createRegistry,
  HostRates,
  type RegistryClient,
  type RegistryEvent,
  type RegistryOptions,
} from "../../src/registry/createRegistry.js";
import type { Repository } from "../../src/content/repository.js";
import { startRegistry, type Override, type SeenRequest } from "../../src/testing/index.js";
import { answer, type Incoming } from "../helpers/peer.js";
import { blobOf, limits, manifestOf, TARGET, withStage, type StageOptions } from "./stage.js";

const manifest = manifestOf("a");
const access = [{ path: TARGET, actions: ["pull", "push"] as const }];
const open = (client: RegistryClient): Repository => client.session({ access }).repository(TARGET);

/** A registry that has room for so many requests a second, and for so many at once after a while. */
function limitedTo(perSecond: number, burst: number, retryAfter?: string) {
  let [left, at] = [burst, performance.now()];
  const seen = { all: 0, refused: 0 };
  const onRequest = (): Override | undefined => {
    const now = performance.now();
    left = Math.min(burst, left + ((now - at) / 1000) * perSecond);
    at = now;
    seen.all++;
    if (left >= 1) {
      left--;
      return undefined;
    }
    seen.refused++;
    return { status: 429, headers: { ...(retryAfter !== undefined && { "Retry-After": retryAfter }) } };
  };
  return { seen, onRequest };
}

/** The first requests that match are refused for so many seconds. */
function refusing(
  times: number,
  retryAfter: string | undefined,
  matches: (request: SeenRequest) => boolean = () => true,
) {
  let left = times;
  return (request: SeenRequest): Override | undefined =>
    matches(request) && left-- > 0
      ? { status: 429, headers: { ...(retryAfter !== undefined && { "Retry-After": retryAfter }) } }
      : undefined;
}

describe("a registry that takes 50 requests a second of each client, and refuses more", () => {
  test.each([50, 10])(
    "answers 500 of one client, and few are refused (%i at once)",
    async (burst) => {
      const { seen, onRequest } = limitedTo(50, burst);
      const registry = await startRegistry({ onRequest });
      registry.putManifest(TARGET, manifest.mediaType, manifest.bytes, "v1");
      const client = await createRegistry({ domain: registry.host });
      try {
        const target = open(client);
        const found = await Promise.all(Array.from({ length: 500 }, () => target.resolve("v1")));
        expect(new Set(found.map((one) => one?.digest))).toEqual(new Set([manifest.digest]));
        expect(seen.all).toBeGreaterThanOrEqual(500);
        // All that are under way at the first refusal may be refused: 64 at most.
        expect(seen.refused / seen.all).toBeLessThan(0.15);
      } finally {
        await client.close();
        await registry.close();
      }
    },
    60_000,
  );
});

test.each(["0", "Thu, 01 Jan 1970 00:00:00 GMT", "0.001", "1ms"])(
  "a registry that refuses too many with Retry-After: %s is asked less all the same",
  async (retryAfter) => {
    const { seen, onRequest } = limitedTo(50, 50, retryAfter);
    await withStage({ onRequest }, async ({ target }) => {
      await Promise.all(Array.from({ length: 120 }, (_, at) => target.resolve(`v${at}`)));
      expect(seen.refused / seen.all).toBeLessThan(0.4);
    });
  },
);

test("a registry that refuses one request in passing is not asked much slower for it", () =>
  withStage(
    { onRequest: refusing(1, undefined, ({ path }) => path.endsWith("v50")) },
    async ({ target, count }) => {
      const start = performance.now();
      await Promise.all(Array.from({ length: 200 }, (_, at) => target.resolve(`v${at}`)));
      expect(count(/^HEAD/)).toBe(201);
      expect(performance.now() - start).toBeLessThan(4_000);
    },
  ));

describe("a host that asks to be left alone", () => {
  /** Puts something at each moment, and tells how long all took, by when each request came. */
  const timesOf = (wanted: RegExp, times: number[]): NonNullable<StageOptions["intercept"]> => {
    const start = performance.now();
    return ({ url = "" }: Incoming) => {
      if (wanted.test(url)) times.push(performance.now() - start);
      return false;
    };
  };

  test("is left alone by all requests, whichever of them was told", async () => {
    const times: number[] = [];
    const intercept = timesOf(/v\d/, times);
    const onRequest = refusing(1, "0.5");
    await withStage({ intercept, onRequest }, async ({ target }) => {
      const first = target.resolve("v0");
      await sleep(100);
      const others = ["v1", "v2", "v3"].map((tag) => target.resolve(tag));
      await Promise.all([first, ...others]);
      expect(times).toHaveLength(5);
      const [refused = 0, ...later] = times;
      for (const time of later) expect(time - refused).toBeGreaterThan(450);
    });
  });

  test("is left alone by those that fetch blobs, too", () =>
    withStage(
      { onRequest: refusing(1, "0.4", ({ path }) => path.endsWith("v0")) },
      async ({ target, peer }) => {
        const blob = blobOf("some bytes");
        peer.putBlob(TARGET, "some bytes");
        const first = target.resolve("v0");
        await sleep(100);
        const start = performance.now();
        (await target.openBlob(blob, 0)).stream.destroy();
        expect(performance.now() - start).toBeGreaterThan(200);
        await first;
      },
    ));

  test("is left alone by all clients that have the same rates, and by no others", async () => {
    const rates = new HostRates();
    await withStage({ onRequest: refusing(1, "0.5"), client: { rates } }, async ({ peer, target }) => {
      const clients = await Promise.all(
        [{ rates }, {}].map((options) => createRegistry({ domain: peer.host, ...options })),
      );
      const [related, unrelated] = clients.map(open);
      const first = target.resolve("v0");
      await sleep(100);
      const start = performance.now();
      await unrelated?.resolve("v1");
      expect(performance.now() - start).toBeLessThan(250);
      await related?.resolve("v1");
      expect(performance.now() - start).toBeGreaterThan(300);
      await first;
      await Promise.all(clients.map((client) => client.close()));
    });
  });

  test("is left alone where it is a redirect that leads there, and the registry is not", () =>
    withStage({ onRequest: refusing(1, "0.5") }, async ({ peer: store }) => {
      const intercept: StageOptions["intercept"] = (request, response) =>
        request.url?.includes("stored") === true &&
        answer(response, 307, { Location: `http://${store.host}${request.url}` });
      await withStage({ intercept }, async ({ target, peer }) => {
        peer.putManifest(TARGET, manifest.mediaType, manifest.bytes, "v1");
        store.putManifest(TARGET, manifest.mediaType, manifest.bytes, "stored");
        const start = performance.now();
        const stored = target.get("stored");
        await sleep(100);
        await target.get("v1");
        expect(performance.now() - start).toBeLessThan(350);
        await target.get("stored");
        expect(performance.now() - start).toBeGreaterThan(450);
        expect((await stored).digest).toBe(manifest.digest);
        expect(store.seen).toHaveLength(3);
      });
    }));

  test("may be a token server", () => {
    const credentials = () => Promise.resolve({ kind: "basic", username: "me", password: "secret" } as const);
    const onRequest = refusing(2, "0.2", ({ path }) => path.startsWith("/token"));
    const auth = { kind: "bearer", users: { me: "secret" } } as const;
    const client = {
      credentials,
      patient: true,
      retries: 1,
      retryLimits: { ...limits, longestRetryAfterMs: 50 },
    };
    return withStage({ auth, onRequest, client }, async ({ target, peer, count }) => {
      await target.put(manifest, ["v1"]);
      expect(peer.tags(TARGET)).toEqual(["v1"]);
      expect(count(/\/token/)).toBe(3);
    });
  });

  test("for more than five seconds is told of once, and a client that is closed does not wait for it", async () => {
    const onRequest = (): Override => ({ status: 429, headers: { "Retry-After": "90" } });
    const client = { retryLimits: { ...limits, longestRetryAfterMs: 100_000, totalMs: 200_000 } };
    await withStage({ onRequest, client }, async ({ target, client: opened, events, peer }) => {
      const all = Array.from({ length: 5 }, (_, at) => target.resolve(`v${at}`));
      const results = Promise.allSettled(all);
      await sleep(200);
      const late = Promise.allSettled([target.resolve("late")]);
      await sleep(50);
      const told = events.flatMap((event) => (event.kind === "throttled" ? [event] : []));
      expect(told).toEqual([
        { kind: "throttled", host: peer.host, waitMs: expect.closeTo(94_500, -4) as number },
      ]);
      expect(peer.seen).toHaveLength(5);
      await opened.close();
      for (const { status } of [...(await results), ...(await late)]) expect(status).toBe("rejected");
    });
  });

  test.each(["signal", "stop"] as const)("is not waited for any more when %s ends it", (by) =>
    withStage(
      { onRequest: refusing(1, "60"), client: { retries: 0, patient: true } },
      async ({ target, peer }) => {
        await expect(target.get("v0")).rejects.toMatchObject({ status: 429 });
        const over = new AbortController();
        const waiting = target.get("v1", { [by]: over.signal });
        setTimeout(() => {
          over.abort(new Error("enough"));
        }, 50);
        await expect(waiting).rejects.toMatchObject(
          by === "signal" ? { message: "enough" } : { code: "STOPPED" },
        );
        expect(peer.seen).toHaveLength(1);
      },
    ),
  );
});

describe("a wait of 90 seconds, where more than 60 are too many (all by a hundred)", () => {
  const retryLimits = { ...limits, longestRetryAfterMs: 600, totalMs: 800 };
  const ask = async (
    client: Partial<RegistryOptions>,
    onRequest: StageOptions["onRequest"],
  ): Promise<{ result: unknown; ms: number; requests: number; events: readonly RegistryEvent[] }> => {
    let result: unknown;
    let [ms, requests] = [0, 0];
    const events: RegistryEvent[] = [];
    await withStage(
      { onRequest, client: { retryLimits, ...client } },
      async ({ target, peer, events: all }) => {
        peer.putManifest(TARGET, manifest.mediaType, manifest.bytes, "v1");
        const start = performance.now();
        result = await target.get("v1").then(
          ({ digest }) => digest,
          (error: unknown) => error,
        );
        ms = performance.now() - start;
        requests = peer.seen.length;
        events.push(...all);
      },
    );
    return { result, ms, requests, events };
  };

  test("is not waited for, and the next request is not kept waiting either", () =>
    withStage(
      { onRequest: refusing(1, "0.9"), client: { retryLimits } },
      async ({ target, peer, events }) => {
        peer.putManifest(TARGET, manifest.mediaType, manifest.bytes, "v1");
        const start = performance.now();
        await expect(target.get("v1")).rejects.toMatchObject({ status: 429 });
        await target.get("v1");
        expect(performance.now() - start).toBeLessThan(600);
        expect(events.some(({ kind }) => kind === "throttled")).toBe(false);
      },
    ));

  test("is waited for with patience, again and again, and uses up no tries and no time", async () => {
    const asked = await ask({ patient: true, retries: 1 }, refusing(3, "0.9"));
    expect(asked).toMatchObject({ result: manifest.digest, requests: 4 });
    expect(asked.ms).toBeGreaterThan(2_700);
  });

  test("is waited for with patience where a 503 asks for it", async () => {
    const down: Override = { status: 503, headers: { "Retry-After": "0.9" } };
    let left = 2;
    const asked = await ask({ patient: true, retries: 1 }, () => (left-- > 0 ? down : undefined));
    expect(asked).toMatchObject({ result: manifest.digest, requests: 3 });
  });

  test("is not waited for where there are no retries", async () => {
    const asked = await ask({ patient: true, retries: 0 }, refusing(1, "0.9"));
    expect(asked).toMatchObject({ result: { status: 429 }, requests: 1 });
    expect(asked.ms).toBeLessThan(800);
  });

  test("that nobody has asked for is waited for as long as patience lasts", async () => {
    const patient = { patient: true, retries: 1 };
    const asked = await ask(
      { ...patient, retryLimits: { ...retryLimits, patienceMs: 2_000 } },
      refusing(6, undefined),
    );
    expect(asked).toMatchObject({ result: manifest.digest, requests: 7 });
    const forGood = refusing(Infinity, undefined);
    const over = await ask(
      { ...patient, retryLimits: { ...retryLimits, baseMs: 50, capMs: 100, patienceMs: 300 } },
      forGood,
    );
    expect(over).toMatchObject({ result: { status: 429 } });
    expect(over.requests).toBeGreaterThan(2);
    const impatient = await ask({ retries: 1 }, refusing(6, undefined));
    expect(impatient).toMatchObject({ result: { status: 429 }, requests: 2 });
  });

  test("does not end what waits in line for it, when something else fails behind it", async () => {
    // The first is told to wait; the second waits in line, longer than all of its tries may take, and then fails once.
    let isDown = true;
    const onRequest = ({ path }: SeenRequest): Override | undefined => {
      if (path.endsWith("first")) return refuse({ path } as SeenRequest);
      if (!isDown) return undefined;
      isDown = false;
      return { status: 500 };
    };
    const refuse = refusing(1, "1.2");
    const client = { patient: true, retries: 2, retryLimits };
    await withStage({ onRequest, client }, async ({ target, peer }) => {
      peer.putManifest(TARGET, manifest.mediaType, manifest.bytes, "v1");
      const first = target.resolve("first");
      await sleep(100);
      expect((await target.get("v1")).digest).toBe(manifest.digest);
      await first;
    });
  });

  test("is no part of the time that those have who wait in line for it", () => {
    let isUp = false;
    const refuse = refusing(1, "0.45");
    const onRequest = (request: SeenRequest): Override | undefined => {
      if (request.path.endsWith("first")) return refuse(request);
      if (isUp) return undefined;
      isUp = true;
      return { status: 500 };
    };
    const client = { retryLimits: { ...retryLimits, totalMs: 300 } };
    return withStage({ onRequest, client }, async ({ target, peer }) => {
      peer.putManifest(TARGET, manifest.mediaType, manifest.bytes, "v1");
      const first = expect(target.get("first")).rejects.toMatchObject({ status: 429 });
      await sleep(50);
      const start = performance.now();
      expect((await target.get("v1")).digest).toBe(manifest.digest);
      expect(performance.now() - start).toBeGreaterThan(350);
      await first;
    });
  });

  test("is waited for with patience by an upload, which is begun again as often as it takes", () => {
    let left = 3;
    const intercept: StageOptions["intercept"] = (request, response) => {
      const isUpload = request.method === "PUT" && request.url?.includes("/blobs/uploads/") === true;
      if (!isUpload || left-- <= 0) return false;
      request.resume();
      request.on("end", () => answer(response, 429, { "Retry-After": "0.3" }));
      return true;
    };
    const client = { patient: true, retries: 1, retryLimits: { ...retryLimits, longestRetryAfterMs: 50 } };
    return withStage({ intercept, mounts: 405, client }, async ({ target, repository, peer }) => {
      peer.putBlob("src/a", "layer");
      const outcome = await target.ensureBlob(blobOf("layer"), [repository("src/a")], { mountOnly: false });
      expect(outcome).toMatchObject({ kind: "copied" });
      expect(peer.hasBlob(TARGET, blobOf("layer").digest)).toBe(true);
    });
  });
});

describe("the retries of a session", () => {
  test.each([
    [0, 3],
    [3, 0],
    [2, undefined],
  ])("are its own: %i of a client, %s of it", (ofClient, ofSession) =>
    withStage(
      { onRequest: () => ({ status: 502 }), client: { retries: ofClient } },
      async ({ client, count }) => {
        const target = client.session({ access, retries: ofSession }).repository(TARGET);
        await expect(target.get("v1")).rejects.toMatchObject({ status: 502 });
        expect(count(/^GET/)).toBe(1 + (ofSession ?? ofClient));
      },
    ),
  );

  test("are those of its uploads, too", () =>
    withStage(
      {
        mounts: 405,
        client: { retries: 0 },
        onRequest: ({ method, route }) =>
          method === "PUT" && route?.kind === "upload" ? { status: 502 } : undefined,
      },
      async ({ client, peer, count }) => {
        peer.putBlob("src/a", "layer");
        const session = client.session({
          access: [...access, { path: "src/a", actions: ["pull"] }],
          retries: 2,
        });
        const copied = session
          .repository(TARGET)
          .ensureBlob(blobOf("layer"), [session.repository("src/a")], { mountOnly: false });
        await expect(copied).rejects.toThrow();
        expect(count(/^PUT/)).toBe(3);
      },
    ));
});
