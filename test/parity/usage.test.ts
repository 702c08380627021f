import fc from "fast-check";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { beforeAll, expect, it } from "vitest";
import { parseFlags } from "../../src/go/flags.js";
import { escapeControls } from "../../src/ui/text.js";
import { cli } from "../helpers/cli.js";
import { describeWithDocker, docker, dockerConfigFolder } from "../helpers/docker.js";
import { stubCommands } from "../helpers/stubCommands.js";
import { dockersLines, expectedStderr, usageCases } from "../helpers/usageCases.js";

describeWithDocker("command lines, as docker reads them", () => {
  let config: string;
  beforeAll(() => {
    config = dockerConfigFolder();
  });

  /**
   * docker's answer in our words: its name is `docker manifest`, or `docker` at the start of a line. Control
   * characters, which we do not let through to the terminal, are spelled out.
   */
  async function dockersAnswer(argv: readonly string[]) {
    const { status, stdout, stderr } = await docker(["manifest", ...argv], { config });
    const renamed = stderr.replaceAll("docker manifest", "tsmanifest").replace(/^docker: /, "tsmanifest: ");
    return { status, stderr: escapeControls(renamed), showsHelp: stdout.includes("Usage:  ") };
  }

  it("every row of the table is what docker says", { timeout: 120_000 }, async () => {
    const rows = await inPairs(usageCases, async (row) => ({
      argv: row.argv,
      docker: await dockersAnswer(row.argv),
      table: { status: row.status, stderr: escapeControls(expectedStderr(row)), showsHelp: false },
    }));
    expect(rows.filter((row) => !isDeepStrictEqual(row.docker, row.table))).toEqual([]);
  });

  it("150 command lines near the syntax are read alike", { timeout: 120_000 }, async () => {
    const token = fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom("a", "b", "a:t", "-", "", "A") },
      {
        weight: 4,
        arbitrary: fc.constantFrom("-p", "--purge", "--insecure", "-pp", "-p=1", "--purge=false", "-p=f"),
      },
      {
        weight: 3,
        arbitrary: fc.constantFrom("--os", "--os=linux", "--arch", "--os-features=a", "--os-version", "--"),
      },
      {
        weight: 1,
        arbitrary: fc.constantFrom("--help", "-h", "-ph", "--help=0", "---", "--=", "-p=x", "--os-features"),
      },
      {
        weight: 1,
        arbitrary: fc.stringMatching(/^--?[ph=x"\u00e9-]{1,4}$/),
      },
    );
    const command = fc.constantFrom("push", "push", "rm", "annotate", "annotate");
    const lines = fc.sample(
      fc.tuple(command, fc.array(token, { maxLength: 4 })).map(([name, tokens]) => [name, ...tokens]),
      { seed: 20240602, numRuns: 150 },
    );
    const rows = await inPairs(lines, async (argv) => {
      const { status, stdout, stderr } = await cli(argv, stubCommands);
      return {
        argv,
        docker: await dockersAnswer(argv),
        us: { status, stderr: dockersLines(stderr), showsHelp: stdout.startsWith("Usage:  ") },
      };
    });
    expect(rows.filter((row) => !isDeepStrictEqual(row.docker, row.us))).toEqual([]);
  });

  it("100 lists of features near CSV are read alike", { timeout: 120_000 }, async () => {
    const piece = fc.constantFrom('"', '"', ",", ",", "a", "b", "\u00e9", "\n", "\r", "\r\n", '""', " ");
    const lists = fc.sample(
      fc.array(piece, { maxLength: 7 }).map((pieces) => pieces.join("")),
      { seed: 20240603, numRuns: 100 },
    );
    const table = { osFeatures: { kind: "stringSlice", value: "list", description: "" } } as const;
    const rows = await inPairs(lists, async (list) => {
      const flag = `--os-features=${list}`;
      const us = await cli(["annotate", "a", "b", flag], stubCommands);
      if (us.status === 125) {
        const refusal = await dockersAnswer(["annotate", "a", "b", flag]);
        return { list, docker: refusal.stderr, us: us.stderr };
      }
      // What docker adds to an entry shows what it has read; repeats it leaves out.
      const features = [...new Set(parseFlags(table, [flag]).values.osFeatures)];
      return { list, docker: await dockersFeatures(flag), us: features };
    });
    expect(rows.filter((row) => !isDeepStrictEqual(row.docker, row.us))).toEqual([]);
    expect(rows.filter(({ docker }) => Array.isArray(docker) && docker.length > 0).length).toBeGreaterThan(
      10,
    );
  });

  async function dockersFeatures(flag: string): Promise<unknown> {
    const folder = dockerConfigFolder();
    const list = join(folder, "manifests", "docker.io_library_a-latest");
    const file = join(list, "docker.io_library_b-latest");
    mkdirSync(list, { recursive: true });
    writeFileSync(file, ENTRY);
    const argv = ["manifest", "annotate", "a", "b", "--os=linux", "--arch=amd64", flag];
    const { stderr } = await docker(argv, { config: folder });
    if (stderr !== "") return stderr;
    const entry: unknown = JSON.parse(readFileSync(file, "utf8"));
    const features = /"os\.features":(\[.*?\])[,}]/.exec(JSON.stringify(entry))?.[1];
    return JSON.parse(features ?? "[]");
  }
});

const DIGEST = `sha256:${"a".repeat(64)}`;
const MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG = { mediaType: "application/vnd.docker.container.image.v1+json", size: 1, digest: DIGEST };
const MANIFEST = { schemaVersion: 2, mediaType: MANIFEST_TYPE, config: CONFIG, layers: [] };
const ENTRY = JSON.stringify({
  Ref: "docker.io/library/b:latest",
  Descriptor: { mediaType: MANIFEST_TYPE, digest: DIGEST, size: 1, platform: { architecture: "", os: "" } },
  Raw: Buffer.from(JSON.stringify(MANIFEST)).toString("base64"),
  SchemaV2Manifest: MANIFEST,
});

/** Two at a time: docker is a process for each. */
async function inPairs<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let at = 0; at < items.length; at += 2) {
    results.push(...(await Promise.all(items.slice(at, at + 2).map(work))));
  }
  return results;
}
