import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { useRunner } from "../helpers/action.js";
import { attach, COSIGN_SIGNATURE, putBuild, type Build } from "../helpers/builds.js";
import { answer, type Peer } from "../helpers/peer.js";
import { SECRETS } from "../helpers/secrets.js";
import { blobTransfersIn, changesIn, platformsOf } from "../helpers/workplace.js";

const runner = useRunner();

function build(registry: Peer, repository = "me/app", architectures = ["amd64", "arm64"]): Build[] {
  const builds = architectures.map((architecture) => putBuild(registry, repository, { architecture }));
  runner.touch(builds.map(({ index }) => index.digest));
  return builds;
}

function tag(registry: Peer, name = "me/app:v1"): string {
  return `${registry.host}/${name}`;
}

/** The annotations of a kind, as people see them: a title, then the message with its lines. */
function annotations(kind: "error" | "warning" | "notice", log: readonly string[]): string[] {
  return log
    .filter((line) => line.startsWith(`::${kind}`))
    .map((line) => line.replace(/^::[a-z]+(?: title=([^:]*))?::/, "[$1] "))
    .map((line) =>
      line.replaceAll("%3A", ":").replaceAll("%2C", ",").replaceAll("%0A", "\n").replaceAll("%25", "%"),
    );
}

describe("what is wrong in a merge job is an annotation with the way out, and no tag moves", () => {
  it("an empty folder of digests: no artifact was found", async () => {
    const registry = await runner.registry();
    mkdirSync(join(runner.folder, "digests"));
    const { status, log, outputs, summary } = await runner.step({ tags: tag(registry), from: "digests" });
    expect(status).toBe(1);
    expect(annotations("error", log)).toEqual([
      "[tsmanifest: INVALID_SOURCE] digests: an empty folder\n" +
        'there must be a file for each image, named by its digest: touch "digests/${digest#sha256:}"',
    ]);
    expect(outputs).toEqual({});
    expect(summary).toContain("### tsmanifest failed\n\ndigests: an empty folder<br>\nthere must be a file");
    expect(registry.requests).toEqual([]);
  });

  it("no folder at all", async () => {
    const registry = await runner.registry();
    const { status, log } = await runner.step({ tags: tag(registry), from: "digests" });
    expect(status).toBe(1);
    expect(annotations("error", log)[0]).toMatch(
      /^\[tsmanifest: INVALID_SOURCE\] digests: no such file or folder\n/,
    );
  });

  it("a digest of another image, from another repository", async () => {
    const registry = await runner.registry();
    build(registry);
    const other = putBuild(registry, "me/api", { architecture: "amd64", seed: "api" });
    runner.touch([other.index.digest]);
    const { status, log } = await runner.step({ tags: tag(registry), from: "digests" });
    expect(status).toBe(1);
    expect(annotations("error", log)).toHaveLength(1);
    expect(annotations("error", log)[0]).toMatch(
      new RegExp(
        `^\\[tsmanifest: MANIFEST_UNKNOWN\\] .*${other.index.digest}[^]*\\n.*it may be the digest of another image`,
      ),
    );
    expect(changesIn(registry)).toEqual([]);
  });

  it("a platform that is missing, since its job has failed", async () => {
    const registry = await runner.registry();
    build(registry, "me/app", ["amd64"]);
    const expected = "linux/amd64\nlinux/arm64";
    const { status, log } = await runner.step({ tags: tag(registry), from: "digests", expect: expected });
    expect(status).toBe(1);
    expect(annotations("error", log)).toEqual([
      `[tsmanifest: EXPECTATION] ${tag(registry)} would not have the expected platforms: missing linux/arm64\n` +
        "nothing was changed: check that each of them, and no other, has an image in input from, or change input expect",
    ]);
    expect(changesIn(registry)).toEqual([]);
  });

  it("an annotation that cannot be read", async () => {
    const registry = await runner.registry();
    build(registry);
    const { log } = await runner.step({ tags: tag(registry), from: "digests", annotations: "indx:a=b" });
    expect(annotations("error", log)[0]).toMatch(
      /^\[tsmanifest: USAGE\] input annotations: unknown annotation type "indx"\nwrite it as/,
    );
    expect(registry.requests).toEqual([]);
  });

  it("a value with two lines", async () => {
    const step = { tags: "ghcr.io/me/app:v1", from: "digests" };
    for (const given of [{ annotations: "index:a=one\ntwo" }, { labels: "a=one\ntwo" }]) {
      const { log } = await runner.step({ ...step, ...given });
      expect(annotations("error", log)[0]).toMatch(/ per line: a value cannot have several lines/);
    }
  });

  it("a number that is none, in the words of the program", async () => {
    const registry = await runner.registry();
    build(registry);
    const { status, log } = await runner.step({ tags: tag(registry), from: "digests", retries: "many" });
    expect(status).toBe(1);
    expect(annotations("error", log)).toHaveLength(1);
    expect(annotations("error", log)).toEqual([
      '[tsmanifest: USAGE] input retries: "many" is not a number\nwrite a whole number, such as 4',
    ]);
  });

  it("is in the log once", async () => {
    const registry = await runner.registry();
    build(registry);
    const { log } = await runner.step({ tags: tag(registry), from: "digests", expect: "linux/s390x" });
    expect(log).toEqual([expect.stringMatching(/^::error /)]);
  });

  it("platforms that no image has: the input is named", async () => {
    const registry = await runner.registry();
    build(registry);
    const { log } = await runner.step({ tags: tag(registry), from: "digests", platforms: "linux/s390x" });
    expect(annotations("error", log)).toEqual([
      expect.stringMatching(
        /^\[tsmanifest: NO_MATCH\] none of the manifests match the provided platforms\ncheck input platforms \(linux\/s390x\): none of the images in input from is for any of these; there is linux\/(?:arm64, linux\/amd64|amd64, linux\/arm64)$/,
      ),
    ]);
  });

  it("a name in capitals: the input is named, not a flag", async () => {
    const registry = await runner.registry();
    build(registry);
    const { log } = await runner.step({ tags: tag(registry, "Me/App:v1"), from: "digests" });
    expect(annotations("error", log)).toEqual([
      "[tsmanifest: INVALID_REFERENCE] invalid reference format: repository name (Me/App) must be lowercase\n" +
        `input tags: cannot read "${tag(registry, "Me/App:v1")}"; write it in lowercase, as docker/metadata-action does`,
    ]);
  });
});

describe("what would be a warning", () => {
  it("is an annotation, once", async () => {
    const registry = await runner.registry();
    const images = ["one", "two"].map((seed) => registry.putImage("me/app", { seed }).digest);
    const { status, log } = await runner.step({ tags: tag(registry), sources: images.join("\n") });
    expect(status).toBe(0);
    expect(annotations("warning", log)).toHaveLength(1);
    expect(annotations("warning", log)[0]).toMatch(/^\[\] .*linux\/amd64 .*/);
  });
});

describe("a registry that answers 429", () => {
  it("for a while is waited for", async () => {
    let until = Number.POSITIVE_INFINITY;
    let refusals = 0;
    const registry = await runner.registry({
      intercept: (_request, response) => {
        if (until === Number.POSITIVE_INFINITY) until = Date.now() + 3_000;
        if (Date.now() > until) return false;
        refusals++;
        return answer(response, 429, { "retry-after": "1" }, "slow down");
      },
    });
    build(registry);
    const { status, log } = await runner.step({ tags: tag(registry), from: "digests" });
    expect(status).toBe(0);
    expect(log.at(-1)).toMatch(/ was pushed$/);
    expect(refusals).toBeGreaterThan(2);
  });

  it("for longer than it is waited for, is told with what it said, and says nothing to the runner", async () => {
    const message = "one\n::set-output name=digest::x\n  ::add-mask::y\n##[set-env name=PATH]z | <b>`";
    const registry = await runner.registry({
      intercept: (_request, response) =>
        answer(response, 429, {}, JSON.stringify({ errors: [{ code: "TOOMANYREQUESTS", message }] })),
    });
    build(registry);
    const step = { tags: tag(registry), from: "digests", retries: "0" };
    const { status, log, outputs, summary } = await runner.step(step);
    expect(status).toBe(1);
    expect(annotations("error", log)[0]).toMatch(/set-env name=PATH/);
    expect(log).toHaveLength(1);
    expect(outputs).toEqual({});
    expect(summary).toContain("set-env name");
    expect(summary).not.toMatch(/<b>|[|`]/);
  });
});

describe("credentials", () => {
  const auth = { kind: "bearer", users: { me: SECRETS.password } } as const;
  const login = (registry: Peer, password: string = SECRETS.password): Record<string, string> => ({
    registry: registry.host,
    username: "me",
    password,
  });

  it("given to the step are used, and are seen nowhere", async () => {
    const registry = await runner.registry({ auth });
    build(registry);
    const step = { tags: tag(registry), from: "digests", ...login(registry) };
    expect(await runner.step(step)).toMatchObject({ status: 0 });
    expect(platformsOf(registry.manifest("me/app", "v1")?.body)).toContain("linux/arm64");
  });

  it("that are wrong fail the step, and are seen nowhere", async () => {
    const registry = await runner.registry({ auth: { kind: "basic", users: { me: "another" } } });
    build(registry);
    const step = { tags: tag(registry), from: "digests", ...login(registry) };
    // The runner of the test looks for the secret in all there is.
    const { status, log } = await runner.step(step);
    expect(status).toBe(1);
    expect(annotations("error", log)).toHaveLength(1);
    expect(annotations("error", log)[0]).toMatch(
      /^\[tsmanifest: UNAUTHENTICATED\] .*\n.* answered 401; check the inputs username and password$/,
    );
    expect(changesIn(registry)).toEqual([]);
  });

  it.each(["basic", "bearer"] as const)(
    "that are missing are told with both ways to log in: %s",
    async (kind) => {
      const registry = await runner.registry({ auth: { kind, users: { me: SECRETS.password } } });
      build(registry);
      const { status, log } = await runner.step({ tags: tag(registry), from: "digests" });
      expect(status).toBe(1);
      expect(annotations("error", log)).toHaveLength(1);
      expect(annotations("error", log)[0]).toMatch(
        /: log in with docker\/login-action in an earlier step, or set the inputs registry, username and password$/,
      );
    },
  );

  it("that an earlier step left and that are wrong are looked for there", async () => {
    const registry = await runner.registry({ auth: { kind: "basic", users: { me: "another" } } });
    build(registry);
    const basic = Buffer.from(`me:${SECRETS.password}`).toString("base64");
    runner.write(".docker/config.json", JSON.stringify({ auths: { [registry.host]: { auth: basic } } }));
    const { log } = await runner.step({ tags: tag(registry), from: "digests" });
    expect(annotations("error", log)[0]).toMatch(
      / answered 401; check the login of docker\/login-action in an earlier step$/,
    );
  });

  it("are hidden before anything else is said", async () => {
    const shown = await runner.shown({ tags: "", password: SECRETS.password, username: "me" });
    expect(shown.slice(0, 2)).toEqual([
      `::add-mask::${SECRETS.password}`,
      `::add-mask::${Buffer.from(`me:${SECRETS.password}`).toString("base64")}`,
    ]);
    expect(shown.slice(2).join("\n")).not.toContain(SECRETS.password);
  });

  it("of docker/login-action are used where the step has none", async () => {
    const [mine, others] = [await runner.registry({ auth }), await runner.registry({ auth })];
    build(mine);
    const basic = Buffer.from(`me:${SECRETS.password}`).toString("base64");
    runner.write(".docker/config.json", JSON.stringify({ auths: { [others.host]: { auth: basic } } }));
    const tags = `${tag(mine)}\n${tag(others)}`;
    expect(await runner.step({ tags, from: "digests", ...login(mine) })).toMatchObject({ status: 0 });
    expect(others.tags("me/app")).toContain("v1");
  });

  it("of the step go before those in DOCKER_AUTH_CONFIG, whose others stay", async () => {
    const [mine, others] = [await runner.registry({ auth }), await runner.registry({ auth })];
    build(mine);
    const of = (password: string): object => ({ auth: Buffer.from(`me:${password}`).toString("base64") });
    const auths = { [`https://${mine.host}/v1/`]: of("old"), [others.host]: of(SECRETS.password) };
    const env = { DOCKER_AUTH_CONFIG: JSON.stringify({ auths }) };
    const tags = `${tag(mine)}\n${tag(others)}`;
    expect(await runner.step({ tags, from: "digests", ...login(mine) }, env)).toMatchObject({ status: 0 });
  });

  it("are read from the folder that config names", async () => {
    const registry = await runner.registry({ auth });
    build(registry);
    const basic = Buffer.from(`me:${SECRETS.password}`).toString("base64");
    runner.write("docker/config.json", JSON.stringify({ auths: { [registry.host]: { auth: basic } } }));
    const step = { tags: tag(registry), from: "digests" };
    expect(await runner.step(step)).toMatchObject({ status: 1 });
    expect(await runner.step({ ...step, config: "docker" })).toMatchObject({ status: 0 });
  });
});

describe("two registries", () => {
  it("have images copied from one to the other", async () => {
    const [hub, ghcr] = [await runner.registry(), await runner.registry()];
    build(hub);
    expect(await runner.step({ tags: `${tag(hub)}\n${tag(ghcr)}`, from: "digests" })).toMatchObject({
      status: 0,
    });
    expect(blobTransfersIn(ghcr)).not.toEqual([]);
  });

  it("are refused with cross-registry: false, whether digests, names or files of builds say where images are", async () => {
    const [hub, ghcr] = [await runner.registry(), await runner.registry()];
    const [{ index } = { index: { digest: "" } }] = build(hub);
    const metadata = { "containerimage.digest": index.digest, "image.name": `${hub.host}/me/app` };
    runner.write("build.json", JSON.stringify(metadata));
    for (const [tags, given] of [
      [`${tag(hub)}\n${tag(ghcr)}`, { from: "digests" }],
      [`${tag(hub)}\n${tag(ghcr)}`, { sources: index.digest }],
      [tag(ghcr), { sources: `${hub.host}/me/app@${index.digest}` }],
      [tag(ghcr), { from: "build.json" }],
    ] as const) {
      const { status, log } = await runner.step({ tags, ...given, "cross-registry": "false" });
      expect(status).toBe(1);
      expect(annotations("error", log)).toEqual([
        `[tsmanifest: OTHER_REGISTRY] ${hub.host}/me/app is not in ${ghcr.host}, where ${ghcr.host}/me/app is\n` +
          "push the images there too, or set cross-registry: true to have them copied",
      ]);
    }
    expect([...changesIn(hub), ...changesIn(ghcr)]).toEqual([]);
  });

  it("are fine with cross-registry: false where the images are in both", async () => {
    const [hub, ghcr] = [await runner.registry(), await runner.registry()];
    build(hub);
    const files = build(ghcr).map(({ index }) => {
      const names = `${hub.host}/me/app,${ghcr.host}/me/app`;
      const metadata = { "containerimage.digest": index.digest, "image.name": names };
      return runner.write(`${index.digest.slice(-8)}.json`, JSON.stringify(metadata));
    });
    const step = { tags: `${tag(ghcr)}\n${tag(hub)}`, from: files.join("\n"), "cross-registry": "false" };
    expect(await runner.step(step)).toMatchObject({ status: 0 });
    expect(
      [...blobTransfersIn(hub), ...blobTransfersIn(ghcr)].filter((one) => !one.startsWith("GET ")),
    ).toEqual([]);
  });
});

describe("the other inputs", () => {
  it("choose platforms, add to a list, take along what is attached, and read back what was pushed", async () => {
    const registry = await runner.registry();
    const [amd64] = build(registry);
    if (amd64 !== undefined) attach(registry, "me/app", amd64.image, COSIGN_SIGNATURE);
    const first = { tags: tag(registry), from: "digests", platforms: "linux/amd64", verify: "blobs" };
    expect(await runner.step(first)).toMatchObject({ status: 0, outputs: { platforms: "linux/amd64" } });
    const second = { tags: tag(registry), from: "digests", merge: "true", verify: "true", wait: "1s" };
    const { outputs } = await runner.step(second);
    expect(outputs["platforms"]?.split(",").sort()).toEqual(["linux/amd64", "linux/arm64"]);
    const third = { tags: tag(registry, "me/release:v1"), sources: tag(registry), referrers: "true" };
    expect(await runner.step(third)).toMatchObject({ status: 0 });
    const appended = { ...third, sources: tag(registry), append: "true", platforms: "linux/arm64" };
    expect(await runner.step(appended)).toMatchObject({ status: 0, outputs: { platforms: "linux/arm64" } });
  });
});
