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
