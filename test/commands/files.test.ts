import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import type Fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { writeOutputFile } from "../../src/commands/files.js";

/** A file of results, in a folder where somebody else may make links. */

const disk = vi.hoisted(() => ({
  /** Before and after the bytes are written, with the name of the file they are in. */
  before: undefined as ((file: string) => void) | undefined,
  after: undefined as ((file: string) => void) | undefined,
}));

vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof Fs>();
  const writeFile = async (file: string, ...rest: [Buffer]): Promise<void> => {
    disk.before?.(file);
    await real.writeFile(file, ...rest);
    disk.after?.(file);
  };
  return { ...real, writeFile };
});

let folder = "";
let output = "";
let victim = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "output-"));
  output = join(folder, "digest");
  victim = join(folder, "victim");
  writeFileSync(victim, "not to be touched");
});
afterEach(() => {
  disk.before = undefined;
  disk.after = undefined;
  rmSync(folder, { recursive: true });
});

const bytes = Buffer.from("sha256:0");

describe("a link that is put in the way of an output file", () => {
  it("under the name that it is made under has nothing written through it", async () => {
    let made = "";
    disk.before = (file) => {
      made = file;
      symlinkSync(victim, file);
    };
    await expect(writeOutputFile(output, bytes)).rejects.toMatchObject({ code: "CONFIG" });
    expect(made).toMatch(/digest\.\S+$/);
    expect(readFileSync(victim, "utf8")).toBe("not to be touched");
    expect(readdirSync(folder)).toEqual(["victim"]);
  });

  it("under its own name meanwhile is replaced", async () => {
    disk.after = () => {
      symlinkSync(victim, output);
    };
    await writeOutputFile(output, bytes);
    expect(lstatSync(output).isFile()).toBe(true);
    expect(readFileSync(output)).toEqual(bytes);
    expect(readFileSync(victim, "utf8")).toBe("not to be touched");
  });

  it("and another name is taken each time", async () => {
    const names = new Set<string>();
    disk.before = (file) => names.add(file);
    for (let n = 0; n < 20; n++) await writeOutputFile(output, bytes);
    expect(names.size).toBe(20);
  });
});
