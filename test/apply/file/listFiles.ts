import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll } from "vitest";
import type { FileOrder } from "../../../src/apply/file/fileOrder.js";
import { readLists } from "../../../src/apply/file/readLists.js";
import { ManifestError } from "../../../src/errors.js";

/** A folder of its own, gone after the tests of the file. */
export function listFolder(): {
  readonly folder: string;
  readonly write: (name: string, text: string | Buffer) => string;
} {
  const folder = mkdtempSync(join(tmpdir(), "lists-"));
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    folder,
    write: (name, text) => {
      const file = join(folder, name);
      writeFileSync(file, text);
      return file;
    },
  };
}

export type Env = Readonly<Record<string, string>>;

/** What standard input with this text is read into. Nothing is in its folder unless another is given. */
export function readText(
  text: string | Buffer,
  env: Env = {},
  onWarning?: (text: string) => void,
  cwd = "/work",
): Promise<readonly FileOrder[]> {
  return readLists(["-"], {
    env,
    stdin: () => Readable.from([Buffer.from(text)]),
    cwd,
    ...(onWarning && { onWarning }),
  });
}

/** What is wrong with a text, a line each, without the name of standard input. */
export async function faultsIn(text: string | Buffer, env: Env = {}): Promise<readonly string[]> {
  return linesOf(() => readText(text, env)).then((lines) => lines.map((line) => line.replace(/^-:/, "")));
}

/** The lines of the error. */
export async function linesOf(read: () => Promise<unknown>): Promise<readonly string[]> {
  try {
    await read();
  } catch (error) {
    if (error instanceof ManifestError && error.code === "INVALID_FILE") return error.message.split("\n");
    throw error;
  }
  return [];
}

/** A file with these lists, each given by its lines. */
export function listsOf(...lists: readonly string[]): string {
  const items = lists.map((lines) =>
    lines
      .trim()
      .split("\n")
      .map((line, at) => `${at === 0 ? "  - " : "    "}${line}\n`)
      .join(""),
  );
  return `version: 1\nlists:\n${items.join("")}`;
}
