import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { blobOf, manifestOf, TARGET, withStage, type StageOptions } from "./stage.js";

const auth = { kind: "bearer", users: { me: "secret" } } as const;
const credentials = () => Promise.resolve({ kind: "basic", username: "me", password: "secret" } as const);

describe("a session", () => {
  test("gets one token for all that it will need, the target first", () =>
    withStage({ auth, client: { credentials } }, async ({ client, peer, count }) => {
      peer.putBlob("src/0", "a");
      peer.putBlob("src/1", "b");
      const session = client.session({
        access: [
          { path: TARGET, actions: ["pull", "push"] },
          { path: "src/0", actions: ["pull"] },
          { path: "src/1", actions: ["pull"] },
        ],
      });
      const target = session.repository(TARGET);
      for (const [index, text] of ["a", "b"].entries()) {
        const sources = [session.repository(`src/${index}`)];
        expect(await target.ensureBlob(blobOf(text), sources, { mountOnly: true })).toEqual({
          kind: "mounted",
        });
      }
      await target.put(manifestOf("a"), ["v1"]);
      expect(count(/\/token/)).toBe(1);
      const [request = ""] = peer.requests.filter((one) => one.includes("/token"));
      expect(new URL(request.split(" ")[1] ?? "", "http://x").searchParams.getAll("scope")).toEqual([
        `repository:${TARGET}:pull,push`,
        "repository:src/0:pull",
        "repository:src/1:pull",
      ]);
    }));

  test("takes a repository once, with all that is done there, however often it is named", () =>
    withStage({ auth, client: { credentials } }, async ({ client, peer, count }) => {
      const session = client.session({
        access: [
          { path: TARGET, actions: ["pull", "push"] },
          { path: TARGET, actions: ["pull"] },
        ],
      });
      const target = session.repository(TARGET);
      await target.put(manifestOf("a"), ["v1"]);
      expect((await target.get("v1")).digest).toBe(manifestOf("a").digest);
      expect(count(/\/token/)).toBe(1);
      expect(count(/scope=.*scope=/)).toBe(0);
      expect(peer.tags(TARGET)).toEqual(["v1"]);
    }));

  test("follows another on the same connections", () =>
    withStage({}, async ({ client, peer }) => {
      for (const name of Array.from({ length: 10 }, (_, index) => `v${index}`)) {
        const session = client.session({ access: [{ path: TARGET, actions: ["pull", "push"] }] });
        await session.repository(TARGET).put(manifestOf(name), [name]);
      }
      expect(peer.connections).toBeLessThan(3);
    }));

  test("ends without another", () => {
    const onRequest: StageOptions["onRequest"] = async ({ path }) => {
      if (path.endsWith("slow")) await sleep(200);
      return undefined;
    };
    return withStage({ onRequest }, async ({ client }) => {
      const access = [{ path: TARGET, actions: ["pull", "push"] as const }];
      const ended = client.session({ access, signal: AbortSignal.timeout(50) }).repository(TARGET);
      const other = client.session({ access }).repository(TARGET);
      const results = await Promise.allSettled([ended.get("slow"), other.put(manifestOf("a"), ["slow"])]);
      expect(results).toMatchObject([
        { status: "rejected", reason: { name: "TimeoutError" } },
        { status: "fulfilled" },
      ]);
      await expect(ended.get("slow")).rejects.toMatchObject({ name: "TimeoutError" });
    });
  });
});

test("the time that is told of a request is not that of its wait for a turn", () =>
  withStage(
    { onRequest: () => sleep(100).then(() => undefined), client: { concurrency: 1 } },
    async ({ target, events }) => {
      await Promise.all(Array.from({ length: 5 }, (_, index) => target.resolve(`v${index}`)));
      const times = events.flatMap((event) => (event.kind === "exchange" ? [event.ms] : []));
      expect(times).toHaveLength(5);
      expect(Math.max(...times)).toBeLessThan(250);
    },
  ));

test("a client that is closed ends what is under way", () =>
  withStage({ onRequest: () => sleep(60_000).then(() => undefined) }, async ({ client, target }) => {
    const got = target.get("v1");
    await Promise.all([expect(got).rejects.toThrow(), sleep(50).then(() => client.close())]);
  }));
