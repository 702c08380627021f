import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readShard, shardOf, type Shard } from "../../src/apply/shards.js";
import { ManifestError } from "../../src/errors.js";

/** Names as releases have them: registries, teams, applications, versions. */
function realisticNames(count: number): string[] {
  const teams = ["platform", "payments", "search", "data", "web", "infra", "ml", "edge"];
  return Array.from({ length: count }, (_, at) => {
    const team = teams[at % teams.length] ?? "";
    return `ghcr.io/example-${team}/service-${Math.floor(at / 3)}:v${1 + (at % 3)}.${at % 17}.0`;
  });
}

function sizesOf(names: readonly string[], count: number): number[] {
  const sizes = Array.from({ length: count }, () => 0);
  for (const name of names) sizes[shardOf(name, count) - 1]! += 1;
  return sizes;
}

const anyName = fc.string({ minLength: 1, maxLength: 80 });
const anyCount = fc.integer({ min: 1, max: 64 });

describe("the shard of a list", () => {
  it("is one of those that there are, and depends on its name and their number only", () => {
    fc.assert(
      fc.property(fc.uniqueArray(anyName), fc.uniqueArray(anyName), anyCount, (names, others, count) => {
        const before = names.map((name) => shardOf(name, count));
        for (const shard of before) {
          expect(shard).toBeGreaterThanOrEqual(1);
          expect(shard).toBeLessThanOrEqual(count);
        }
        // The shards of other lists, asked in between, move none of these.
        for (const other of others) shardOf(other, count);
        expect([...names].reverse().map((name) => shardOf(name, count))).toEqual(before.reverse());
      }),
    );
  });

  it("is the same from one version to the next", () => {
    expect([2, 4, 8, 16].map((count) => shardOf("docker.io/library/app:v1", count))).toEqual([1, 3, 7, 15]);
  });

  it("together with the others has each list once", () => {
    const names = realisticNames(1_000);
    const all = Array.from({ length: 16 }, (_, at) => names.filter((name) => shardOf(name, 16) === at + 1));
    expect(all.flat().sort()).toEqual([...names].sort());
  });

  // A hash is chance: of n lists a shard, the usual distance from the mean is 1/√n of it.
  it.each([
    [1_000, 2, 0.15],
    [10_000, 2, 0.15],
    [10_000, 4, 0.15],
    [10_000, 8, 0.15],
    [10_000, 16, 0.15],
    [1_000, 4, 0.3],
    [1_000, 8, 0.4],
    [1_000, 16, 0.55],
  ])("of %i lists in %i shards keeps within %f of the mean", (lists, count, bound) => {
    const mean = lists / count;
    const sizes = sizesOf(realisticNames(lists), count);
    expect(Math.max(...sizes.map((size) => Math.abs(size - mean) / mean))).toBeLessThan(bound);
  });
});

/** What it is read as, or the message and hint of the error. */
function read(text: string, env: Record<string, string> = {}, shards?: number): Shard | string {
  try {
    return readShard(text, shards, env);
  } catch (error) {
    if (!(error instanceof ManifestError) || error.code !== "USAGE") throw error;
    return `${error.message}: ${error.hint ?? ""}`;
  }
}

describe("--shard", () => {
  it("takes I/N", () => {
    expect(read("1/16")).toEqual({ index: 1, count: 16 });
    expect(read("16/16", {}, 16)).toEqual({ index: 16, count: 16 });
  });

  it.each(["0/16", "17/16", "1/0", "1/10001", "1", "a/b", "-1/4", "1/4/2", "", "1.5/2"])(
    "refuses %j",
    (text) => {
      expect(read(text)).toMatch(/--shard/);
    },
  );

  it("names the shards that there are", () => {
    expect(read("17/16")).toBe("--shard 17/16: there is no such shard: the shards are 1/16 to 16/16");
  });

  it("refuses --shards of another number", () => {
    expect(read("1/16", {}, 8)).toContain("are not the same number of shards");
  });

  it.each([
    ["Kubernetes", { JOB_COMPLETION_INDEX: "0", JOB_COMPLETIONS: "16" }, undefined, 1],
    ["Kubernetes with --shards", { JOB_COMPLETION_INDEX: "15" }, 16, 16],
    ["GitLab", { CI_NODE_INDEX: "3", CI_NODE_TOTAL: "16" }, undefined, 3],
    ["CircleCI", { CIRCLE_NODE_INDEX: "3", CIRCLE_NODE_TOTAL: "16" }, undefined, 4],
    ["Buildkite", { BUILDKITE_PARALLEL_JOB: "0", BUILDKITE_PARALLEL_JOB_COUNT: "16" }, undefined, 1],
    ["GitHub", { STRATEGY_JOB_INDEX: "15", STRATEGY_JOB_TOTAL: "16" }, 16, 16],
  ])("auto understands %s", (_, env, shards, index) => {
    expect(read("auto", env, shards)).toEqual({ index, count: 16 });
  });

  it("auto is the only shard where GitLab runs one job", () => {
    expect(read("auto", { CI_NODE_TOTAL: "1" })).toEqual({ index: 1, count: 1 });
  });

  it.each([
    ["nothing is said", {}, undefined, /nothing in the environment says which job this is/],
    ["half of a pair", { CI_NODE_TOTAL: "4" }, undefined, /CI_NODE_TOTAL is set, but CI_NODE_INDEX is not/],
    [
      "the other half",
      { CIRCLE_NODE_INDEX: "4" },
      undefined,
      /CIRCLE_NODE_INDEX is set, but CIRCLE_NODE_TOTAL is not/,
    ],
    ["half of a pair is empty", { CI_NODE_INDEX: "1", CI_NODE_TOTAL: "" }, 4, /CI_NODE_TOTAL is not/],
    ["Kubernetes does not say how many", { JOB_COMPLETION_INDEX: "4" }, undefined, /pass --shards N/],
    [
      "two systems",
      { CI_NODE_INDEX: "1", CI_NODE_TOTAL: "2", JOB_COMPLETION_INDEX: "0" },
      2,
      /both Kubernetes \(JOB_COMPLETION_INDEX\) and GitLab/,
    ],
    [
      "--shards is another number",
      { CI_NODE_INDEX: "1", CI_NODE_TOTAL: "2" },
      4,
      /--shards 4, but CI_NODE_TOTAL is 2/,
    ],
    [
      "it is out of range",
      { CI_NODE_INDEX: "3", CI_NODE_TOTAL: "2" },
      undefined,
      /^--shard auto: CI_NODE_INDEX is 3, but with 2 jobs GitLab counts from 1 to 2: /,
    ],
    [
      "one that begins at 0 is out of range",
      { CIRCLE_NODE_INDEX: "2", CIRCLE_NODE_TOTAL: "2" },
      undefined,
      /CIRCLE_NODE_INDEX is 2, but with 2 jobs CircleCI counts from 0 to 1/,
    ],
    [
      "--shards is as large as the index",
      { JOB_COMPLETION_INDEX: "4" },
      4,
      /^--shard auto: JOB_COMPLETION_INDEX is 4, but with 4 jobs Kubernetes counts from 0 to 3: check how many jobs there are/,
    ],
    [
      "GitLab has 0",
      { CI_NODE_INDEX: "0", CI_NODE_TOTAL: "2" },
      undefined,
      /CI_NODE_INDEX is 0, but with 2 jobs GitLab counts from 1 to 2/,
    ],
    [
      "there are too many",
      { CI_NODE_INDEX: "1", CI_NODE_TOTAL: "10001" },
      undefined,
      /there can be 1 to 10000/,
    ],
    [
      "it is no number",
      { CI_NODE_INDEX: "x", CI_NODE_TOTAL: "2" },
      undefined,
      /is "x", which is not the number/,
    ],
  ])("auto is refused where %s", (_, env, shards, message) => {
    expect(read("auto", env, shards)).toMatch(message);
  });

  it("auto maps the indexes of each system to the shards, each once", () => {
    for (const [index, count, first] of [
      ["JOB_COMPLETION_INDEX", "JOB_COMPLETIONS", 0],
      ["CI_NODE_INDEX", "CI_NODE_TOTAL", 1],
      ["CIRCLE_NODE_INDEX", "CIRCLE_NODE_TOTAL", 0],
      ["BUILDKITE_PARALLEL_JOB", "BUILDKITE_PARALLEL_JOB_COUNT", 0],
      ["STRATEGY_JOB_INDEX", "STRATEGY_JOB_TOTAL", 0],
    ] as const) {
      const shards = Array.from({ length: 5 }, (_, at) =>
        read("auto", { [index]: String(at + first), [count]: "5" }),
      );
      expect(shards).toEqual([1, 2, 3, 4, 5].map((one) => ({ index: one, count: 5 })));
    }
  });
});
