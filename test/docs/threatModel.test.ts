import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

/** The limits that docs/threat-model.md promises are those of the code. */

const read = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), "utf8");
const page = read("docs/threat-model.md");
const KIB = 1024;
const MIB = 1024 * KIB;

const LIMITS: readonly { what: string; said: string; file: string; name: string; is: number }[] = [
  {
    what: "a manifest, or",
    said: "4 MiB",
    file: "registry/http/transport.ts",
    name: "MAX_BODY_BYTES",
    is: 4 * MIB,
  },
  {
    what: "an answer of a token",
    said: "256 KiB",
    file: "registry/auth/authorize/fetchToken.ts",
    name: "MAX_TOKEN_ANSWER",
    is: 256 * KIB,
  },
  {
    what: "a config, or",
    said: "16 MiB",
    file: "registry/repository.ts",
    name: "MAX_BLOB_BYTES",
    is: 16 * MIB,
  },
  {
    what: "all headers",
    said: "64 KiB",
    file: "registry/http/http1.ts",
    name: "MAX_HEADER_BYTES",
    is: 64 * KIB,
  },
  { what: "redirects", said: "5", file: "registry/http/redirects.ts", name: "MAX_REDIRECTS", is: 5 },
  { what: "indexes in indexes", said: "4 deep", file: "content/bounds.ts", name: "MAX_NESTING", is: 4 },
  { what: "entries of a list", said: "10,000", file: "content/bounds.ts", name: "MAX_MANIFESTS", is: 10_000 },
  {
    what: "all manifests of one",
    said: "128 MiB",
    file: "content/manifestCache.ts",
    name: "MAX_MANIFEST_BYTES",
    is: 128 * MIB,
  },
  { what: "pages of referrers", said: "100", file: "registry/referrers.ts", name: "MAX_PAGES", is: 100 },
  { what: "nesting of JSON", said: "1,000", file: "go/json.ts", name: "MAX_DEPTH", is: 1000 },
  {
    what: "a file of lists",
    said: "32 MiB",
    file: "apply/file/readInputs.ts",
    name: "MAX_FILE_BYTES",
    is: 32 * MIB,
  },
  {
    what: "a file of lists",
    said: "64 MiB with its variables",
    file: "apply/file/readLists.ts",
    name: "MAX_FILLED",
    is: 64 * MIB,
  },
  {
    what: "a metadata file",
    said: "16 MiB",
    file: "content/buildMetadata.ts",
    name: "MAX_BYTES",
    is: 16 * MIB,
  },
  {
    what: "a metadata file",
    said: "16 MiB",
    file: "content/layoutIndexFile.ts",
    name: "MAX_INDEX",
    is: 16 * MIB,
  },
  {
    what: "files in a folder",
    said: "10,000",
    file: "content/digestFolder.ts",
    name: "MAX_FILES",
    is: 10_000,
  },
  { what: "`config.json`", said: "1 MiB", file: "docker/config.ts", name: "MAX_SIZE", is: MIB },
  {
    what: "an entry of the local",
    said: "32 MiB",
    file: "store/view.ts",
    name: "MAX_ENTRY_BYTES",
    is: 32 * MIB,
  },
  {
    what: "a recalled challenge",
    said: "4 KiB, and a day",
    file: "memory/memory.ts",
    name: "MAX_CHALLENGE_BYTES",
    is: 4 * KIB,
  },
  {
    what: "a recalled challenge",
    said: "4 KiB, and a day",
    file: "memory/memory.ts",
    name: "DAY",
    is: 86_400_000,
  },
  {
    what: "manifests that are remembered",
    said: "512",
    file: "memory/memory.ts",
    name: "MAX_MANIFESTS",
    is: 512,
  },
];

describe("a limit of the threat model is that of the code:", () => {
  it.each(LIMITS)("$what…, $said", ({ what, said, file, name, is }) => {
    const row = page.split("\n").find((line) => line.startsWith(`| ${what}`)) ?? "";
    expect(row).toContain(said);
    const [, factors = ""] = new RegExp(`const ${name} = ([\\d_* ]+);`).exec(read(`src/${file}`)) ?? [];
    const value = factors
      .split("*")
      .reduce((product, factor) => product * Number(factor.replaceAll("_", "")), 1);
    expect(value).toBe(is);
  });

  it("a minute without a byte", () => {
    expect(page).toMatch(/^\| time without a byte +\| 60 s/m);
    expect(read("src/registry/http/transport.ts")).toMatch(/headers: 60_000, stall: 60_000/);
  });
});
