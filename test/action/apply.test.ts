import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { useRunner } from "../helpers/action.js";
import { answer, type Peer } from "../helpers/peer.js";
import { changesIn } from "../helpers/workplace.js";

const runner = useRunner();

/** Images of two platforms for each of these repositories, and a file with a list in each. */
function lists(registry: Peer, ...repositories: readonly string[]): string {
  for (const repository of repositories) {
    for (const architecture of ["amd64", "arm64"]) {
      registry.putImage(repository, { tag: `1-${architecture}`, architecture });
    }
  }
  return JSON.stringify({
    version: 1,
    lists: repositories.map((repository) => ({
      target: `${registry.host}/${repository}:1`,
      tags: ["latest"],
      sources: ["amd64", "arm64"].map((one) => `${registry.host}/${repository}:1-${one}`),
    })),
  });
}

describe("a step with a file of lists", () => {
  it("makes them all, with outputs and a summary", async () => {
    const registry = await runner.registry();
    runner.write("lists.yaml", lists(registry, "me/a", "me/b"));
    const { status, log, outputs, summary } = await runner.step({
      file: "lists.yaml",
      jobs: "4",
      verify: "true",
    });
    expect(log.filter((line) => line.startsWith("::"))).toEqual([]);
    expect(status).toBe(0);
    const { json = "", "json-file": file = "", ...others } = outputs;
    const images = ["me/a", "me/b"].map(
      (name) => `${registry.host}/${name}@${registry.manifest(name, "latest")?.digest ?? ""}`,
    );
    expect(outputs["image"]?.split("\n").sort()).toEqual(images);
    expect(others).toMatchObject({ digest: "", platforms: "" });
    expect(JSON.parse(json)).toMatchObject({
      version: 1,
      lists: [{ status: "pushed" }, { status: "pushed" }],
    });
    expect(readFileSync(file, "utf8")).toBe(json);
    expect(summary.replaceAll(registry.host, "docker.io")).toMatchInlineSnapshot(`
      "### 2 lists: 2 pushed

      | List | Status | Digest | Platforms | Error |
      | --- | --- | --- | --- | --- |
      | <code>docker.io/me/a:1</code> | pushed | <code>sha256:981b0a6030673330795cb20faaddac6b3f403e0dedbdc1905a3c21a9ec9a7649</code> | linux/amd64, linux/arm64 |  |
      | <code>docker.io/me/b:1</code> | pushed | <code>sha256:981b0a6030673330795cb20faaddac6b3f403e0dedbdc1905a3c21a9ec9a7649</code> | linux/amd64, linux/arm64 |  |
      "
    `);
  });

  it("of one list has its digest and platforms; run again, nothing is sent", async () => {
    const registry = await runner.registry();
    const file = `# of this release\n${runner.write("lists.json", lists(registry, "me/a"))}\n`;
    const first = await runner.step({ file });
    const digest = registry.manifest("me/a", "1")?.digest ?? "";
    expect(first.outputs).toMatchObject({
      digest,
      image: `${registry.host}/me/a@${digest}`,
      platforms: "linux/amd64,linux/arm64",
      tags: `${registry.host}/me/a:1\n${registry.host}/me/a:latest`,
    });
    const before = changesIn(registry).length;
    const again = await runner.step({ file });
    expect(again.outputs["digest"]).toBe(digest);
    expect(again.summary).toContain("### 1 list: 1 unchanged\n");
    expect(changesIn(registry)).toHaveLength(before);
  });

  it("tells those that fail, each by an annotation, and makes the others", async () => {
    const registry = await runner.registry();
    const file = runner.write(
      "lists.yaml",
      lists(registry, "me/a", "me/b").replace("me/b:1-arm64", "me/b:1-riscv64"),
    );
    const { status, log, outputs, summary } = await runner.step({ file, retries: "0" });
    expect(status).toBe(1);
    const errors = log.filter((line) => line.startsWith("::error"));
    expect(errors).toHaveLength(2);
    expect(errors[0]).toContain(`::error title=${registry.host.replace(":", "%3A")}/me/b%3A1::`);
    expect(errors[0]).toContain("1-riscv64");
    expect(errors[1]).toMatch(
      /^::error title=tsmanifest%3A LISTS_FAILED::1 of 2 lists failed%0A.*run the job again/,
    );
    expect(outputs["image"]).toBe(`${registry.host}/me/a@${registry.manifest("me/a", "1")?.digest ?? ""}`);
    expect(outputs["digest"]).toBe("");
    expect(JSON.parse(outputs["json"] ?? "")).toMatchObject({ error: { code: "LISTS_FAILED" } });
    expect(summary).toContain("### 2 lists: 1 failed, 1 pushed\n");
    expect(summary).not.toContain("tsmanifest failed");
    expect(registry.tags("me/b")).not.toContain("latest");
  });

  it("shows with push: false what would become of each", async () => {
    const registry = await runner.registry();
    const file = runner.write("lists.yaml", lists(registry, "me/a", "me/b"));
    await runner.step({ file: runner.write("one.yaml", lists(registry, "me/a")) });
    const before = changesIn(registry).length;
    const { status, outputs, summary } = await runner.step({ file, push: "false" });
    expect(status).toBe(0);
    expect(changesIn(registry)).toHaveLength(before);
    expect(outputs).toMatchObject({ digest: "", image: "", platforms: "", tags: "" });
    expect(summary).toContain("### 2 lists: 1 to be pushed, 1 unchanged\n");
  });

  it("makes the lists of its shard, as a job of a matrix", async () => {
    const registry = await runner.registry();
    // So many that hardly any port of the registry puts all into one shard.
    const names = Array.from({ length: 24 }, (_, index) => `me/app-${index}`);
    const file = runner.write("lists.yaml", lists(registry, ...names));
    const made = (): string[] => names.filter((name) => registry.tags(name).includes("latest"));
    const job = { file, shard: "auto", "job-total": "2" };
    expect(await runner.step({ ...job, "job-index": "0" })).toMatchObject({ status: 0 });
    const first = made();
    expect(first.length).toBeGreaterThan(0);
    expect(first.length).toBeLessThan(names.length);
    const { status, outputs } = await runner.step({ ...job, "job-index": "1" });
    expect(status).toBe(0);
    expect(made()).toEqual(names);
    expect(outputs["image"]?.split("\n")).toHaveLength(names.length - first.length);
  });

  it("tells what each has in terms of the file: a message, and below it the way out", async () => {
    const registry = await runner.registry();
    const document = {
      version: 1,
      lists: [
        {
          target: `${registry.host}/me/a:1`,
          sources: [`${registry.host}/me/a:1-arm64`],
          expect: ["linux/amd64"],
        },
        {
          target: `${registry.host}/me/a:2`,
          sources: ["one", "two"].map((seed) => `${registry.host}/me/a:${seed}`),
          strict: true,
        },
      ],
    };
    lists(registry, "me/a");
    for (const seed of ["one", "two"]) registry.putImage("me/a", { tag: seed, seed });
    const { log, summary } = await runner.step({
      file: runner.write("lists.json", JSON.stringify(document)),
    });
    expect(log.filter((line) => !line.startsWith("::error"))).toEqual([]);
    expect(log.join("\n")).not.toContain("--strict");
    const shown = summary.replaceAll(registry.host, "docker.io");
    expect(shown).toContain(
      "unexpected linux/arm64<br>nothing was changed: check the sources and expect of this list in the file of lists |",
    );
    expect(shown).toContain(
      "<br>nothing was changed: strict in the file of lists turns this warning into an error |",
    );
  });

  it("with faults in many places tells each where it is, ten of them as annotations", async () => {
    const entry = "  - target: docker.io/me/app:1\n    surces: [docker.io/me/app:2]\n";
    runner.write("lists.yaml", `version: 1\nlists:\n${entry.repeat(12)}`);
    const { status, log, summary } = await runner.step({ file: "lists.yaml" });
    expect(status).toBe(1);
    const places = log.map((line) =>
      /file=([^,]*),line=(\d+),col=(\d+)::lists\.yaml:\2:\3: /.exec(line)?.slice(1),
    );
    expect(places.filter((place) => place !== undefined)).toHaveLength(10);
    expect(new Set(places.flatMap((place) => place?.[0] ?? []))).toEqual(new Set(["lists.yaml"]));
    expect(
      log.filter((line) => /^tsmanifest: INVALID_FILE: lists\.yaml:\d+:\d+: /.test(line)).length,
    ).toBeGreaterThan(1);
    // Below each other, however many.
    expect(
      summary.split("<br>\n").filter((line) => /lists\.yaml:\d+:\d+: /.test(line)).length,
    ).toBeGreaterThan(11);
  });

  it("that needs a login says how to log in", async () => {
    const registry = await runner.registry({ auth: { kind: "basic", users: { me: "secret" } } });
    const { log } = await runner.step({ file: runner.write("lists.json", lists(registry, "me/a")) });
    expect(log[0]).toMatch(
      /: log in with docker\/login-action .*, or set the inputs registry, username and password$/,
    );
  });

  it("says nothing to the runner beyond the ten annotations", async () => {
    const message = "one\n::set-output name=digest::x\n##[set-env name=PATH]z";
    const registry = await runner.registry({
      intercept: (_request, response) =>
        answer(response, 403, {}, JSON.stringify({ errors: [{ code: "DENIED", message }] })),
    });
    const names = Array.from({ length: 12 }, (_, index) => `me/app-${index}`);
    const { log } = await runner.step({
      file: runner.write("lists.json", lists(registry, ...names)),
      retries: "0",
    });
    const others = log.filter((line) => !line.startsWith("::error"));
    expect(others.join("\n")).toContain("set-env name=PATH");
    expect(others.filter((line) => /^\s*::|##\[/.test(line))).toEqual([]);
  });

  it("that cannot be read is told with its place, and nothing is asked of any registry", async () => {
    const registry = await runner.registry();
    const file = runner.write("lists.yaml", lists(registry, "me/a").replace('"tags"', '"tag"'));
    const { status, log, outputs, summary } = await runner.step({ file: "lists.yaml" });
    expect(status).toBe(1);
    expect(log).toEqual([
      expect.stringMatching(
        /^::error title=tsmanifest%3A INVALID_FILE,file=lists\.yaml,line=1,col=\d+::lists\.yaml:1:\d+: /,
      ),
      "nothing was sent",
    ]);
    expect(outputs).toEqual({});
    expect(summary).toContain("### tsmanifest failed\n");
    expect(registry.requests).toEqual([]);
    expect(file).toContain("lists.yaml");
  });
});
