import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startRegistry, type RunningRegistry } from "../../src/testing/index.js";
import { putOnBase } from "../helpers/lookedAt.js";
import { local, type Local } from "./local.js";

let here: Local;
let registry: RunningRegistry;
let app: string;
beforeEach(async () => {
  [here, registry] = await Promise.all([local(), startRegistry()]);
  app = `${registry.host}/app`;
  for (const architecture of ["amd64", "arm64"])
    putOnBase(registry, "app", { architecture, tag: architecture });
});
afterEach(() => registry.close());

const plain = (markdown: string): string =>
  markdown
    .replaceAll(registry.host, "registry.example")
    .replace(/(sha256:[0-9a-f]{6})[0-9a-f]{58}/g, "$1")
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)));

async function markdown(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await here.run(...args, "--format", "markdown");
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return plain(stdout);
}

describe("--format markdown", () => {
  it("of push has the list's names and platforms, with sizes, and nothing else on stdout", async () => {
    await here.run("create", `${app}:v1`, `${app}:amd64`, `${app}:arm64`);
    const text = await markdown("push", "--tag", "latest", `${app}:v1`);
    expect(text.replaceAll(/sha256:\w+/g, "<digest>")).toBe(
      [
        "### <code>registry.example/app:v1</code> was pushed",
        "",
        "Digest: <code><digest></code>",
        "",
        "| Tag |",
        "| --- |",
        "| <code>registry.example/app:v1</code> |",
        "| <code>registry.example/app:latest</code> |",
        "",
        "| Platform | Digest | Size | Attestations |",
        "| --- | --- | ---: | ---: |",
        "| linux/amd64 | <code><digest></code> | 3.8 kB | 0 |",
        "| linux/arm64 | <code><digest></code> | 3.8 kB | 0 |",
        "",
        "1 manifest pushed",
        "",
      ].join("\n"),
    );
  });

  it("of push --plan has what would change", async () => {
    await here.run("create", `${app}:v1`, `${app}:amd64`);
    await here.run("push", `${app}:v1`);
    await here.run("create", "--amend", `${app}:v1`, `${app}:arm64`);
    const text = await markdown("push", "--plan", `${app}:v1`);
    expect(text).toMatch(/^### <code>registry\.example\/app:v1<\/code> would be pushed\n/);
    expect(text).toMatch(/\| Change since <code>registry\.example\/app:v1<\/code> \|/);
    expect(text).toMatch(/\| linux\/amd64 \| .* \| .*\| 0 \| unchanged \|/);
    expect(text).toMatch(/\| linux\/arm64 \| .* \| .*\| 0 \| added \|/);
  });

  it("of imagetools create has the same", async () => {
    const text = await markdown("imagetools", "create", "--tag", `${app}:v2`, `${app}:amd64`, `${app}:arm64`);
    expect(text).toMatch(/^### <code>registry\.example\/app:v2<\/code> was pushed\n/);
    expect(text).toMatch(/\| linux\/arm64 \|/);
    expect(
      await here.run("imagetools", "create", "--dry-run", "--format", "markdown", `${app}:amd64`),
    ).toMatchObject({ status: 1, stderr: "ERROR: --dry-run and --format markdown: choose one of them\n" });
  });

  it("of apply has a row a list, those that failed first, and the exit status of a failure", async () => {
    const file = join(here.home, "lists.yaml");
    const lists = ["amd64", "missing"].map((tag) => ({
      target: `${app}:list-${tag}`,
      sources: [`${app}:${tag}`],
    }));
    await writeFile(file, JSON.stringify({ version: 1, lists: lists.slice(0, 1) }));
    expect(await markdown("apply", "-f", file, "--plan")).toMatch(/^### 1 list: 1 to be pushed\n/);
    expect(await markdown("apply", "-f", file)).toMatch(
      /^### 1 list: 1 pushed\n\n.*\n.*\n\| <code>registry\.example\/app:list-amd64<\/code> \| pushed \|/,
    );
    await writeFile(file, JSON.stringify({ version: 1, lists }));
    const { status, stdout, stderr } = await here.run("apply", "-f", file, "--format", "markdown");
    expect(status).toBe(1);
    expect(stderr).toContain("1 of 2 lists failed");
    expect(plain(stdout)).toMatch(
      /^### 2 lists: 1 failed, 1 unchanged\n\n.*\n.*\n\| .*list-missing.* \| failed \|/,
    );
  });

  it("does not go with --quiet", async () => {
    await here.run("create", `${app}:v1`, `${app}:amd64`);
    expect(await here.run("push", "--quiet", "--format", "markdown", `${app}:v1`)).toMatchObject({
      status: 1,
      stderr: "--format markdown and --quiet: choose one of them\n",
    });
  });
});
