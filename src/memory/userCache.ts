import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, isAbsolute, join } from "node:path";
// On Windows there is no `geteuid`.
import { geteuid, pid } from "node:process";

/**
 * Small files of ours in the folder where the user's programs keep what they can make again. Whoever can write there can mislead
 * us, so nobody else may: what others could have written is not read, and where they could write nothing is kept.
 *
 * Nothing here throws: a folder of somebody else's, a full disk or a damaged file are as if nothing had been kept. It imports nothing
 * but Node's own modules and waits for nothing: src/startup uses it, too, before the program is loaded.
 */
export class UserCache {
  readonly #folder: string | undefined;

  constructor(folder: string | undefined) {
    this.#folder = folder;
  }

  /** Is there a folder that only we and root can write to? */
  get isUsable(): boolean {
    return this.#folder !== undefined;
  }

  /** What is in a file, if that is ours, no link, and no longer than `limit` bytes. */
  read(name: string, limit: number): Buffer | undefined {
    if (this.#folder === undefined) return undefined;
    return readOwn(join(this.#folder, name), limit);
  }

  /**
   * Replaces a file as a whole, with mode 0600, also where two processes do so at once or one of them is killed.
   * @returns whether it is there now
   */
  write(name: string, content: string | Uint8Array): boolean {
    if (this.#folder === undefined) return false;
    const temporary = `${name}.${pid}.${Date.now()}.tmp`;
    try {
      if (!makeOwn(this.#folder)) return false;
      writeFileSync(join(this.#folder, temporary), content, { flag: "wx", mode: 0o600 });
      renameSync(join(this.#folder, temporary), join(this.#folder, name));
      return true;
    } catch {
      this.remove(temporary);
      return false;
    }
  }

  remove(name: string): void {
    try {
      if (this.#folder !== undefined) rmSync(join(this.#folder, name), { force: true });
    } catch {
      // It is as if it were still new; it ends by itself.
    }
  }

  /** Notes that a file was of use, so that {@link keepNewest} takes it for a new one. */
  touch(name: string): void {
    try {
      const now = new Date();
      if (this.#folder !== undefined) lutimesSync(join(this.#folder, name), now, now);
    } catch {
      // It goes earlier than it might.
    }
  }

  /**
   * Removes all but the newest of the files that are named like this, and what killed processes have left of such files an hour ago.
   * Everything else in the folder stays.
   */
  keepNewest(names: RegExp, most: number): void {
    try {
      if (this.#folder === undefined) return;
      const folder = this.#folder;
      const files = readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ name }) => ({ name, whole: name.replace(LEFT_OVER, "") }))
        .filter(({ whole }) => names.test(whole))
        .map(({ name, whole }) => ({ file: join(folder, name), isLeftOver: name !== whole }))
        .map((one) => ({ ...one, time: lstatSync(one.file, { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
        .sort((a, b) => b.time - a.time);
      const leftOver = files.filter(({ isLeftOver, time }) => isLeftOver && time < Date.now() - HOUR);
      const old = files.filter(({ isLeftOver }) => !isLeftOver).slice(most);
      for (const { file } of [...leftOver, ...old]) rmSync(file, { force: true });
    } catch {
      // Another run removes them.
    }
  }
}

/** Where a program runs, as far as its cache folder depends on it. */
interface Place {
  /** The variables, such as `process.env`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The user's home folder; none for an empty text. */
  readonly home: string;
  /** The operating system, such as `process.platform`. */
  readonly platform: NodeJS.Platform;
}

const HOUR = 3_600_000;
/** What {@link UserCache.write} puts behind a name until the file is whole. */
const LEFT_OVER = /\.\d+\.\d+\.tmp$/;

/**
 * Finds our folder within the user's cache folder; it may not be there yet. Each folder on the way has to be ours or root's, and no
 * other user may be able to write to it. That leaves out another user's cache, which `sudo` with that user's HOME would find. On
 * Windows a user's folder is that user's by the rights that it inherits.
 */
export function findUserCache(place: Place): UserCache {
  try {
    const parent = cacheHome(place);
    const folder = isAbsolute(parent) ? join(realPath(parent), "tsmanifest") : undefined;
    return new UserCache(folder !== undefined && isSafe(folder) ? folder : undefined);
  } catch {
    // No home, or no right to look.
    return new UserCache(undefined);
  }
}

/** The folder in which programs keep what they can make again. */
function cacheHome({ env, home, platform }: Place): string {
  if (platform === "win32") return env["LOCALAPPDATA"] ?? "";
  const { XDG_CACHE_HOME: set = "" } = env;
  if (set !== "" || home === "") return set;
  return join(home, platform === "darwin" ? "Library/Caches" : ".cache");
}

/** Where the links of a path lead, as far as it is there. */
function realPath(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return join(realPath(dirname(folder)), basename(folder));
  }
}

/** Can only we and root change what is there? What is not there yet is as safe as its parent. */
function isSafe(folder: string): boolean {
  const me = geteuid?.();
  if (me === undefined) return true;
  const stats = lstatSync(folder, { throwIfNoEntry: false });
  if (stats !== undefined) {
    if (!stats.isDirectory() || (stats.uid !== me && stats.uid !== 0)) return false;
    // In a sticky folder, such as /tmp, nobody can put another in the place of one that is not theirs.
    if ((stats.mode & 0o022) !== 0 && (stats.mode & 0o1000) === 0) return false;
  }
  const parent = dirname(folder);
  return parent === folder || isSafe(parent);
}

/** Makes the folder where it is not there; whether it is ours then. */
function makeOwn(folder: string): boolean {
  // Two levels, not `recursive`: Node would try without end where the system says that a parent which is there is not (/proc).
  for (const one of [dirname(folder), folder]) {
    if (!existsSync(one)) mkdirSync(one, { mode: 0o700 });
  }
  // Somebody else may have made it in the meantime, in /tmp.
  return isSafe(folder);
}

function readOwn(file: string, limit: number): Buffer | undefined {
  let fd: number | undefined;
  try {
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
    fd = openSync(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const stats = fstatSync(fd);
    const me = geteuid?.();
    const isOurs = me === undefined || (stats.uid === me && (stats.mode & 0o022) === 0);
    return stats.isFile() && isOurs && stats.size <= limit ? readFileSync(fd) : undefined;
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
