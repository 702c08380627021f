import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  append,
  connect,
  copy,
  createDraft,
  diff,
  inspect,
  ManifestError,
  NotFoundError,
  pushList,
  type ListSource,
} from "../../src/index.js";
import { startRegistry, type Override, type RunningRegistry } from "../../src/testing/index.js";

/** Whatever goes wrong, what is thrown is a ManifestError with a code, or the reason of the signal. */

let registry: RunningRegistry;
let answer: Override | undefined;

beforeEach(async () => {
  answer = undefined;
  registry = await startRegistry({ onRequest: () => answer });
  registry.putImage("app", { tag: "v1", kind: "oci" });
});
afterEach(() => registry.close());

const options = { retries: 0 };
const name = (tag: string): string => `${registry.host}/app:${tag}`;
const caught = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

type Call = (from: string, to: string, more?: { signal?: AbortSignal }) => Promise<unknown>;
const calls: Readonly<Record<string, Call>> = {
  append: (from, to, more) => append(to, [from], { ...options, ...more }),
  copy: (from, to, more) => copy(from, to, { ...options, ...more }),
  createDraft: (from, to, more) => createDraft(to, [from], { ...options, ...more }),
  diff: (from, _, more) => diff(from, from, { ...options, ...more }),
  inspect: (from, _, more) => inspect(from, { ...options, ...more }),
  pushList: (from, to, more) => pushList(to, { from: [from], ...options, ...more }),
};

const answers: Readonly<Record<string, Override>> = {
  "a refused login": { status: 401 },
  "a refusal": { status: 403 },
  "nothing there": { status: 404 },
  "a failure": { status: 500 },
  "a page of HTML": { status: 200, headers: { "Content-Type": "text/html" }, body: "<p>log in</p>" },
  "JSON that is none": { status: 200, headers: { "Content-Type": "application/json" }, body: "{" },
  "a hang-up": { cut: "before" },
};

describe.each(Object.entries(calls))("%s", (_, call) => {
  it.each(Object.entries(answers))("throws a ManifestError for %s", async (_of, given) => {
    answer = given;
    const error = await caught(call(name("v1"), name("v2")));
    expect(error).toBeInstanceOf(ManifestError);
    expect(error).toMatchObject({ code: expect.stringMatching(/^[A-Z_]+$/) as string });
  });

  it("throws a NotFoundError for what is not there", async () => {
    const error = await caught(call(name("none"), name("v2")));
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({ code: "MANIFEST_UNKNOWN", subject: name("none") });
  });

  it("throws TRANSPORT where nobody listens", async () => {
    const error = await caught(call("127.0.0.1:1/app:v1", "127.0.0.1:1/app:v2"));
    expect(error).toMatchObject({ code: "TRANSPORT" });
  });

  it("throws the reason of its signal, before it has begun and after", async () => {
    const reason = new Error("enough");
    expect(await caught(call(name("v1"), name("v2"), { signal: AbortSignal.abort(reason) }))).toBe(reason);
    const abort = new AbortController();
    const silent = await startRegistry({ onRequest: () => new Promise<undefined>(() => undefined) });
    setTimeout(() => {
      abort.abort(reason);
    }, 50);
    const error = await caught(
      call(`${silent.host}/app:v1`, `${silent.host}/app:v2`, { signal: abort.signal }),
    );
    expect(error).toBe(reason);
    await silent.close();
  });

  it("says what is wrong with its arguments", async () => {
    expect(await caught(call("Not A Name", "Not A Name"))).toMatchObject({ code: "INVALID_REFERENCE" });
    // As a program in JavaScript may call it.
    const nothing = undefined as unknown as string;
    expect(await caught(call(nothing, nothing))).toMatchObject({ code: "USAGE" });
  });
});

describe("wrong arguments", () => {
  it.each<readonly [string, () => Promise<unknown>]>([
    ["no sources", () => pushList(name("v2"), { from: [] })],
    ["no target", () => copy(name("v1"), [])],
    ["a source that is none", () => pushList(name("v2"), { from: [{} as ListSource] })],
    ["half a retry", () => inspect(name("v1"), { retries: 0.5 })],
    ["a wait that is none", () => copy(name("v1"), name("v2"), { waitMs: NaN })],
    ["a layout as the name of a draft", () => createDraft("oci-layout://out", [name("v1")])],
  ])("are told: %s", async (_, call) => {
    expect(await caught(call())).toMatchObject({ name: "ManifestError", code: "USAGE" });
    expect(registry.log).toEqual([]);
  });

  it("are told of a connection", () => {
    expect(() => connect({ concurrency: 0 })).toThrow(ManifestError);
  });
});
