import type { PageSite } from "../helpers/pages/pageSite.js";

/** What the blocks of a page need, apart from registries. */
export interface Scene {
  /** Variables for all commands, and for files of lists. */
  readonly env?: Readonly<Record<string, string>>;
  /** Puts images and files there before the first block. */
  readonly set?: (site: PageSite) => Promise<void>;
  /** What happens before each block in which a text is found. */
  readonly before?: Readonly<Record<string, (site: PageSite) => Promise<void> | void>>;
  /** What a program has that the page does not show, by a text in it: declarations of functions, `var`s and imports. */
  readonly around?: Readonly<Record<string, string>>;
  /** Commands, word by word, that are shown because they fail. */
  readonly fails?: readonly string[];
  /** Blocks that are not run, by how they begin, and why. */
  readonly notRun?: Readonly<Record<string, string>>;
}

/** Pieces of programs in pages are covered where one of these files, which tests run, has them word by word. */
export const TESTED_PROGRAMS: readonly string[] = ["test/helpers/libraryPrograms.ts"];

/** For docker's command lines, which pages show beside ours: one word changes. */
const DOCKER = 'exec tsmanifest "$@"';
/** Signs what is named by its digest, and nothing else. */
const COSIGN = 'case "$1 $2" in "sign "*@sha256:*) ;; *) echo "cosign $*" >&2; exit 1 ;; esac';

async function images(site: PageSite, name: string, ...tags: readonly string[]): Promise<void> {
  for (const tag of tags) await site.image(`${name}:${tag}`);
}

/** Builds in the repository of a list, and the folder that has a file for each. Their digests. */
async function digests(
  site: PageSite,
  repository: string,
  ...architectures: readonly string[]
): Promise<string[]> {
  const builds = await Promise.all(
    architectures.map((architecture) => site.build(`${repository}:build-${architecture}`)),
  );
  for (const { index } of builds) site.write(`digests/${index.digest.replace("sha256:", "")}`, "");
  return builds.map(({ index }) => index.digest);
}

/** A list in a registry, made by the program itself. */
async function list(site: PageSite, name: string, ...sources: readonly string[]): Promise<void> {
  const command = `tsmanifest imagetools create -t ${name} ${sources.join(" ")}`;
  const { status, all } = await site.run(["sh", "-c", await site.here(command)]);
  if (status !== 0) throw new Error(all);
}

/** A local list. */
async function draft(site: PageSite, name: string, ...sources: readonly string[]): Promise<void> {
  const command = `tsmanifest create --replace ${name} ${sources.join(" ")}`;
  const { status, all } = await site.run(["sh", "-c", await site.here(command)]);
  if (status !== 0) throw new Error(all);
}

/** By page. */
export const scenes: Readonly<Record<string, Scene>> = {
  "README.md": {
    set: async (site) => {
      await images(site, "registry.example/app", "v1-amd64", "v1-arm64", "v1-armv7");
    },
    notRun: {
      "npm ": "installs packages, builds, or runs all tests: CI does that",
    },
  },

  "docs/action.md": {
    notRun: {
      "name: image": "workflows.test.ts runs it",
      "jobs:": "workflows.test.ts checks it",
    },
  },

  "docs/apply.md": {
    env: { VERSION: "1.10", CI_NODE_INDEX: "1", CI_NODE_TOTAL: "16" },
    set: async (site) => {
      await images(site, "ghcr.io/example/app", "1.10-amd64", "1.10-arm64");
      await images(site, "ghcr.io/example/tools", "1-linux-amd64", "1-linux-armv7");
      await images(site, "registry.example/app", "v1-amd64", "v1-armv7");
      await digests(site, "registry.example/app", "amd64");
    },
    before: {
      "1 of 2 lists failed": async (site) => {
        // The build for arm64 has pushed the other one's image.
        const seed = "ghcr.io/example/app:1.10-amd64";
        await site.image("ghcr.io/example/app:1.10-arm64", { architecture: "amd64", seed });
      },
    },
    fails: ["tsmanifest apply -f lists.yaml"],
    notRun: {
      "lists.yaml:7:5:": "messages about several files in one",
      "env:\n  STRATEGY_JOB": "a part of a GitHub workflow",
    },
  },

  "docs/imagetools.md": {
    set: async (site) => {
      site.program("docker", DOCKER);
      site.program("cosign", COSIGN);
      await images(site, "registry.example/app", "v1-amd64", "v1-arm64", "v1-s390x", "build-8-arm64");
      const [amd64 = ""] = await digests(site, "registry.example/app", "amd64", "arm64");
      site.set("digest", amd64);
      await images(site, "ghcr.io/me/app", "build-7");
      for (const tag of ["6-amd64", "7-amd64", "7-arm64"]) await site.build(`registry.example/build:${tag}`);
    },
    before: {
      "--plan": (site) => list(site, "registry.example/app:v1", "registry.example/build:6-amd64"),
    },
  },

  "docs/outputs.md": {
    set: async (site) => {
      site.program("cosign", COSIGN);
      await images(site, "registry.example/team/app", "v1-amd64", "v1-arm64");
      await draft(
        site,
        "registry.example/team/app:v1",
        ...["amd64", "arm64"].map((of) => `registry.example/team/app:v1-${of}`),
      );
    },
    around: {
      "import { ListResult }": `var stdout = JSON.stringify({ version: 1, target: "a", status: "pushed", tags: [], platforms: [], manifests: [],
        sent: { manifests: 0, mounted: 0, copied: 0, bytes: 0 } });`,
    },
  },
};
