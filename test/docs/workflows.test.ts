import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import * as z from "zod/mini";
import { VERSION } from "../../src/version.js";
import { OWN_ACTION, parseWorkflow, runWorkflow, VERSIONS, type Workflow } from "../helpers/ci/github.js";
import { blocksOf, type Block } from "../helpers/ci/page.js";
import { PASSWORD, useSite } from "../helpers/ci/site.js";
import { peerPath, runPeer } from "../helpers/peers.js";
import { describeWithPrograms } from "../helpers/registryServer.js";

/** The workflows of this repository, and those in its documentation. */

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), "utf8");

/** Every workflow there is, whole, by where it stands. */
function allWorkflows(): Map<string, string> {
  const own = readdirSync(join(root, ".github/workflows")).map((name): [string, string] => [
    `.github/workflows/${name}`,
    read(`.github/workflows/${name}`),
  ]);
  const pages = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" });
  const inPages = pages
    .filter((page) => page.endsWith(".md"))
    .flatMap((page) =>
      workflowsIn(read(`docs/${page}`)).map(([line, text]) => [`docs/${page}:${line}`, text] as const),
    );
  return new Map([...own, ...inPages]);
}

/** Blocks with `jobs`, by their lines: a block that has nothing else is more jobs, or other ones, of the first workflow. */
function workflowsIn(markdown: string): [line: number, text: string][] {
  const blocks = blocksOf(markdown).filter(
    ({ language, text }) => language === "yaml" && /^jobs:/m.test(text) && !/^version:/m.test(text),
  );
  const first = blocks.find(isWhole);
  return blocks.map((block) => {
    if (isWhole(block) || first === undefined) return [block.line, block.text];
    const workflow = withJobs(first);
    return [block.line, stringify({ ...workflow, jobs: { ...workflow.jobs, ...withJobs(block).jobs } })];
  });
}

const WithJobs = z.looseObject({ jobs: z.record(z.string(), z.unknown()) });

function withJobs({ text }: Block): z.infer<typeof WithJobs> {
  return WithJobs.parse(parse(text));
}

function isWhole({ text }: Block): boolean {
  return /^on:/m.test(text);
}

describe("workflows, here and in the documentation", () => {
  it("name Actions in the versions that are known", () => {
    const known = new Set([
      OWN_ACTION,
      ...Object.entries(VERSIONS).map(([name, version]) => `${name}@${version}`),
    ]);
    const used = [...allWorkflows()].flatMap(([where, text]) =>
      [...text.matchAll(/^\s*(?:- )?uses: ([^\s.]\S*)/gm)].map(([, uses = ""]) => `${where} ${uses}`),
    );
    expect(used.length).toBeGreaterThan(20);
    expect(used.filter((one) => !known.has(one.split(" ")[1] ?? ""))).toEqual([]);
  });

  it("give no job more than it needs: nothing is allowed that is not named", () => {
    const own = [...allWorkflows()].filter(([where]) => where.startsWith(".github/"));
    expect(own).toHaveLength(2);
    for (const [, text] of own) expect(parse(text)).toHaveProperty("permissions");
    const { jobs } = releaseWorkflow();
    const writing = Object.entries(jobs).map(([name, { permissions = {} }]) => [
      name,
      Object.entries(permissions).flatMap(([what, how]) => (how === "write" ? [what] : [])),
    ]);
    expect(Object.fromEntries(writing)).toEqual({
      test: [],
      version: [],
      bundle: [],
      npm: ["id-token", "attestations"],
      action: ["contents"],
      image: ["packages"],
      list: ["packages", "id-token", "attestations"],
    });
  });

  describeWithPrograms("actionlint", [peerPath("actionlint")], () => {
    let folder = "";
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), "actionlint-"));
    });
    afterAll(() => {
      rmSync(folder, { recursive: true });
    });

    it.each([...allWorkflows()])("finds nothing in %s", async (_, text) => {
      const file = join(folder, "workflow.yml");
      writeFileSync(file, text);
      await expect(runPeer("actionlint", ["-no-color", file], { home: folder })).resolves.toBe("");
    });

    it("finds what is wrong", async () => {
      const file = join(folder, "wrong.yml");
      writeFileSync(file, read(".github/workflows/test.yml").replace("matrix.node", "matrix.nodes"));
      await expect(runPeer("actionlint", ["-no-color", file], { home: folder })).rejects.toThrow(/./);
    });
  });
});

function releaseWorkflow(here: (text: string) => string = (text) => text): Workflow {
  const text = read(".github/workflows/release.yml").replaceAll("node bin/tsmanifest.js", "tsmanifest");
  return parseWorkflow(here(text));
}

describe("the release workflow", () => {
  const tag = `v${VERSION}`;
  const major = tag.replace(/\..*/, "");
  let repository = "";
  const git = (...args: string[]): string =>
    execFileSync("git", ["-C", repository, ...args], {
      encoding: "utf8",
      stdio: "pipe",
      maxBuffer: 2 ** 28,
    }).trim();
  const site = useSite(() => ({
    npm: ({ args, cwd }) => {
      ran.push(args.join(" "));
      if (args[0] === "ci" && !existsSync(join(cwd, "node_modules")))
        symlinkSync(join(root, "node_modules"), join(cwd, "node_modules"));
      if (args[0] === "pack") writeFileSync(join(cwd, `tsmanifest-${VERSION}.tgz`), "a package");
      return args[0] === "sbom" ? execFileSync("npm", args, { cwd, encoding: "utf8" }) : "";
    },
    gh: ({ args }) => {
      ran.push(`gh ${args.join(" ")}`);
      return "";
    },
  }));
  const ran: string[] = [];

  beforeAll(() => {
    repository = mkdtempSync(join(tmpdir(), "repository-"));
    const files = [
      "package.json",
      "package-lock.json",
      "action.yml",
      ".gitignore",
      "scripts",
      "tools",
      "src",
      "tsconfig.json",
    ];
    for (const file of files) cpSync(join(root, file), join(repository, file), { recursive: true });
    git("init", "--quiet", "--initial-branch=main");
    git("add", ".");
    git(
      "-c",
      "user.name=tester",
      "-c",
      "user.email=tester@example.com",
      "commit",
      "--quiet",
      "-m",
      "a release",
    );
    git("tag", tag);
  });
  afterAll(() => {
    rmSync(repository, { recursive: true });
  });

  it(
    "publishes the package, puts the Action's bundle on the tags, and makes the image's list",
    { timeout: 240_000 },
    async () => {
      const main = git("rev-parse", "main");
      const { attested } = await runWorkflow(
        site,
        releaseWorkflow((text) => site.here(text)),
        {
          repository: "me/tsmanifest",
          tag,
          secrets: { GITHUB_TOKEN: PASSWORD },
          checkout: (folder: string): void => {
            execFileSync("git", ["clone", "--quiet", "--branch", tag, repository, folder], { stdio: "pipe" });
          },
        },
      );

      const tarball = `tsmanifest-${VERSION}.tgz`;
      expect(ran).toContain(`publish ./${tarball} --provenance --access public`);
      expect(ran).toContain("pkg set repository=git+https://github.com/me/tsmanifest.git");
      expect(ran).toContain(
        `gh release create ${tag} sbom/tsmanifest.cdx.json --verify-tag --title ${tag} --generate-notes`,
      );

      expect(git("rev-parse", "main")).toBe(main);
      expect(git("rev-parse", `${tag}^`)).toBe(main);
      expect(git("rev-parse", major)).toBe(git("rev-parse", tag));
      expect(git("diff", "--name-only", "main", tag)).toBe(
        "dist/action/THIRD-PARTY-LICENSES\ndist/action/index.cjs",
      );
      expect(git("show", `${tag}:dist/action/index.cjs`)).toBe(readFileSync(site.action, "utf8").trim());

      const image = site.here("ghcr.io/me/tsmanifest");
      expect(site.platformsAt(`${image}:latest`)).toEqual(["linux/amd64", "linux/arm64"]);
      expect(attested.toSorted()).toEqual([
        `${image}@${site.digestAt(`${image}:${VERSION}`)}`,
        `${tarball} tsmanifest.cdx.json`,
      ]);
    },
  );

  it("says where the repository is before it packs: npm resolves the links of the README by that", () => {
    const { npm } = releaseWorkflow().jobs;
    const steps = npm !== undefined && "steps" in npm ? npm.steps.map(({ run = "" }) => run) : [];
    const setting = steps.findIndex((run) => /^npm pkg set "?repository=/.test(run));
    expect(setting).toBeGreaterThan(-1);
    expect(steps.indexOf("npm pack")).toBeGreaterThan(setting);
  });

  it("stops at a tag that is not the version of the package", async () => {
    const { version } = releaseWorkflow().jobs;
    if (version === undefined) throw new Error("the job is gone");
    const wrong = { ...releaseWorkflow(), jobs: { version } };
    const checkout = (folder: string): void => {
      cpSync(join(root, "package.json"), join(folder, "package.json"));
    };
    const run = { repository: "me/tsmanifest", tag: "v999.0.0", secrets: {}, checkout };
    await expect(runWorkflow(site, wrong, run)).rejects.toThrow("exit 1");
  });
});
