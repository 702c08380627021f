import { certificate } from "../helpers/certificates.js";
import { seed } from "../helpers/images.js";
import { putAttestedList, putReleases } from "../helpers/lookedAt.js";
import type { PageSite } from "../helpers/pages/pageSite.js";
import type { PeerOptions } from "../helpers/peer.js";
import { attestationOf, realImage, realIndex } from "../helpers/realImages.js";

/** What the blocks of a page need, apart from registries. */
export interface Scene {
  /** Variables for all commands, and for files of lists. */
  readonly env?: Readonly<Record<string, string>>;
  /** Puts images and files there before the first block. */
  readonly set?: (site: PageSite) => Promise<void>;
  /** What happens before each block in which a text is found. */
  readonly before?: Readonly<Record<string, (site: PageSite) => Promise<void> | void>>;
  /** Lines of `sh` blocks are commands of their own, each run after this. */
  readonly eachLine?: (site: PageSite, line: string) => Promise<void>;
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

/** A list in a registry. */
const list = (site: PageSite, name: string, ...sources: readonly string[]): Promise<void> =>
  site.tsmanifest("imagetools", "create", "-t", name, ...sources);

/** A local list. */
const draft = (site: PageSite, name: string, ...sources: readonly string[]): Promise<void> =>
  site.tsmanifest("create", "--replace", name, ...sources);

/** Answers 429 to the first requests. */
function busy(): PeerOptions {
  let refusals = 3;
  return {
    onRequest: () => (refusals-- > 0 ? { status: 429, headers: { "Retry-After": "0.1" } } : undefined),
  };
}

/** Shows its images only some time after the first question. */
function slow(): PeerOptions {
  let shownAt = Infinity;
  return {
    onRequest: ({ method }) => {
      if (shownAt === Infinity) shownAt = performance.now() + 500;
      return method !== "PUT" && performance.now() < shownAt ? { status: 404 } : undefined;
    },
  };
}

/** Tags stay where they are: a PUT to one that is there is refused. */
function immutable(): PeerOptions {
  const tags = new Set<string>();
  return {
    tagParameter: false,
    onRequest: ({ method, route }) => {
      if (method !== "PUT" || route?.kind !== "manifest" || route.reference.includes(":")) return undefined;
      const name = `${route.repository}:${route.reference}`;
      const error = { code: "TAG_INVALID", message: `The image tag '${route.reference}' is immutable.` };
      if (tags.has(name)) return { status: 400, body: JSON.stringify({ errors: [error] }) };
      tags.add(name);
      return undefined;
    },
  };
}

/** `me:secret` may do everything, and is logged in. */
async function privateRegistry(site: PageSite, host: string): Promise<void> {
  const { host: here } = await site.registry(host, { auth: { kind: "bearer", users: { me: "secret" } } });
  const auths = { [here]: { auth: btoa("me:secret") } };
  site.write("../home/.docker/config.json", JSON.stringify({ auths }));
}

/** Images as BuildKit makes them, with provenance that can be read. */
async function attested(site: PageSite, repository: string, ...tags: readonly string[]): Promise<void> {
  const { host } = await site.registry("registry.example");
  for (const tag of tags) {
    const [architecture = ""] = /\w+$/.exec(tag) ?? [];
    const image = realImage(`${repository}:image-${architecture}`, architecture);
    const index = realIndex(`${repository}:${tag}`, [[architecture, image]]);
    await seed(`http://${host}`, [image, attestationOf(image), index]);
  }
}

const attestedImages = ["amd64", "arm64"].map((tag) => `registry.example/attested:${tag}`);

/** By page. */
export const scenes: Readonly<Record<string, Scene>> = {
  "README.md": {
    set: async (site) => {
      await images(site, "registry.example/app", "v1-amd64", "v1-arm64", "v1-armv7");
      await images(site, "registry.example/tools", "1.4-linux-amd64", "1.4-linux-arm64");
      await digests(site, "registry.example/app", "amd64", "arm64");
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

  "docs/cli.md": {
    env: { VERSION: "1.4.0", CI_NODE_INDEX: "1", CI_NODE_TOTAL: "16" },
    set: async (site) => {
      await images(site, "registry.example/app", "v1-amd64", "v1-arm64", "v1-s390x", "build-8-arm64");
      await site.image("registry.example/app:v1-arm", { architecture: "arm" });
      await digests(site, "registry.example/app", "amd64", "arm64");
      await images(site, "ghcr.io/me/app", "build-7");
      await attested(site, "attested", "amd64", "arm64");
      await list(site, `oci-layout://${site.folder}/out:v1`, ...attestedImages);
      const sources = ["registry.example/app:v1-amd64", "registry.example/app:v1-arm64"];
      await list(site, "registry.example/app:v2", ...sources);
      const file = await site.here(
        `version: 1\nlists: [{ target: "registry.example/tools:1", sources: [${sources.join(", ")}] }]\n`,
      );
      for (const name of ["lists.yaml", "release.yaml", "lists/all.yaml"]) site.write(name, file);
    },
    eachLine: async (site, line) => {
      const name = "registry.example/app:v1";
      const sources = ["amd64", "arm64", "arm"].map((of) => `registry.example/app:v1-${of}`);
      const layout = `oci-layout://${site.folder}/out:v1`;
      await draft(site, name, ...sources.slice(0, line.includes("annotate") ? 3 : 2));
      if (line.includes("--exit-code")) {
        await draft(site, name, ...attestedImages);
        await site.tsmanifest("push", "--to", layout, name);
      }
      if (line.includes(".Provenance")) await list(site, layout, ...attestedImages);
      if (/ (?:diff|inspect|--merge) /.test(line)) await site.tsmanifest("push", name);
      if (/ create (?!--)/.test(line) || line.includes("--merge")) await site.tsmanifest("rm", name);
    },
  },

  "docs/cookbook.md": {
    env: { GITHUB_STEP_SUMMARY: "summary.md" },
    set: async (site) => {
      site.program("cosign", COSIGN);
      site.program(
        "docker-credential-ecr-login",
        `cat >/dev/null; echo '{"Username":"me","Secret":"secret"}'`,
      );
      site.write("ca.crt", certificate("ca"));
      await site.registry("busy.example", busy());
      await site.registry("slow.example", slow());
      await site.registry("immutable.example", immutable());
      await site.registry("strict.example", { mounts: "refuse202" });
      await site.registry("registry.corp.example:5000", { speaks: "tls" });
      await privateRegistry(site, "private.example");
      const both = ["v1-amd64", "v1-arm64"];
      for (const host of ["busy", "slow", "immutable", "other"])
        await images(site, `${host}.example/app`, ...both);
      await images(site, "busy.example/tools", ...both);
      await images(site, "strict.example/build", ...both);
      await images(site, "private.example/build", "v1-amd64");
      await images(site, "registry.corp.example:5000/app", "v1-amd64");
      await images(site, "registry.example/app", ...both, "v1-s390x");
      for (const [tag, osVersion] of Object.entries({
        ltsc2019: "10.0.17763.6893",
        ltsc2022: "10.0.20348.3207",
      })) {
        await site.image(`registry.example/app:${tag}`, { os: "windows", osVersion, foreignLayers: 1 });
      }
      for (const tag of both) await site.build(`registry.example/web:${tag}`);
      await digests(site, "registry.example/web", "amd64", "arm64");
      await images(site, "ghcr.io/me/app", "build-amd64", "build-arm64");
      await attested(site, "attested", "amd64", "arm64");
    },
    fails: [
      "tsmanifest create registry.example/late:v1 registry.example/app:v1-amd64 registry.example/late:v1-arm64",
      "tsmanifest create registry.example/my_app:v1 registry.example/app:v1-amd64",
      "tsmanifest imagetools inspect registry.example/app:v9",
      "tsmanifest imagetools create --strict -t registry.example/app:twice registry.example/app:v1-amd64 registry.example/web:small",
      "tsmanifest imagetools create --from digests --expect linux/amd64,linux/arm64,linux/s390x -t registry.example/web:v1",
    ],
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

  "docs/library.md": {
    set: async (site) => {
      await images(site, "registry.example/app", "v1-amd64", "v1-arm64", "v1-s390x");
      await list(site, "registry.example/app:v2", "registry.example/app:v1-amd64");
    },
  },

  "docs/terminal.md": {
    set: (site) => images(site, "registry.example/app", "v1-amd64", "v1-arm64"),
  },

  "docs/testing.md": {
    notRun: {
      "// release.test.ts": "testing.test.ts runs it with Vitest",
    },
  },

  "docs/looking.md": {
    env: { GITHUB_STEP_SUMMARY: "summary.md" },
    set: async (site) => {
      const registry = await site.registry("registry.example");
      putReleases(registry, "team/app");
      putAttestedList(registry, "team/tools");
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

  "docs/troubleshooting.md": {
    notRun: {
      "nothing would be left in":
        "a message whose second line is a command; troubleshooting.test.ts makes it happen",
    },
  },
};
