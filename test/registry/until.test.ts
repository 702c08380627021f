import { expect, test } from "vitest";
import type { HttpRequest, HttpResponse, Send } from "../../src/registry/http/message.js";
import { until } from "../../src/registry/until.js";

const url = new URL("https://registry.example/v2/app/manifests/v1");
const get: HttpRequest = { method: "GET", url, idempotent: true };
const answer: HttpResponse = { status: 200, headers: {}, url, redirected: false, body: Buffer.alloc(0) };
/** As while all wait for one token. */
const never: Send = () => new Promise(() => undefined);

test("the end of a session ends a request that waits for something which others wait for too", async () => {
  const sent = until(never, AbortSignal.timeout(20))(get);
  await expect(sent).rejects.toMatchObject({ name: "TimeoutError" });
});

test("so does the end of the request itself", async () => {
  const sent = until(never, undefined)({ ...get, signal: AbortSignal.timeout(20) });
  await expect(sent).rejects.toMatchObject({ name: "TimeoutError" });
});

test("what may open an upload has a moment to be answered, and is not tried again", async () => {
  const over = new AbortController();
  const post: HttpRequest = { ...get, method: "POST", url: new URL("https://registry.example/v2/app/") };
  let seen = post;
  const send = until((request) => {
    seen = request;
    return new Promise((resolve) => setTimeout(resolve, 50, answer));
  }, over.signal);
  const sent = send(post);
  expect([seen.isNeeded?.(), seen.stop?.aborted]).toEqual([true, false]);
  over.abort();
  expect([seen.isNeeded?.(), seen.stop?.aborted]).toEqual([false, true]);
  expect(await sent).toBe(answer);
  await expect(send(post)).rejects.toMatchObject({ name: "AbortError" });
});

test("but not longer", async () => {
  const sent = until(never, AbortSignal.timeout(20))({ ...get, method: "POST" });
  await expect(sent).rejects.toMatchObject({ name: "TimeoutError" });
});

test("a failure behind the end is told as the end", async () => {
  const over = new AbortController();
  const send = until(() => {
    over.abort();
    return Promise.reject(new Error("not needed"));
  }, over.signal);
  await expect(send({ ...get, method: "POST" })).rejects.toMatchObject({ name: "AbortError" });
});

test("nothing is sent behind it, but what cleans up", async () => {
  const methods: string[] = [];
  const send = until(
    (request) => {
      methods.push(request.method);
      return Promise.resolve(answer);
    },
    AbortSignal.abort(new Error("over")),
  );
  await expect(send(get)).rejects.toThrow("over");
  expect(await send({ ...get, method: "DELETE" })).toMatchObject({ status: 200 });
  expect(methods).toEqual(["DELETE"]);
});

test("as many requests as there are may be under way", async () => {
  const warnings: Error[] = [];
  const listen = (warning: Error): void => void warnings.push(warning);
  process.on("warning", listen);
  const over = new AbortController();
  const send = until(never, over.signal);
  const sent = Array.from({ length: 100 }, () => send(get).catch(() => undefined));
  await new Promise((resolve) => setTimeout(resolve, 20));
  over.abort();
  await Promise.all(sent);
  process.off("warning", listen);
  expect(warnings).toEqual([]);
});
