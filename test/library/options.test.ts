import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type * as z from "zod/mini";
import {
  append,
  connect,
  copy,
  createDraft,
  diff,
  inspect,
  pushList,
  userDocker,
  type AppendListOptions,
  type BuildSource,
  type CallOptions,
  type ConnectOptions,
  type CopyOptions,
  type DraftOptions,
  type ImageSource,
  type PushDraftOptions,
  type PushListOptions,
  type UserDockerOptions,
} from "../../src/index.js";
import type * as options from "../../src/library/options.js";
import { startRegistry, type RunningRegistry } from "../../src/testing/index.js";

/** Programs in JavaScript are told what is wrong with their arguments, before anything is sent. */

/** The options that are checked are those of the types: the compiler refuses this file otherwise. */
type Same<One, Other> = [One, Other] extends [Other, One] ? true : never;
type Checked<Schema extends z.ZodMiniType> = keyof z.input<Schema>;
const areInStep: readonly true[] = [
  true satisfies Same<Checked<typeof options.CONNECT_OPTIONS>, keyof ConnectOptions>,
  true satisfies Same<Checked<typeof options.CALL_OPTIONS>, keyof CallOptions>,
  true satisfies Same<Checked<typeof options.COPY_OPTIONS>, keyof CopyOptions>,
  true satisfies Same<Checked<typeof options.DRAFT_OPTIONS>, keyof DraftOptions>,
  true satisfies Same<Checked<typeof options.PUSH_LIST_OPTIONS>, keyof PushListOptions>,
  true satisfies Same<Checked<typeof options.PUSH_DRAFT_OPTIONS>, keyof PushDraftOptions>,
  true satisfies Same<Checked<typeof options.APPEND_OPTIONS>, keyof AppendListOptions>,
  true satisfies Same<Checked<typeof options.USER_DOCKER_OPTIONS>, keyof UserDockerOptions>,
  true satisfies Same<Checked<typeof options.IMAGE_SOURCE>, keyof ImageSource>,
  true satisfies Same<Checked<typeof options.BUILD_SOURCE>, keyof BuildSource>,
];

let registry: RunningRegistry;
beforeEach(async () => {
  registry = await startRegistry();
  registry.putImage("app", { tag: "v1", kind: "oci" });
});
afterEach(() => registry.close());

const name = (tag: string): string => `${registry.host}/app:${tag}`;

/** Anything, as a program in JavaScript may pass it. */
const js = (given: unknown): never => given as never;

/** Each call with these options. */
const calls: Readonly<Record<string, (given: unknown) => Promise<unknown>>> = {
  append: (given) => append(name("v2"), [name("v1")], js(given)),
  copy: (given) => copy(name("v1"), name("v2"), js(given)),
  createDraft: (given) => createDraft(name("v2"), [name("v1")], js(given)),
  diff: (given) => diff(name("v1"), name("v1"), js(given)),
  inspect: (given) => inspect(name("v1"), js(given)),
  pushList: (given) =>
    pushList(name("v2"), js(given === null ? null : Object.assign({ from: [name("v1")] }, given))),
};

async function refused(work: Promise<unknown>): Promise<unknown> {
  const error: unknown = await work.then(
    () => "it was taken",
    (thrown: unknown) => thrown,
  );
  expect(registry.log).toEqual([]);
  expect(error).toMatchObject({ name: "ManifestError", code: "USAGE" });
  return error;
}

it("the options that are checked are those that there are", () => {
  expect(areInStep).not.toContain(false);
});

describe.each(Object.entries(calls))("%s", (_, call) => {
  it.each<readonly [string, unknown]>([
    ["docker", true],
    ["docker", {}],
    ["credentials", { username: "me" }],
    ["insecure", 5],
    ["plainHttp", "yes"],
    ["ca", "garbage"],
    ["ca", ["garbage"]],
    ["onRequest", true],
    ["onWarning", "warn"],
    ["retries", 0.5],
    ["concurrency", 0],
    ["patient", "yes"],
    ["timeouts", 5],
    ["timeouts.connect", { connect: -1 }],
    ["retryLimits", 5],
    ["userAgent", "a\nb"],
    ["connection", "mine"],
    ["signal", {}],
  ])("is told which option is wrong: %s", async (path, given) => {
    const [key = ""] = path.split(".");
    const error = await refused(call({ [key]: given }));
    expect(error).toMatchObject({
      subject: path,
      message: expect.stringMatching(`^${path} must be `) as string,
    });
  });

  it("is told of an option that there is not, and which was meant", async () => {
    expect(await refused(call({ retires: 0 }))).toMatchObject({
      message: "there is no option retires",
      subject: "retires",
      hint: "did you mean retries?",
    });
    expect(await refused(call({ timeouts: { connectMs: 1 } }))).toMatchObject({
      message: "there is no option timeouts.connectMs",
      hint: "did you mean timeouts.connect?",
    });
    expect(await refused(call({ somethingElse: 1 }))).toMatchObject({ hint: undefined });
  });

  it("is told of options that are none", async () => {
    expect(await refused(call(null))).toMatchObject({ message: "the options must be an object" });
  });
});

describe("what only some calls take", () => {
  it.each<readonly [string, string, unknown]>([
    ["append", "mode", "bogus"],
    ["append", "verify", "x"],
    ["copy", "verify", "x"],
    ["copy", "waitMs", NaN],
    ["copy", "referrers", 1],
    ["copy", "platforms", "linux/amd64"],
    ["copy", "onEvent", "progress"],
    ["createDraft", "type", "bogus"],
    ["createDraft", "waitMs", -1],
    ["pushList", "attestations", "bogus"],
    ["pushList", "expect", "linux/amd64"],
    ["pushList", "platforms", [5]],
    ["pushList", "strict", "yes"],
    ["pushList", "subject", 5],
    ["pushList", "artifactType", 5],
    ["pushList", "annotations", "a=b"],
    ["pushList", "from", "registry.example/app:v1"],
  ])("is checked: %s, %s", async (call, key, given) => {
    expect(await refused(calls[call]?.({ [key]: given }) ?? expect.unreachable())).toMatchObject({
      subject: key,
      message: expect.stringMatching(`^${key} must be `) as string,
    });
  });

  it("is checked within annotations, and within sources", async () => {
    expect(await refused(createDraft(name("v2"), [name("v1")], js({ annotations: { a: 5 } })))).toMatchObject(
      {
        message: "annotations.a must be a string",
      },
    );
    const from = (source: unknown): Promise<unknown> => refused(pushList(name("v2"), { from: [js(source)] }));
    expect(await from({ image: name("v1"), platfrom: "linux/amd64" })).toMatchObject({
      message: "there is no option platfrom of a source",
      hint: "did you mean platform?",
    });
    expect(await from({ image: name("v1"), platform: 5 })).toMatchObject({ subject: "platform" });
    expect(await from(null)).toMatchObject({
      message: 'a source must be a string, or an object with "image" or "from"',
    });
  });

  it("is refused by the others", async () => {
    expect(await refused(inspect(name("v1"), js({ verify: true })))).toMatchObject({ subject: "verify" });
    expect(await refused(pushList(name("v2"), js({ from: [name("v1")], to: name("v3") })))).toMatchObject({
      subject: "to",
    });
  });

  it("is checked of a connection, its repositories, and the user's docker", async () => {
    expect(() => connect(js({ retires: 0 }))).toThrow("there is no option retires");
    expect(() => userDocker(js({ env: "PATH" }))).toThrow("env must be an object");
    await using connection = connect();
    expect(await refused(connection.repository(name("v1"), js({ push: "yes" })))).toMatchObject({
      subject: "push",
    });
    expect(await refused(inspect(name("v1"), js({ connection: {} })))).toMatchObject({
      message: "connection is not what connect() gives",
    });
  });
});

describe("what is neither a name nor a draft", () => {
  it.each<readonly [string, unknown]>([
    ["null", null],
    ["a number", 5],
    ["a list of entries", { entries: [] }],
    ["an object", {}],
  ])("is told: %s", async (_, given) => {
    await refused(inspect(js(given)));
    await refused(diff(name("v1"), js(given)));
    await refused(pushList(js(given)));
    await refused(copy(js(given), name("v2")));
  });
});
