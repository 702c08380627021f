import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { TokenCache, type Token } from "../../../src/registry/auth/tokenCache.js";

const [work, otherWork] = [{}, {}];
const scopes = ["repository:app:pull,push", "repository:lib:pull"];

/** A source of tokens that counts, and can be held. */
function source(given: readonly string[] = scopes, lifetimeMs = 60_000) {
  let answer: (token: Token | undefined) => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  const fetches: Token[] = [];
  const make = (): Token => {
    const token = {
      value: `token ${fetches.length}`,
      scopes: given,
      askedAt: Date.now(),
      expiresAt: Date.now() + lifetimeMs,
    };
    fetches.push(token);
    return token;
  };
  return {
    fetches,
    fetch: () => Promise.resolve(make()),
    held: () => new Promise<Token | undefined>((resolve, reject) => ([answer, fail] = [resolve, reject])),
    answer: () => {
      answer(make());
    },
    refuse: () => {
      answer(undefined);
    },
    fail: (error: Error) => {
      fail(error);
    },
  };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("the token cache", () => {
  test("keeps a token until it ends", async () => {
    const [cache, { fetch, fetches }] = [new TokenCache(), source()];
    const token = await cache.obtain(scopes, work, fetch);
    expect(await cache.obtain([...scopes], otherWork, fetch)).toBe(token);
    vi.setSystemTime(Date.now() + 60_000);
    expect(await cache.obtain(scopes, work, fetch)).not.toBe(token);
    expect(fetches).toHaveLength(2);
  });

  test("has a token for a list of scopes in this order only", async () => {
    const [cache, { fetch, fetches }] = [new TokenCache(), source()];
    await cache.obtain(scopes, work, fetch);
    await cache.obtain([...scopes].reverse(), work, fetch);
    await cache.obtain(scopes.slice(0, 1), work, fetch);
    expect(fetches).toHaveLength(3);
  });

  test("fetches once for all that wait", async () => {
    const [cache, { held, answer, fetches }] = [new TokenCache(), source()];
    const waiting = [work, work, otherWork].map((by) => cache.obtain(scopes, by, held));
    answer();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(fetches));
    expect(fetches).toHaveLength(1);
  });

  test.each(["fails", "has no token"])("lets other work try for itself when a fetch %s", async (how) => {
    const [cache, first, second] = [new TokenCache(), source(), source()];
    const own = [cache.obtain(scopes, work, first.held), cache.obtain(scopes, work, first.fetch)];
    const other = cache.obtain(scopes, otherWork, second.fetch);
    if (how === "fails") first.fail(new Error("down"));
    else first.refuse();
    const results = await Promise.allSettled(own);
    const expected =
      how === "fails" ? { status: "rejected", reason: new Error("down") } : { status: "fulfilled" };
    for (const result of results) expect(result).toMatchObject(expected);
    expect(await other).toBe(second.fetches[0]);
    expect(first.fetches).toEqual([]);
  });

  test("tries again after a failure", async () => {
    const [cache, { fetch }] = [new TokenCache(), source()];
    await expect(cache.obtain(scopes, work, () => Promise.reject(new Error("down")))).rejects.toThrow("down");
    expect(await cache.obtain(scopes, work, () => Promise.resolve(undefined))).toBeUndefined();
    expect(await cache.obtain(scopes, work, fetch)).toBeDefined();
  });

  test("drops the token that was refused, and no newer one", async () => {
    const [cache, { fetch, fetches }] = [new TokenCache(), source()];
    await cache.obtain(scopes, work, fetch);
    const [old] = fetches;
    if (old === undefined) throw new Error("no token");
    cache.drop(old);
    const renewed = await cache.obtain(scopes, work, fetch);
    expect(renewed).not.toBe(old);
    cache.drop(old);
    expect(await cache.obtain(scopes, work, fetch)).toBe(renewed);
  });

  test("does not bring back a token that was dropped while another was fetched", async () => {
    const [cache, { fetch, fetches }, slow] = [new TokenCache(), source(), source(["repository:slow:pull"])];
    await cache.obtain(scopes, work, fetch);
    const other = cache.obtain(["repository:slow:pull"], work, slow.held);
    const [refused] = fetches;
    if (refused !== undefined) cache.drop(refused);
    slow.answer();
    await other;
    expect(await cache.obtain(scopes, work, fetch)).not.toBe(refused);
  });
});

describe("a token", () => {
  async function fetched(cache: TokenCache): Promise<Token> {
    const token = await cache.obtain(scopes, work, source().fetch);
    if (token === undefined) throw new Error("no token");
    return token;
  }

  test("is new for who was there before it was asked for", async () => {
    const cache = new TokenCache();
    const before = cache.begun;
    const token = await fetched(cache);
    expect(cache.isNew(token, before)).toBe(true);
    expect(cache.isNew(token, cache.begun)).toBe(false);
  });

  test("is not new for who came while it was fetched", async () => {
    const [cache, { held, answer }] = [new TokenCache(), source()];
    const promise = cache.obtain(scopes, work, held);
    const during = cache.begun;
    answer();
    const token = await promise;
    expect(token !== undefined && cache.isNew(token, during)).toBe(false);
  });

  test("is not new after a moment, or once it was of use", async () => {
    const cache = new TokenCache();
    const token = await fetched(cache);
    cache.accept(token);
    expect(cache.isNew(token, 0)).toBe(false);
    expect(cache.wasAccepted(token)).toBe(true);
    cache.drop(token);
    const second = await fetched(cache);
    expect(cache.isNew(second, 0)).toBe(true);
    vi.setSystemTime(Date.now() + 5_000);
    expect(cache.isNew(second, 0)).toBe(false);
  });
});
