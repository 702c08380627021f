import { describe, expect, test } from "vitest";
import type { HttpRequest, HttpResponse, Send } from "../../../src/registry/http/message.js";
import { TransportError } from "../../../src/registry/http/transportError.js";
import { withRetry } from "../../../src/registry/retry/retry.js";

const url = new URL("https://registry.example/v2/app/manifests/v1");
const get: HttpRequest = { method: "GET", url, idempotent: true };
const limits = { baseMs: 1, capMs: 2, longestRetryAfterMs: 100, totalMs: 1000 };

const answer = (status: number): HttpResponse => ({
  status,
  headers: {},
  url,
  redirected: false,
  body: Buffer.from('{"errors":[{"code":"UNAVAILABLE","message":"later"}]}'),
});
const broken = (code: string): TransportError =>
  new TransportError("GET", url, Object.assign(new Error(code), { code }));

/** A server that ends its tries like this, the last of them for ever. */
function server(...results: (HttpResponse | TransportError)[]) {
  let tries = 0;
  const send: Send = () => {
    const result = results[Math.min(tries++, results.length - 1)] ?? answer(200);
    return result instanceof Error ? Promise.reject(result) : Promise.resolve(result);
  };
  return { send, tries: () => tries };
}

describe("a request is sent", () => {
  test("again until it is answered", async () => {
    const { send, tries } = server(answer(503), broken("ECONNRESET"), answer(200));
    expect(await withRetry(send, { retries: 5, limits })(get)).toMatchObject({ status: 200 });
    expect(tries()).toBe(3);
  });

  test("again as often as allowed, and what the last try ended with is passed on", async () => {
    const { send, tries } = server(answer(503));
    expect(await withRetry(send, { retries: 2, limits })(get)).toMatchObject({ status: 503 });
    expect(tries()).toBe(3);
  });

  test("once more where the connection breaks, if it says so", async () => {
    const { send, tries } = server(broken("ECONNRESET"));
    const sent = withRetry(send, { retries: 5, limits })({ ...get, retriesWhenBroken: 1 });
    await expect(sent).rejects.toThrow(TransportError);
    expect(tries()).toBe(2);
  });

  test("once, if the answer is final", async () => {
    const { send, tries } = server(answer(403));
    expect(await withRetry(send, { retries: 5, limits })(get)).toMatchObject({ status: 403 });
    expect(tries()).toBe(1);
  });
});

describe("a stop", () => {
  test("ends the wait for another try; the last failure is told as what it cut short", async () => {
    const stop = new AbortController();
    const { send, tries } = server(answer(503));
    const slow = { ...limits, baseMs: 60_000, capMs: 60_000, totalMs: 120_000 };
    const onRetry = (): void => {
      setTimeout(() => {
        stop.abort();
      });
    };
    const sent = withRetry(send, { retries: 5, limits: slow, onRetry })({ ...get, stop: stop.signal });
    await expect(sent).rejects.toMatchObject({ code: "STOPPED", cause: { code: "REGISTRY", status: 503 } });
    expect(tries()).toBe(1);
  });

  test("leaves a try under way to end, and does not try again", async () => {
    const { send, tries } = server(broken("ECONNRESET"));
    const sent = withRetry(send, { retries: 5, limits })({ ...get, stop: AbortSignal.abort() });
    await expect(sent).rejects.toMatchObject({ code: "STOPPED", cause: { code: "TRANSPORT" } });
    expect(tries()).toBe(1);
  });

  test.each([200, 403, 404])(
    "changes nothing about a %i, which would not have been tried again",
    async (status) => {
      const { send } = server(answer(status));
      const sent = withRetry(send, { retries: 5, limits })({ ...get, stop: AbortSignal.abort() });
      expect(await sent).toMatchObject({ status });
    },
  );

  test("changes nothing about the last of all tries", async () => {
    const { send } = server(answer(503));
    const sent = withRetry(send, { retries: 0, limits })({ ...get, stop: AbortSignal.abort() });
    expect(await sent).toMatchObject({ status: 503 });
  });
});

test("an interruption ends the wait with its own reason", async () => {
  const { send } = server(answer(503));
  const signal = AbortSignal.timeout(20);
  const slow = { ...limits, baseMs: 60_000, capMs: 60_000, totalMs: 120_000 };
  await expect(withRetry(send, { retries: 5, limits: slow })({ ...get, signal })).rejects.toThrow(/timeout/);
});
