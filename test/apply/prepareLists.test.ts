import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { readLists } from "../../src/apply/file/readLists.js";
import { prepareLists } from "../../src/apply/prepareLists.js";
import { targetName } from "../../src/apply/results.js";
import { linesOf, listFolder, listsOf } from "./file/listFiles.js";

const { folder, write } = listFolder();
const DEFAULTS = { verify: "", waitMs: 0 } as const;

async function prepared(isMine?: (target: string) => boolean): ReturnType<typeof prepareLists> {
  const orders = await readLists(["lists.yaml"], { env: {}, stdin: () => Readable.from([]), cwd: folder });
  return prepareLists(orders, DEFAULTS, isMine);
}

it("a list is in the same shard whatever way its registry is written, and keeps that way for people", async () => {
  const names = ["GHCR.io:443/o/app:1", "registry-1.docker.io/o/app", "app:1", "r.example:5000/app:1"];
  write("lists.yaml", listsOf(...names.map((name) => `target: "${name}"\nsources: [r.example/b]`)));
  const asked: string[] = [];
  const lists = await prepared((key) => asked.push(key) > 0);
  expect(asked).toEqual([
    "ghcr.io/o/app:1",
    "docker.io/o/app:latest",
    "docker.io/library/app:1",
    "r.example:5000/app:1",
  ]);
  expect(lists.map(({ order }) => targetName(order.targets))).toEqual([
    "GHCR.io:443/o/app:1",
    "registry-1.docker.io/o/app:latest",
    "docker.io/library/app:1",
    "r.example:5000/app:1",
  ]);
});

describe("what folders of digests and metadata files name", () => {
  it("is told with the place of its own from: where it cannot be used, all of it at once", async () => {
    mkdirSync(join(folder, "empty"));
    write("bad.json", "[");
    write(
      "lists.yaml",
      listsOf(
        "target: r.example/a:1\nsources:\n  - from: empty\n  - r.example/b:1\n  - from: bad.json",
        "target: r.example/c:1\nsources: [{ from: empty }]",
      ),
    );
    const lines = await linesOf(() => prepared());
    expect(lines.map((line) => line.split(" ")[0])).toEqual([
      "lists.yaml:5:15:",
      "lists.yaml:7:15:",
      "lists.yaml:9:23:",
    ]);
    expect(lines[0]).toContain("empty");
    expect(lines[1]).toContain("bad.json");
  });

  it("comes in the order of the file", async () => {
    const digests = ["c", "a", "b"].map((letter) => letter.repeat(64));
    for (const [at, digest] of digests.entries()) {
      mkdirSync(join(folder, `d${at}`));
      write(join(`d${at}`, digest), "");
    }
    write(
      "lists.yaml",
      listsOf("target: r.example/a:1\nsources: [{ from: d0 }, { from: d1 }, { from: d2 }]"),
    );
    const [list] = await prepared();
    expect(list!.from.map(({ place }) => place.digest)).toEqual(digests.map((digest) => `sha256:${digest}`));
  });
});
