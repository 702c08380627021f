import { expect, test } from "vitest";
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
