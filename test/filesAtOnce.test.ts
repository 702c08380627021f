import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import * as awaited from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import * as atOnce from "../src/filesAtOnce.js";

/** What the command does without threads ends as it does with them. */

let folder: string;
const at = (name: string) => join(folder, name);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "at-once-"));
  fill();
});

function fill(): void {
  writeFileSync(at("file"), "content");
  symlinkSync(at("file"), at("link"));
  mkdirSync(at("folder"));
  writeFileSync(at("folder/inside"), "");
}

afterEach(() => {
  rmSync(folder, { recursive: true });
});

type Files = typeof awaited;
/** As what the bundle takes it. */
const standIn = atOnce as unknown as Files;

/** What came of it, and what the folder has then. */
async function outcome(act: (files: Files) => Promise<unknown>, files: Files): Promise<unknown> {
  const result = await act(files).catch((error: unknown) => ({
    code: error instanceof Error && "code" in error ? error.code : error,
  }));
  return { result, left: await awaited.readdir(folder, { recursive: true }) };
}

const ACTS: Readonly<Record<string, (files: Files) => Promise<unknown>>> = {
  "reads a file": async ({ readFile }) => String(await readFile(at("file"))),
  "reads no folder": ({ readFile }) => readFile(at("folder")),
  "lists a folder": async ({ readdir }) => (await readdir(at("folder"))).map(String),
  "follows a link": async ({ stat }) => (await stat(at("link"))).isFile(),
  "sees a link": async ({ lstat }) => (await lstat(at("link"))).isSymbolicLink(),
  "reads a link": ({ readlink }) => readlink(at("link")),
  "tells large numbers": async ({ stat }) => typeof (await stat(at("file"), { bigint: true })).mtimeNs,
  "finds nothing": ({ stat }) => stat(at("none")),
  "makes a folder": ({ mkdir }) => mkdir(at("new"), { mode: 0o700 }),
  "makes no folder twice": ({ mkdir }) => mkdir(at("folder")),
  "renames a file": ({ rename }) => rename(at("file"), at("other")),
  "copies a file": ({ copyFile }) => copyFile(at("file"), at("copy")),
  "copies over no file": ({ copyFile, constants }) =>
    copyFile(at("file"), at("link"), constants.COPYFILE_EXCL),
  "removes a folder": ({ rm }) => rm(at("folder"), { recursive: true }),
  "removes no folder that is not empty": ({ rmdir }) => rmdir(at("folder")),
  "removes a file": ({ unlink }) => unlink(at("file")),
  "writes a file": ({ writeFile }) => writeFile(at("file"), "new"),
  "may read": ({ access, constants }) => access(at("file"), constants.R_OK),
  "changes rights": ({ chmod }) => chmod(at("file"), 0o600),
  "changes times": ({ utimes }) => utimes(at("file"), 1, 1),
  "gives nothing away that is not there": ({ chown }) => chown(at("none"), 0, 0),
  "opens nothing that is not there": ({ open }) => open(at("none"), "r"),
  "makes nothing that is there": ({ open }) => open(at("file"), "wx", 0o644),
};

test.each(Object.entries(ACTS))("%s, or says as much", async (_, act) => {
  const first = await outcome(act, awaited);
  rmSync(folder, { recursive: true });
  mkdirSync(folder);
  fill();
  expect(await outcome(act, standIn)).toEqual(first);
});

describe("an open file", () => {
  test("is read to its end and written to", async () => {
    const written = await atOnce.open(at("new"), "wx", 0o600);
    await written.writeFile(Buffer.from("bytes"));
    await written.sync();
    await written.close();
    const read = await atOnce.open(at("new"), "r");
    const { bytesRead, buffer } = await read.read(Buffer.alloc(10));
    expect(buffer.toString("utf8", 0, bytesRead)).toBe("bytes");
    expect(await read.read(Buffer.alloc(10))).toMatchObject({ bytesRead: 0 });
    await read.close();
    expect(readFileSync(at("new"), "utf8")).toBe("bytes");
  });

  test(
    "holds nothing up where it is a pipe that nobody writes to yet",
    { skip: process.platform === "win32" },
    async () => {
      execFileSync("mkfifo", [at("pipe")]);
      const opened = atOnce.open(at("pipe"), "r");
      await awaited.writeFile(at("pipe"), "late");
      const handle = await opened;
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(10));
      expect(buffer.toString("utf8", 0, bytesRead)).toBe("late");
      await handle.close();
    },
  );
});
