import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { readLists } from "../../src/apply/file/readLists.js";
import { prepareLists } from "../../src/apply/prepareLists.js";
import { linesOf, listFolder, listsOf } from "./file/listFiles.js";

const { folder, write } = listFolder();
const DEFAULTS = { verify: "", waitMs: 0 } as const;

async function prepared(): ReturnType<typeof prepareLists> {
  const orders = await readLists(["lists.yaml"], { env: {}, stdin: () => Readable.from([]), cwd: folder });
  return prepareLists(orders, DEFAULTS);
}

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
    const lines = await linesOf(prepared);
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
