import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { VERSION } from "../../src/version.js";
import { putBuild } from "../helpers/builds.js";
import { runCircleci } from "../helpers/ci/circleci.js";
import { OWN_ACTION, parseWorkflow, runWorkflow, type WorkflowRun } from "../helpers/ci/github.js";
import { runGitlab } from "../helpers/ci/gitlab.js";
import { runGoreleaser } from "../helpers/ci/goreleaser.js";
import { runJenkins } from "../helpers/ci/jenkins.js";
import { useKubernetes } from "../helpers/ci/kubernetes.js";
import { NPX_VERSION } from "../helpers/ci/machine.js";
import type { Page } from "../helpers/ci/page.js";
import { PASSWORD, USER, useSite } from "../helpers/ci/site.js";
import { runTekton } from "../helpers/ci/tekton.js";
import { changesIn } from "../helpers/workplace.js";

/**
 * The pages of docs/ci, as they stand: their files are parsed by what the systems take, their jobs run after each other on
 * machines of their own, and what jobs hand on to each other is no more than what the page says. Docker, kaniko, cosign and
 * kubectl are stand-ins, which build, push and check for real; the program and the Action are the real ones.
 */

const kubernetes = useKubernetes();
const site = useSite(kubernetes.standIns);
const BOTH = ["linux/amd64", "linux/arm64"];
/** Dozens of processes each: a machine that has other tests to run takes its time. */
const SLOW = { timeout: 240_000 };
const tested = new Set(["README.md"]);

/** Fails if the page has a file that nobody took, or a call of the program that has not run. */
function expectAllDone(page: Page): void {
  expect(page.untaken()).toEqual([]);
  expect([...new Set(site.lab.ran())].sort()).toEqual([...page.marks].sort());
}

const page = (name: string): Page => {
  tested.add(name);
  return site.page(name);
};
const at = (name: string): string => site.here(name);

/** Images for both platforms, as jobs of before have pushed them by tags: `PREFIXamd64`, `PREFIXarm64`. */
function pushed(...prefixes: string[]): void {
  for (const prefix of prefixes) {
    for (const architecture of ["amd64", "arm64"]) {
      const { peer, repository, reference } = site.find(at(`${prefix}${architecture}`));
      putBuild(peer, repository, { architecture, tag: reference, seed: prefix });
    }
  }
}

describe("docs/ci/gitlab.md", () => {
  it("makes the list, and many lists by their shards", async () => {
    const gitlab = page("gitlab.md");
    const image = at("registry.example/team/app");
    const { IMAGE } = await runGitlab(site, gitlab.take(".gitlab-ci.yml").text);
    expect(site.platformsAt(`${image}:v1-4`)).toEqual(BOTH);
    expect(IMAGE).toBe(`${image}@${site.digestAt(`${image}:v1-4`)}`);

    const names = ["api", "worker", "proxy"];
    pushed(...names.map((name) => `registry.example/team/app/${name}:build-`));
    const lists = { "lists.yaml": gitlab.take("lists.yaml").text };
    await runGitlab(site, gitlab.take(".gitlab-ci.yml").text, lists);
    for (const name of names) expect(site.platformsAt(`${image}/${name}:edge`)).toEqual(BOTH);
    expectAllDone(gitlab);
  });
});

describe("docs/ci/kaniko.md", () => {
  it("makes a list of what kaniko leaves, and of what buildah leaves", async () => {
    const kaniko = page("kaniko.md");
    await runGitlab(site, kaniko.take(".gitlab-ci.yml").text);
    expect(site.platformsAt(at("registry.example/team/app:v1-4"))).toEqual(BOTH);

    const machine = site.lab.machine();
    site.login({ HOME: machine.home }, at("registry.example"), USER, PASSWORD);
    const build = kaniko.take("build.sh").text;
    for (const ARCH of ["amd64", "arm64"])
      await site.lab.run(machine, ["sh", "-ec", build], { ARCH, CI_TEST_ARCH: ARCH });
    await site.lab.run(machine, ["sh", "-ec", kaniko.take("list.sh").text], {});
    expect(site.platformsAt(at("registry.example/team/app:1.4"))).toEqual(BOTH);
    expectAllDone(kaniko);
  });
});

describe("docs/ci/circleci.md", () => {
  it("makes the list, and many lists by their shards", async () => {
    const circleci = page("circleci.md");
    const kept = await runCircleci(site, circleci.take(".circleci/config.yml").text);
    expect(site.platformsAt(at("ghcr.io/me/app:v1.4"))).toEqual(BOTH);
    expect(kept["list.digest"]?.trim()).toBe(site.digestAt(at("ghcr.io/me/app:v1.4")));

    pushed("ghcr.io/me/api:1.4-linux-", "ghcr.io/me/worker:1.4-linux-");
    const lists = { "lists.yaml": circleci.take("lists.yaml").text };
    await runCircleci(site, circleci.take(".circleci/config.yml").text, lists);
    for (const name of ["api", "worker"])
      expect(site.platformsAt(at(`ghcr.io/me/${name}:1.4`))).toEqual(BOTH);
    expectAllDone(circleci);
  });
});

describe("docs/ci/jenkins.md", () => {
  it("makes the list of what the agents stash", async () => {
    const jenkins = page("jenkins.md");
    const kept = await runJenkins(site, jenkins.take("Jenkinsfile").text);
    expect(site.platformsAt(at("registry.example/team/app:77"))).toEqual(BOTH);
    expect(site.digestAt(at("registry.example/team/app:latest"))).toBe(kept["list.digest"]?.trim());
    expectAllDone(jenkins);
  });
});

describe("docs/ci/tekton.md", () => {
  it("makes a list of results, and has its digest as a result", async () => {
    const tekton = page("tekton.md");
    const { results, tasks } = await runTekton(site, [
      tekton.take("tasks.yaml").text,
      tekton.take("pipeline.yaml").text,
    ]);
    const name = at("registry.example/team/app:1.4");
    expect(site.platformsAt(name)).toEqual(BOTH);
    expect(results).toEqual({ digest: site.digestAt(name) });
    expect(tasks["list"]).toEqual({ IMAGE_URL: name, IMAGE_DIGEST: site.digestAt(name) });
    expectAllDone(tekton);
  });
});

describe("docs/ci/goreleaser.md", () => {
  it("carries the list over, and makes one in place of docker_manifests", async () => {
    const goreleaser = page("goreleaser.md");
    await runGoreleaser(site, goreleaser.take(".goreleaser.yaml").text);
    expect(site.digestAt(at("docker.io/me/app:latest"))).toBe(site.digestAt(at("ghcr.io/me/app:1.4.0")));
    expect(site.platformsAt(at("docker.io/me/app:1.4.0"))).toEqual(BOTH);

    const before = site.digestAt(at("docker.io/me/app:1.4.0"));
    const lists = { "lists.yaml": goreleaser.take("lists.yaml").text };
    await runGoreleaser(site, goreleaser.take(".goreleaser.yaml").text, lists);
    expect(site.platformsAt(at("ghcr.io/me/app:latest"))).toEqual(BOTH);
    expect(site.digestAt(at("docker.io/me/app:1.4.0"))).toBe(site.digestAt(at("ghcr.io/me/app:latest")));
    expect(site.digestAt(at("docker.io/me/app:1.4.0"))).not.toBe(before);
    expectAllDone(goreleaser);
  });
});

describe("docs/ci/kubernetes.md", () => {
  it("makes each list in one of the pods, with the volumes that the page lays out", SLOW, async () => {
    const pages = page("kubernetes.md");
    const targets = ["apps/api", "apps/worker", "tools/backup"];
    pushed(...["api", "worker", "backup"].map((name) => `registry.example/build/${name}:1.4-linux-`));
    const machine = site.lab.machine();
    await kubernetes.run(site, machine, {
      script: pages.take("what each pod will do, before any of them does it").text,
      files: Object.fromEntries(
        ["job.yaml", "lists/apps.yaml", "lists/tools.yaml"].map((file) => [file, pages.take(file).text]),
      ),
      env: { REGISTRY_USER: USER, REGISTRY_PASSWORD: PASSWORD },
    });
    expect(kubernetes.pods).toBe(16);
    for (const target of targets)
      expect(site.platformsAt(at(`registry.example/${target}:1.4`))).toEqual(BOTH);
    const { length } = changesIn(site.registries["registry.example"]);
    // As if every pod had been killed at its end.
    await kubernetes.run(site, machine, { script: pages.take("once more").text, files: {}, env: {} });
    expect(kubernetes.pods).toBe(32);
    expect(changesIn(site.registries["registry.example"])).toHaveLength(length);
    const puts = site.registries["registry.example"].requests.filter((request) =>
      /^PUT .*\/manifests\/(?:1\.4|\S+tag=1\.4)$/.test(request),
    );
    expect(puts).toHaveLength(targets.length);
    expectAllDone(pages);
  });
});

describe("docs/ci/github-actions.md", () => {
  const run: WorkflowRun = {
    repository: "me/app",
    tag: "v1.4.2",
    secrets: { GITHUB_TOKEN: PASSWORD, DOCKERHUB_TOKEN: PASSWORD },
    vars: { DOCKERHUB_USERNAME: USER },
  };

  it(
    "makes the list, by the Action and by npx, signs and attests it, and puts it into two registries",
    SLOW,
    async () => {
      const github = page("github-actions.md");
      const workflow = github.take(".github/workflows/image.yml").text;
      const merge = (): string => github.take(".github/workflows/image.yml: the job merge").text;
      const app = at("ghcr.io/me/app");

      await runWorkflow(site, parseWorkflow(workflow), run);
      expect(site.platformsAt(`${app}:1.4.2`)).toEqual(BOTH);
      expect(site.digestAt(`${app}:1.4`)).toBe(site.digestAt(`${app}:1.4.2`));
      expect(site.annotationsAt(`${app}:1.4`)["org.opencontainers.image.version"]).toBe("1.4.2");

      await runWorkflow(site, parseWorkflow(workflow, merge()), run);
      expect(site.platformsAt(`${app}:latest`)).toEqual(BOTH);

      const { attested } = await runWorkflow(site, parseWorkflow(workflow, merge()), run);
      const byDigest = `${app}@${site.digestAt(`${app}:v1.4.2`)}`;
      expect(site.signed).toEqual([byDigest]);
      expect(attested).toEqual([byDigest]);

      await runWorkflow(site, parseWorkflow(workflow, merge()), run);
      expect(site.digestAt(at("docker.io/builder/app:latest"))).toBe(site.digestAt(`${app}:1.4.2`));

      const lists = github.take("lists.yaml").text;
      const checkout = (folder: string): void => {
        writeFileSync(join(folder, "lists.yaml"), lists);
      };
      const several = parseWorkflow(github.take(".github/workflows/images.yml").text);
      await runWorkflow(site, several, { ...run, checkout });
      for (const name of ["api", "worker"])
        expect(site.platformsAt(at(`ghcr.io/me/${name}:v1.4.2`))).toEqual(BOTH);
      expectAllDone(github);
    },
  );
});

describe("docs/ci", () => {
  const folder = fileURLToPath(new URL("../../docs/ci", import.meta.url));
  const pages = readdirSync(folder);
  const textOf = (name: string): string => readFileSync(join(folder, name), "utf8");
  const linksIn = (name: string): string[] =>
    [...textOf(name).matchAll(/\]\((?!https:)([^)#]+)/g)].map(([, path = ""]) => path);

  afterAll(() => {
    expect(pages.filter((name) => !tested.has(name))).toEqual([]);
  });

  it("has every page in its index", () => {
    const indexed = linksIn("README.md").filter((path) => !path.includes("/"));
    expect([...indexed, "README.md"].sort()).toEqual(pages.sort());
  });

  it("has links that lead somewhere", () => {
    const broken = pages.flatMap((name) =>
      linksIn(name).flatMap((path) => (existsSync(join(folder, path)) ? [] : [`${name}: ${path}`])),
    );
    expect(broken).toEqual([]);
  });

  it("names the version that it is of", () => {
    const named = pages.flatMap((name) => textOf(name).match(/tsmanifest[@:]v?\d[\w.]*/g) ?? []);
    const known = [`tsmanifest@${NPX_VERSION}`, `tsmanifest@${VERSION}`, `tsmanifest:${VERSION}`];
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((one) => ![...known, OWN_ACTION.split("/")[1]].includes(one))).toEqual([]);
  });
});
