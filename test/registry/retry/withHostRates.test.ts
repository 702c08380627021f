import { expect, test } from "vitest";
import type { HttpRequest, HttpResponse } from "../../../src/registry/http/message.js";
import { HostRates } from "../../../src/registry/retry/hostRate.js";
import { withHostRates } from "../../../src/registry/retry/withHostRates.js";

const url = new URL("https://registry.example/v2/app/manifests/v1");
const get: HttpRequest = { method: "GET", url, idempotent: true };
const answer = (status: number, retryAfter?: string): HttpResponse => ({
  status,
  headers: retryAfter === undefined ? {} : { "retry-after": retryAfter },
  url,
  redirected: false,
  body: Buffer.alloc(0),
});

test.each([
  [200, 2],
  [404, 2],
  [500, 1],
])(
  "a %i shows how much a host can take, or does not: %i under way behind a 503",
  async (status, expected) => {
    let next: () => Promise<HttpResponse> = () => Promise.resolve(answer(503));
    const send = withHostRates(() => next(), new HostRates({ concurrency: 2 }), { longestMs: 1000 });
    await send(get);
    next = () => Promise.resolve(answer(status));
    await send(get);
    let underWay = 0;
    next = () => {
      underWay++;
      return new Promise(() => undefined);
    };
    void send(get);
    void send(get);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(underWay).toBe(expected);
  },
);

test.each([
  ["90", 100_000, ["registry.example"]],
  ["90", 60_000, []],
  ["4", 100_000, []],
])(
  "a host that asks to be left alone for %s s, of at most %i ms, is told of: %j",
  async (retryAfter, longestMs, told) => {
    const hosts: string[] = [];
    const onThrottled = (host: string): unknown => hosts.push(host);
    const refused = (): Promise<HttpResponse> => Promise.resolve(answer(429, retryAfter));
    await withHostRates(refused, new HostRates(), { longestMs, onThrottled })(get);
    expect(hosts).toEqual(told);
  },
);
