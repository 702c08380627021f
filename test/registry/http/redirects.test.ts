import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import type { HttpRequest, HttpResponse, Send } from "../../../src/registry/http/message.js";
import { withRedirects } from "../../../src/registry/http/redirects.js";

const get: HttpRequest = { method: "GET", url: new URL("https://r.example/v2/a"), idempotent: true };

/** A server whose answers are these, in order; it keeps what it was asked. */
function server(...answers: readonly (Partial<HttpResponse> & { readonly status: number })[]) {
  const requests: HttpRequest[] = [];
  const send: Send = (request) => {
    requests.push(request);
    const { url } = request;
    const body = Buffer.alloc(0);
    return Promise.resolve({
      headers: {},
      url,
      body,
      redirected: false,
      ...(answers[requests.length - 1] ?? { status: 500 }),
    });
  };
  return { requests, send };
}

const to = (location: string, status = 307) => ({ status, headers: { location } });

test.each([
  ["no redirect", [], false],
  ["a redirect to another host", [to("https://blobs.example/a")], true],
  ["a redirect within the host", [to("/v2/b")], true],
  ["two redirects", [to("https://blobs.example/a"), to("https://r.example/v2/a")], true],
])("an answer behind %s says so", async (_, redirects, redirected) => {
  const { send } = server(...redirects, { status: 401 });
  expect(await withRedirects(send, false)(get)).toMatchObject({ status: 401, redirected });
});

test.each([301, 302, 303, 307, 308])("a GET is sent on by %i", async (status) => {
  const { requests, send } = server(to("https://blobs.example/a", status), { status: 200 });
  expect(await withRedirects(send, false)(get)).toMatchObject({ status: 200 });
  expect(requests.map(({ method, url }) => `${method} ${url.href}`)).toEqual([
    "GET https://r.example/v2/a",
    "GET https://blobs.example/a",
  ]);
});

test.each([200, 201, 300, 304, 305, 404])("%i is no redirect", async (status) => {
  const { send } = server(to("https://blobs.example/a", status));
  expect(await withRedirects(send, false)(get)).toMatchObject({ status, redirected: false });
});

test("to plain HTTP is refused, unless the user allows it", async () => {
  const toHttp = to("http://blobs.example/a");
  await expect(withRedirects(server(toHttp).send, false)(get)).rejects.toThrow(/by plain HTTP/);
  const allowed = server(toHttp, { status: 200 });
  expect(await withRedirects(allowed.send, true)(get)).toMatchObject({ status: 200 });
});

test("without a Location is an error", async () => {
  await expect(withRedirects(server({ status: 302 }).send, false)(get)).rejects.toThrow(/no Location/);
});

describe.each(["POST", "PUT"] as const)("a %s", (method) => {
  const request: HttpRequest = {
    ...get,
    method,
    headers: { authorization: "Basic bWU6eA==", "content-type": "text/plain" },
    ...(method === "PUT" && { body: { length: 1, open: () => Readable.from(["x"]) } }),
  };

  test.each([307, 308])(
    "is sent on by %i as it is, with credentials within the host only",
    async (status) => {
      const { requests, send } = server(to("/v2/b", status), to("https://blobs.example/c", status), {
        status: 201,
      });
      const response = await withRedirects(send, false)(request);
      expect(response).toMatchObject({ status: 201, redirected: true });
      expect(requests.map(({ headers }) => headers?.["authorization"])).toEqual([
        "Basic bWU6eA==",
        "Basic bWU6eA==",
        undefined,
      ]);
      for (const sent of requests) {
        expect(sent).toMatchObject({ method, headers: { "content-type": "text/plain" } });
        expect(sent.body).toBe(request.body);
      }
    },
  );

  test.each([301, 302, 303])("is not sent on by %i", async (status) => {
    const { requests, send } = server(to("/v2/b", status));
    expect(await withRedirects(send, false)(request)).toMatchObject({ status, redirected: false });
    expect(requests).toHaveLength(1);
  });
});

test("a token request, whose body is a secret, is not sent on to another host", async () => {
  const body = "grant_type=refresh_token&refresh_token=secret";
  const request: HttpRequest = { ...get, method: "POST", body };
  const away = server(to("https://other.example/token"));
  expect(await withRedirects(away.send, false)(request)).toMatchObject({ status: 307 });
  expect(away.requests).toHaveLength(1);
  const within = server(to("/token2"), { status: 200 });
  expect(await withRedirects(within.send, false)(request)).toMatchObject({ status: 200 });
});
