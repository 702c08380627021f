import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { startRegistry, type RunningRegistry } from "../../src/testing/index.js";
import { DifferenceResult } from "../../src/ui/differenceResult.js";
import {
  layerOf,
  putAttestedList,
  putAttestation,
  putChangedLists,
  putConfigured,
  putIndex,
  putOnBase,
} from "../helpers/lookedAt.js";
import { local, type Local } from "./local.js";

let here: Local;
let registry: RunningRegistry;
let app: string;
beforeEach(async () => {
  [here, registry] = await Promise.all([local(), startRegistry()]);
  app = `${registry.host}/team/app`;
});
afterEach(() => registry.close());

/** Digests by their first characters, and the registry without its port. */
const short = (text: string): string =>
  text.replaceAll(registry.host, "registry.example").replace(/(sha256:[0-9a-f]{6})[0-9a-f]{58}/g, "$1");

async function diff(...args: string[]): Promise<DifferenceResult> {
  const { status, stdout, stderr } = await here.run("diff", "--format", "json", ...args);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return DifferenceResult.parse(JSON.parse(stdout));
}

describe("diff of two lists", () => {
  it("shows by platform what was added, removed and changed, and of what changed layers and config", async () => {
    putChangedLists(registry);
    const { status, stdout, stderr } = await here.run("diff", `${app}:v1`, `${app}:v2`);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(short(stdout)).toMatchInlineSnapshot(`
      "--- registry.example/team/app:v1  sha256:850aa0
      +++ registry.example/team/app:v2  sha256:db29c5
      + linux/s390x  sha256:5cc710
      ~ linux/amd64  sha256:2efd6d → sha256:5d9e9f
          3.9 kB → 4.3 kB (+360 B); 1 layer kept (3.0 kB)
          - layer sha256:d7e9ea  700 B
          + layer sha256:79b233  900 B
          + layer sha256:076729  100 B
          ~ Entrypoint: ["/app"] → ["/app","--serve"]
          - Env OLD: "1"
          ~ Env PATH: "/bin" → "/usr/bin:/bin"
          + ExposedPort 80/tcp
          + Label org.example.b: "2"
          ~ created: "2026-01-01T00:00:00Z" → "2026-02-01T00:00:00Z"
          + annotation org.example.note: "new"
      = 1 image as before
      ~ annotation org.opencontainers.image.version: "1" → "2"
      "
    `);
  });

  it("reads nothing but both lists, and manifests and configs of changed images, side by side", async () => {
    const { before, after } = putChangedLists(registry);
    registry.resetLog();
    await here.run("diff", `${app}:v1`, `${app}:v2`);
    const requests = registry.log.map(({ method, path }) => `${method} ${path.replace("/v2/team/app/", "")}`);
    expect(requests.slice(0, 4).sort()).toEqual(
      ["v1", "v2", before[0]?.digest, after[2]?.digest].map((one) => `GET manifests/${one ?? ""}`).sort(),
    );
    expect(requests.slice(4)).toEqual([
      expect.stringMatching(/^GET blobs/),
      expect.stringMatching(/^GET blobs/),
    ]);
  });

  it("is the other way round with the names the other way round", async () => {
    putChangedLists(registry);
    const { images } = await diff(`${app}:v2`, `${app}:v1`);
    expect(images.map(({ platform, change }) => `${change} ${platform ?? ""}`)).toEqual([
      "changed linux/amd64",
      "removed linux/s390x",
    ]);
    expect(images[0]?.content?.layers).toMatchObject({
      base: 1,
      added: [{ size: 700 }],
      removed: [{ size: 900 }, { size: 100 }],
    });
    expect(images[0]?.content?.config).toContainEqual({ name: "Env OLD", to: "1" });
  });

  it("says that they are the same, and reads no more", async () => {
    putChangedLists(registry);
    const { stdout } = await here.run("diff", `${app}:v1`, `${app}:v1`);
    expect(stdout).toMatch(/^--- .*\n\+\+\+ .*\nThey are the same\.\n$/);
    expect(registry.log.length).toBeLessThanOrEqual(2);
    expect(await diff(`${app}:v1`, `${app}:v1`)).toMatchObject({ same: true, images: [], unchanged: 2 });
  });

  it("says that lists which only order their entries differently say the same", async () => {
    const { before } = putChangedLists(registry);
    const more = { annotations: { "org.opencontainers.image.version": "1" } };
    putIndex(registry, "team/app", before.toReversed(), { tag: "turned", ...more });
    const { stdout } = await here.run("diff", `${app}:v1`, `${app}:turned`);
    expect(stdout).toContain(
      "= 2 images as before\nThey say the same in other bytes, such as in another order.\n",
    );
    expect(await diff(`${app}:v1`, `${app}:turned`)).toMatchObject({ same: false, images: [] });
    expect(await here.run("diff", "--exit-code", `${app}:v1`, `${app}:turned`)).toMatchObject({ status: 1 });
  });

  it("tells attestations that changed, and what the lists say of an image differently", async () => {
    const { amd64, arm64, attestation } = putAttestedList(registry);
    const described = { ...arm64, annotations: { "org.example.a": "1" } };
    putIndex(registry, "team/app", [amd64, described], { tag: "v2" });
    const found = await diff(`${app}:v1`, `${app}:v2`);
    expect(found.images).toMatchObject([
      { change: "unchanged", attestation: "removed", attestations: { from: [attestation.digest], to: [] } },
      { change: "described", entry: [{ name: "annotation org.example.a", to: "1" }] },
    ]);
    const { stdout } = await here.run("diff", `${app}:v1`, `${app}:v2`);
    expect(short(stdout).split("\n").slice(2)).toEqual([
      short(`= linux/amd64  ${amd64.digest} (same image)`),
      short(`    - attestation ${attestation.digest}`),
      short(`~ linux/arm64  ${arm64.digest} (described differently)`),
      '    + annotation org.example.a: "1"',
      '- annotation org.opencontainers.image.version: "1.0"',
      "",
    ]);
    const other = putAttestation(registry, "team/app", arm64);
    putIndex(registry, "team/app", [amd64, arm64, attestation, other], { tag: "v3" });
    const { images } = await diff(`${app}:v1`, `${app}:v3`);
    expect(images).toMatchObject([{ platform: "linux/arm64", attestation: "added" }]);
  });

  it("tells annotations and labels of any name", async () => {
    const configOf = (value: string): object => JSON.parse(`{"Labels":{"__proto__":"${value}"}}`) as object;
    const layers = [layerOf("x", 10)];
    for (const value of ["1", "2"]) {
      const image = putConfigured(registry, "team/app", { layers, config: configOf(value) });
      const annotations = JSON.parse(`{"__proto__":"${value}"}`) as Record<string, string>;
      putIndex(registry, "team/app", [{ ...image, annotations }], { tag: `v${value}`, annotations });
    }
    const change = { name: "__proto__", from: "1", to: "2" };
    const found = await diff(`${app}:v1`, `${app}:v2`);
    expect(found.annotations).toEqual([change]);
    expect(found.images).toMatchObject([
      {
        entry: [{ ...change, name: "annotation __proto__" }],
        content: { config: [{ ...change, name: "Label __proto__" }] },
      },
    ]);
  });

  it("tells what only docker writes into a config", async () => {
    const layers = [layerOf("x", 10)];
    const health = (seconds: number): object => ({
      Healthcheck: { Test: ["CMD", "/check"], Interval: seconds * 1e9 },
      OnBuild: seconds === 1 ? [] : ["RUN make"],
      Shell: ["/bin/bash", "-c"],
      StopSignal: `SIG${seconds}`,
    });
    for (const seconds of [1, 2]) {
      const image = putConfigured(registry, "team/app", { layers, config: health(seconds) });
      putIndex(registry, "team/app", [image], { tag: `v${seconds}` });
    }
    const { images } = await diff(`${app}:v1`, `${app}:v2`);
    expect(images[0]?.content?.config).toEqual([
      { name: "Healthcheck Interval", from: "1000000000", to: "2000000000" },
      { name: "OnBuild", to: '["RUN make"]' },
      { name: "StopSignal", from: "SIG1", to: "SIG2" },
    ]);
  });

  it("compares images of indexes within an index like those of the index itself", async () => {
    const [amd64, arm64, other] = ["amd64", "arm64", "arm64"].map((architecture, index) =>
      putConfigured(registry, "team/app", { architecture, layers: [layerOf(`x${index}`, 10)] }),
    );
    if (!amd64 || !arm64 || !other) throw new Error("no images");
    const { platform, ...bare } = arm64;
    const inner = putIndex(registry, "team/app", [bare, putAttestation(registry, "team/app", arm64)]);
    const outer = putIndex(registry, "team/app", [amd64, { ...inner, platform }]);
    putIndex(registry, "team/app", [outer], { tag: "nested" });
    putIndex(registry, "team/app", [amd64, arm64], { tag: "flat" });
    putIndex(registry, "team/app", [amd64, other, outer], { tag: "more" });
    const found = await diff(`${app}:nested`, `${app}:flat`);
    expect(found).toMatchObject({ unchanged: 1, images: [{ change: "unchanged", attestation: "removed" }] });
    expect(found.others.map(({ change, digest }) => [change, digest])).toEqual([
      ["removed", outer.digest],
      ["removed", inner.digest],
    ]);
    // What is in both is not read.
    registry.resetLog();
    const more = await diff(`${app}:nested`, `${app}:more`);
    expect(more.images.map(({ change, to }) => [change, to])).toEqual([
      ["added", amd64.digest],
      ["added", other.digest],
    ]);
    expect(registry.log).toHaveLength(2);
    const changed = putIndex(registry, "team/app", [amd64, other]);
    putIndex(registry, "team/app", [changed], { tag: "changed" });
    expect((await diff(`${app}:nested`, `${app}:changed`)).images).toMatchObject([
      { platform: "linux/arm64", change: "changed", from: arm64.digest, content: { layers: { base: 0 } } },
    ]);
  });

  it("exits with 1, or 2 with --exit-code, where an image does not have its digest", async () => {
    const { before } = putChangedLists(registry);
    const bad = before[0]?.digest ?? "";
    const between = await startRegistry({
      onRequest: ({ path }) => {
        const stored = registry.manifest("team/app", path.slice(path.lastIndexOf("/") + 1));
        if (stored === undefined) return undefined;
        const body = path.endsWith(bad) ? "{}" : stored.body;
        return { status: 200, body, headers: { "content-type": stored.mediaType } };
      },
    });
    onTestFinished(() => between.close());
    const names = ["v1", "v2"].map((tag) => `${between.host}/team/app:${tag}`);
    const { status, stdout, stderr } = await here.run("diff", ...names);
    expect(status).toBe(1);
    expect(stdout).toContain("+ linux/s390x");
    expect(stderr.split("\n")[0]).toContain(bad);
    expect(stderr).not.toContain(`WARNING: ${between.host}/team/app@${bad}`);
    expect(await here.run("diff", "--exit-code", ...names)).toMatchObject({ status: 2 });
  });

  it("is by platform for an image beside a list, and image by image for two of them", async () => {
    const one = putOnBase(registry, "team/app", { architecture: "arm64", tag: "arm64" });
    const other = putOnBase(registry, "team/app", { architecture: "arm64", tag: "again", seed: "2" });
    const amd64 = putOnBase(registry, "team/app", { architecture: "amd64", tag: "amd64" });
    putIndex(registry, "team/app", [amd64, one], { tag: "v1" });
    const beside = await diff(`${app}:again`, `${app}:v1`);
    expect(beside.images).toMatchObject([
      { change: "added", platform: "linux/amd64" },
      {
        change: "changed",
        platform: "linux/arm64",
        from: other.digest,
        to: one.digest,
        content: { layers: { base: 1 } },
      },
    ]);
    const alone = await diff(`${app}:amd64`, `${app}:arm64`);
    expect(alone.images).toMatchObject([
      {
        change: "changed",
        from: amd64.digest,
        to: one.digest,
        entry: [{ name: "platform", from: "linux/amd64", to: "linux/arm64" }],
        content: { config: [{ name: "architecture", from: "amd64", to: "arm64" }] },
      },
    ]);
  });

  it("says what could not be read, and compares the rest", async () => {
    const { before } = putChangedLists(registry);
    registry.deleteManifest("team/app", before[0]?.digest ?? "");
    const { status, stdout, stderr } = await here.run("diff", `${app}:v1`, `${app}:v2`);
    expect(status).toBe(0);
    expect(stdout).toContain("    what has changed in it cannot be read\n");
    expect(stdout).toContain("+ linux/s390x");
    expect(stderr).toBe(`WARNING: ${app}@${before[0]?.digest ?? ""} is not there\n`);
  });

  it("compares the rest where a config is larger than anything honest, or is none", async () => {
    const layers = [layerOf("x", 10)];
    const small = putConfigured(registry, "team/app", { layers, config: { User: "a" } });
    const huge = putConfigured(registry, "team/app", {
      layers,
      config: { Env: ["A=".padEnd(17_000_000, "a")] },
    });
    putIndex(registry, "team/app", [small], { tag: "v1" });
    putIndex(registry, "team/app", [huge], { tag: "v2" });
    const { status, stdout, stderr } = await here.run("diff", `${app}:v1`, `${app}:v2`);
    expect(status).toBe(0);
    expect(stdout).toContain("1 layer kept (10 B)");
    expect(stderr).toMatch(/^WARNING: image config sha256:\w+: .*\n$/);
  });

  it("writes nothing that a terminal would obey", async () => {
    const evil = "\u001b[2J\u202e\nx";
    const layers = [layerOf("x", 10)];
    const plain = putConfigured(registry, "team/app", { layers });
    const bad = putConfigured(registry, "team/app", {
      layers,
      config: { Env: [`${evil}=${evil}`], Labels: { [evil]: evil }, Entrypoint: [evil] },
      annotations: { [evil]: evil },
    });
    putIndex(registry, "team/app", [plain], { tag: "v1" });
    putIndex(registry, "team/app", [{ ...bad, annotations: { [evil]: evil } }], { tag: "v2" });
    for (const format of ["text", "json", "markdown"]) {
      const { stdout } = await here.run("diff", "--format", format, `${app}:v1`, `${app}:v2`);
      // eslint-disable-next-line no-control-regex -- finding control characters is the point
      expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
      expect(stdout).toContain("u001b");
      expect(stdout.split("\n").filter((line) => line.startsWith("x"))).toEqual([]);
    }
  });
});

describe("what diff compares", () => {
  it("is what a push of a local list would change, for one name", async () => {
    putChangedLists(registry);
    await here.run("create", `${app}:v1`, `${app}:v2`);
    const { from, to, images } = await diff(`${app}:v1`);
    expect([from?.origin, to.origin]).toEqual(["registry", "local"]);
    expect(images.map(({ change }) => change)).toEqual(["added", "changed"]);
    await here.run("push", `${app}:v1`);
    expect(await diff(`${app}:v1`)).toMatchObject({ same: true });
  });

  it("is all of a local list that was never pushed", async () => {
    putChangedLists(registry);
    await here.run("create", `${app}:new`, `${app}:v1`);
    const { stdout } = await here.run("diff", `${app}:new`);
    expect(short(stdout)).toMatch(/^--- nothing\n\+\+\+ registry\.example\/team\/app:new \(local list\) /);
    expect((await diff(`${app}:new`)).images.map(({ change }) => change)).toEqual(["added", "added"]);
  });

  it("is a local list before what the registry has, but for registry:// and --remote", async () => {
    putChangedLists(registry);
    await here.run("create", `${app}:v1`, `${app}:v2`);
    const origins = async (...args: string[]): Promise<(string | undefined)[]> => {
      const { from, to } = await diff(...args);
      return [from?.origin, to.origin];
    };
    expect(await origins(`${app}:v1`, `${app}:v2`)).toEqual(["local", "registry"]);
    expect(await origins(`registry://${app}:v1`, `${app}:v1`)).toEqual(["registry", "local"]);
    expect(await origins("--remote", `${app}:v1`, `${app}:v2`)).toEqual(["registry", "registry"]);
    expect(await here.run("diff", "--remote", `${app}:v1`)).toMatchObject({ status: 1, stdout: "" });
  });

  it("may be a layout, and a digest", async () => {
    putChangedLists(registry);
    const folder = await mkdtemp(join(tmpdir(), "diff-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const layout = `oci-layout://${join(folder, "out")}:v2`;
    await here.run("imagetools", "create", "--tag", layout, `${app}:v2`);
    expect(await diff(layout, `${app}:v2`)).toMatchObject({
      same: true,
      from: { name: layout, origin: "layout" },
    });
    const { digest = "" } = registry.manifest("team/app", "v1") ?? {};
    const { images } = await diff(`${app}@${digest}`, layout);
    expect(images).toMatchObject([
      { change: "added" },
      {
        change: "changed",
        content: { config: expect.arrayContaining([{ name: "Env OLD", from: "1" }]) as unknown },
      },
    ]);
  });

  it("takes manifests of a local list from here", async () => {
    putChangedLists(registry);
    await here.run("create", `${app}:mine`, `${app}:v2`);
    registry.resetLog();
    await diff(`${app}:v1`, `${app}:mine`);
    const gets = registry.log.filter(({ path }) => path.includes("/manifests/")).map(({ path }) => path);
    expect(gets).toHaveLength(2);
  });

  it("says of what is nowhere that it is neither here nor in the registry", async () => {
    putChangedLists(registry);
    const { status, stdout, stderr } = await here.run("diff", `${app}:v1`, `${app}:v9`);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain(`no such manifest: ${app}:v9\nthere is no local list of that name, and`);
    const alone = await here.run("diff", `${app}:v9`);
    expect(alone).toMatchObject({ status: 1, stdout: "" });
    expect(alone.stderr).toContain(`No such manifest: ${app}:v9\nthere is no local list ${app}:v9`);
  });
});

describe("the exit status of diff", () => {
  it("is 0 unless --exit-code or --quiet ask for more", async () => {
    putChangedLists(registry);
    const [v1, v2, none] = [`${app}:v1`, `${app}:v2`, `${app}:none`];
    const status = async (...args: string[]): Promise<number> => (await here.run("diff", ...args)).status;
    expect(await status(v1, v2)).toBe(0);
    expect(await status("--exit-code", v1, v2)).toBe(1);
    expect(await status("--exit-code", v1, v1)).toBe(0);
    expect(await status("--exit-code", v1, none)).toBe(2);
    expect(await status(v1, none)).toBe(1);
    registry.resetLog();
    expect(await here.run("diff", "--quiet", v1, v2)).toEqual({ status: 1, stdout: "", stderr: "" });
    expect(registry.log).toHaveLength(2);
    expect(await status("-q", v1, v1)).toBe(0);
    expect(await status("-q", "--format", "json", v1, v1)).toBe(2);
  });

  it("is with a document where the format is JSON, also of an error", async () => {
    putChangedLists(registry);
    const failed = await here.run("diff", "--exit-code", "--format", "json", `${app}:v1`, `${app}:none`);
    expect(failed.status).toBe(2);
    expect(JSON.parse(failed.stdout)).toMatchObject({ version: 1, error: { code: "MANIFEST_UNKNOWN" } });
  });
});

describe("diff --format markdown", () => {
  it("has a row for each platform that differs", async () => {
    putChangedLists(registry);
    const { stdout } = await here.run("diff", "--format", "markdown", `${app}:v1`, `${app}:v2`);
    expect(short(stdout)).toMatchInlineSnapshot(`
      "### Changes of <code>registry.example/team/app:v2</code>

      |  | Name | Digest |
      | --- | --- | --- |
      | Before | <code>registry.example/team/app:v1</code> | <code>sha256:850aa0</code> |
      | After | <code>registry.example/team/app:v2</code> | <code>sha256:db29c5</code> |

      | Platform | Change | Before | After | Size | What |
      | --- | --- | --- | --- | ---: | --- |
      | linux/s390x | added |  | <code>sha256:5cc710</code> |  |  |
      | linux/amd64 | changed | <code>sha256:2efd6d</code> | <code>sha256:5d9e9f</code> | 3.9 kB → 4.3 kB | layers: 1 kept, 2 added, 1 removed<br>Entrypoint: &#91;&#34;/app&#34;&#93; &#8594; &#91;&#34;/app&#34;,&#34;--serve&#34;&#93;<br>without Env OLD: &#34;1&#34;<br>Env PATH: &#34;/bin&#34; &#8594; &#34;/usr/bin:/bin&#34;<br>new ExposedPort 80/tcp<br>new Label org.example.b: &#34;2&#34;<br>created: &#34;2026-01-01T00:00:00Z&#34; &#8594; &#34;2026-02-01T00:00:00Z&#34;<br>new annotation org.example.note: &#34;new&#34; |

      1 image as before

      | Annotation or field | Before | After |
      | --- | --- | --- |
      | <code>org.opencontainers.image.version</code> | 1 | 2 |
      "
    `);
  });
});
