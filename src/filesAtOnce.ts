import {
  accessSync,
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  promises,
  readFileSync,
  readSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  rmdirSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import type { FileHandle } from "node:fs/promises";

/**
 * What node:fs/promises has, done at once instead of by a thread. In the command's bundle, the store and docker's configuration have it in
 * place of that (scripts/bundle.js): a command has nothing else to do in the meantime, and `rm` and `annotate` take some
 * forty steps on files of a few kilobytes.
 */

export { constants } from "node:fs";

export const access = atOnce(accessSync);
export const chmod = atOnce(chmodSync);
export const chown = atOnce(chownSync);
export const copyFile = atOnce(copyFileSync);
export const lstat = atOnce(lstatSync);
export const mkdir = atOnce(mkdirSync);
export const readdir = atOnce(readdirSync);
export const readFile = atOnce(readFileSync);
export const readlink = atOnce(readlinkSync);
export const rename = atOnce(renameSync);
export const rm = atOnce(rmSync);
export const rmdir = atOnce(rmdirSync);
export const stat = atOnce(statSync);
export const unlink = atOnce(unlinkSync);
export const utimes = atOnce(utimesSync);
export const writeFile = atOnce(writeFileSync);

/** Of a handle, what is asked of it here. */
type Handle = Pick<FileHandle, "sync" | "close"> & {
  read(buffer: Buffer): Promise<{ bytesRead: number; buffer: Buffer }>;
  writeFile(data: Uint8Array): Promise<void>;
};

export async function open(path: string, flags: string, mode?: number): Promise<Handle> {
  // Opening a pipe may take until somebody writes to it.
  const isOdd = statSync(path, { throwIfNoEntry: false })?.isFile() === false;
  if (isOdd) return promises.open(path, flags, mode);
  const file = openSync(path, flags, mode);
  return {
    read: atOnce((buffer: Buffer) => ({ bytesRead: readSync(file, buffer), buffer })),
    writeFile: atOnce((data: Uint8Array) => {
      writeFileSync(file, data);
    }),
    sync: atOnce(() => {
      fsyncSync(file);
    }),
    close: atOnce(() => {
      closeSync(file);
    }),
  };
}

/** Refusals reject, as there. */
function atOnce<Args extends unknown[], Result>(
  call: (...args: Args) => Result,
): (...args: Args) => Promise<Result> {
  return (...args) =>
    new Promise((resolve) => {
      resolve(call(...args));
    });
}
