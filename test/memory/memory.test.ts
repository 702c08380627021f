import { execFile } from "node:child_process";
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openMemory, type Memory, type RememberedChallenge } from "../../src/memory/memory.js";

const run = promisify(execFile);
const WRITER = fileURLToPath(new URL("writer.ts", import.meta.url));
const DAY = 86_400_000;
const APP = { domain: "registry.example", path: "team/app" };
const HOST = "registry.example";
const GOOD: RememberedChallenge = { realm: "https://auth.example/token", service: "registry.example" };

let home: string;
beforeEach(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), "memory-")));
});
afterEach(async () => {
  await chmod(home, 0o700);
  await rm(home, { recursive: true, force: true });
});

const open = (now?: () => number): Memory =>
  openMemory({ env: {}, home, platform: "linux", ...(now && { now }) });
const folder = (): string => join(home, ".cache", "tsmanifest");
const digest = (at: number): string => `sha256:${at.toString(16).padStart(16, "0")}${"0".repeat(48)}`;

async function onlyFile(): Promise<string> {
  const names = await readdir(folder());
  expect(names).toHaveLength(1);
  return join(folder(), names[0] ?? "");
}

describe("what is remembered of a repository's manifests", () => {
  it("is what a push has found or put there", () => {
    open().rememberManifests(APP, [digest(1), digest(2)]);
    const known = open().manifests(APP);
    expect([1, 2, 3].map((at) => known.has(digest(at)))).toEqual([true, true, false]);
  });

  it("is that of one repository, not of another of the same name elsewhere", () => {
    open().rememberManifests(APP, [digest(1)]);
    expect(
      open()
        .manifests({ ...APP, domain: "mirror.example" })
        .has(digest(1)),
    ).toBe(false);
    expect(
      open()
        .manifests({ ...APP, path: "team/other" })
        .has(digest(1)),
    ).toBe(false);
  });

  it("is what all pushes have seen, the newest 512 of them", () => {
    const all = Array.from({ length: 500 }, (_, at) => digest(at));
    open().rememberManifests(APP, all);
    open().rememberManifests(APP, [
      digest(1000),
      ...Array.from({ length: 20 }, (_, at) => digest(1001 + at)),
    ]);
    const known = open().manifests(APP);
    expect([1000, 1020, 0, 490].every((at) => known.has(digest(at)))).toBe(true);
    expect(known.has(digest(491))).toBe(false);
    open().rememberManifests(
      APP,
      Array.from({ length: 5000 }, (_, at) => digest(10_000 + at)),
    );
    expect(open().manifests(APP).has(digest(10_511))).toBe(true);
    expect(open().manifests(APP).has(digest(10_512))).toBe(false);
  });

  it("is not written again where nothing is new, but counts as used", async () => {
    open().rememberManifests(APP, [digest(1), digest(2)]);
    const file = await onlyFile();
    await utimes(file, 1, 1);
    const before = await lstat(file);
    open().rememberManifests(APP, [digest(2)]);
    const after = await lstat(file);
    expect(after.ino).toBe(before.ino);
    expect(after.mtimeMs).toBeGreaterThan(1000);
  });

  it("is of 256 repositories at most, those that were pushed to last", async () => {
    await mkdir(folder(), { recursive: true, mode: 0o700 });
    for (let at = 0; at < 300; at++) {
      const file = join(folder(), `manifests-${at.toString(16).padStart(32, "0")}`);
      await writeFile(file, "", { mode: 0o600 });
      await utimes(file, at, at);
    }
    await writeFile(join(folder(), "tsmanifest.cjs-0123456789abcdef--v22.0.0-linux-x64"), "code");
    open().rememberManifests(APP, [digest(1)]);
    const names = (await readdir(folder())).sort();
    expect(names.filter((name) => name.startsWith("manifests-"))).toHaveLength(256);
    expect(names).not.toContain(`manifests-${(44).toString(16).padStart(32, "0")}`);
    expect(names).toContain(`manifests-${(45).toString(16).padStart(32, "0")}`);
    expect(names).toContain("tsmanifest.cjs-0123456789abcdef--v22.0.0-linux-x64");
    expect(open().manifests(APP).has(digest(1))).toBe(true);
  });

  it("keeps the listing of the folder to one in 32 new repositories, and the number bounded all the same", async () => {
    const memory = open();
    for (let at = 0; at < 600; at++) memory.rememberManifests({ ...APP, path: `app${at}` }, [digest(at)]);
    expect((await readdir(folder())).length).toBeLessThanOrEqual(256 + 32);
    expect(memory.manifests({ ...APP, path: "app599" }).has(digest(599))).toBe(true);
  });

  it.each(["", "sha256:", "sha256:XYZ", "md5:0123456789abcdef0123456789abcdef", "../../etc/passwd", "\n"])(
    "has no place for %j, which is no digest",
    async (text) => {
      open().rememberManifests(APP, [text]);
      expect(open().manifests(APP).has(text)).toBe(false);
      expect(await readdir(home)).toEqual([]);
    },
  );
});

describe("what is remembered of a registry's challenge", () => {
  it("is realm and service", () => {
    open().rememberChallenge(HOST, GOOD);
    expect(open().challenge(HOST)).toEqual(GOOD);
    expect(open().challenge("other.example")).toBeUndefined();
  });

  it("is the realm alone, where there is no service", () => {
    open().rememberChallenge(HOST, { realm: GOOD.realm });
    expect(open().challenge(HOST)).toEqual({ realm: GOOD.realm, service: undefined });
  });

  it("ends after a day, and is nothing before it was noted", () => {
    open(() => 10 * DAY).rememberChallenge(HOST, GOOD);
    expect(open(() => 10 * DAY).challenge(HOST)).toEqual(GOOD);
    expect(open(() => 11 * DAY - 1).challenge(HOST)).toEqual(GOOD);
    expect(open(() => 11 * DAY).challenge(HOST)).toBeUndefined();
    expect(open(() => 10 * DAY - 1).challenge(HOST)).toBeUndefined();
  });

  it("can be forgotten, also where there is nothing", async () => {
    open().rememberChallenge(HOST, undefined);
    open().rememberChallenge(HOST, GOOD);
    open().rememberChallenge(HOST, undefined);
    expect(open().challenge(HOST)).toBeUndefined();
    expect(await readdir(folder())).toEqual([]);
  });

  it.each([
    ["plain HTTP", "http://auth.example/token"],
    ["another scheme", "file:///etc/passwd"],
    ["a script", "javascript:alert(1)"],
    ["a user name", "https://jane@auth.example/token"],
    ["a password", "https://jane:secret@auth.example/token"],
    ["an empty user name", "https://@auth.example/token#x"],
    ["a query, which may be a key", "https://auth.example/token?key=secret"],
    ["an empty query", "https://auth.example/token?"],
    ["a fragment", "https://auth.example/token#secret"],
    ["no URL", "registry"],
    ["nothing", ""],
    ["no host", "https://"],
    ["control characters", "https://auth.example/to\u0000ken"],
    ["a line end", "https://auth.example/token\nx-secret: 1"],
    ["a space", "https://auth.example/to ken"],
    ["letters beyond ASCII", "https://auth.example/tökén"],
    ["a quote and what follows", 'https://auth.example/token",service="x'.replace("/token", "/to?ken")],
    ["more than a kilobyte", `https://auth.example/${"x".repeat(1024)}`],
  ])("is nothing where the realm has %s, and what was there is forgotten", async (_, realm) => {
    open().rememberChallenge(HOST, GOOD);
    open().rememberChallenge(HOST, { ...GOOD, realm });
    expect(open().challenge(HOST)).toBeUndefined();
    expect(await readdir(folder())).toEqual([]);
  });

  it.each([
    ["a line end", "registry\nx"],
    ["control characters", "registry\u001b[2J"],
    ["more than 256 characters", "x".repeat(257)],
  ])("is nothing where the service has %s", (_, service) => {
    open().rememberChallenge(HOST, { ...GOOD, service });
    expect(open().challenge(HOST)).toBeUndefined();
  });

  it("holds nothing else that it is given", async () => {
    const more = { ...GOOD, scope: "repository:secret:pull" };
    open().rememberChallenge(HOST, more);
    expect(open().challenge(HOST)).toBeUndefined();
    expect(await readdir(home)).toEqual([]);
  });

  it("is of 64 registries at most", async () => {
    const memory = open();
    for (let at = 0; at < 200; at++) memory.rememberChallenge(`r${at}.example`, GOOD);
    expect((await readdir(folder())).length).toBeLessThanOrEqual(64 + 32);
    expect(memory.challenge("r199.example")).toEqual(GOOD);
  });
});

describe("the files of the memory", () => {
  /** Both kinds, of which the first is there before each test. */
  const remember = (): void => {
    open().rememberChallenge(HOST, GOOD);
  };
  const recalled = (): unknown => open().challenge(HOST);

  it.each([0o022, 0o077, 0o000])("can be read by their owner alone, whatever the umask", async (umask) => {
    const before = process.umask(umask);
    try {
      remember();
    } finally {
      process.umask(before);
    }
    expect((await lstat(await onlyFile())).mode & 0o777).toBe(0o600);
    expect((await lstat(folder())).mode & 0o777).toBe(0o700);
  });

  it.each([
    ["empty", ""],
    ["cut off", '{"host":"registry.exam'],
    ["not JSON", "\u0000\u0001"],
    ["a list", "[]"],
    ["null", "null"],
    ["of another host", JSON.stringify({ host: "other.example", ...GOOD, at: Date.now() })],
    ["without a time", JSON.stringify({ host: HOST, ...GOOD })],
    ["of a realm by plain HTTP", JSON.stringify({ host: HOST, realm: "http://a.example/", at: Date.now() })],
    ["with more in it", JSON.stringify({ host: HOST, ...GOOD, at: Date.now(), token: "x" })],
  ])("count as nothing where a challenge's is %s", async (_, text) => {
    remember();
    await writeFile(await onlyFile(), text);
    expect(recalled()).toBeUndefined();
    remember();
    expect(recalled()).toEqual(GOOD);
  });

  it.each([
    ["empty", ""],
    ["cut off", "0123456789abcdef\n0123"],
    ["of something else", "hello\n"],
    ["too large", "0123456789abcdef\n".repeat(513)],
  ])("count as nothing where the manifests' is %s", async (_, text) => {
    open().rememberManifests(APP, [digest(1)]);
    await writeFile(await onlyFile(), text);
    expect(open().manifests(APP).has("sha256:0123456789abcdef")).toBe(false);
    open().rememberManifests(APP, [digest(2)]);
    expect(open().manifests(APP).has(digest(2))).toBe(true);
  });

  it("count as nothing where they are larger than any of ours", async () => {
    remember();
    await truncate(await onlyFile(), 2 ** 40);
    expect(recalled()).toBeUndefined();
  });

  it("are not read through a link, which a write replaces", async () => {
    remember();
    const file = await onlyFile();
    const elsewhere = join(home, "elsewhere");
    await writeFile(elsewhere, await readFile(file));
    await rm(file);
    await symlink(elsewhere, file);
    expect(recalled()).toBeUndefined();
    open().rememberChallenge(HOST, { realm: "https://new.example/token" });
    expect(recalled()).toEqual({ realm: "https://new.example/token", service: undefined });
    expect(await readFile(elsewhere, "utf8")).toContain(GOOD.realm);
  });

  it("are not read where it is a pipe or a folder", async () => {
    remember();
    const file = await onlyFile();
    await rm(file);
    await run("mkfifo", ["-m", "600", file]);
    expect(recalled()).toBeUndefined();
    await rm(file);
    await mkdir(file);
    expect(recalled()).toBeUndefined();
    remember();
    expect(recalled()).toBeUndefined();
    expect(await readdir(folder())).toHaveLength(1);
  });

  it.each([0o620, 0o602, 0o666])("are not read where others can write to them", async (mode) => {
    remember();
    await chmod(await onlyFile(), mode);
    expect(recalled()).toBeUndefined();
  });

  it.each([".cache/tsmanifest", ".cache", "."])(
    "are not there where others can write to ~/%s",
    async (at) => {
      remember();
      await chmod(join(home, at), 0o777);
      expect(recalled()).toBeUndefined();
      open().rememberManifests(APP, [digest(1)]);
      expect(await readdir(folder())).toHaveLength(1);
      await chmod(join(home, at), 0o1777);
      expect(recalled()).toEqual(GOOD);
    },
  );

  it.runIf(process.getuid?.() === 0)("are not there in a folder of another user's", async () => {
    remember();
    await run("chown", ["12345", join(home, ".cache")]);
    expect(recalled()).toBeUndefined();
    open().rememberManifests(APP, [digest(1)]);
    expect(await readdir(folder())).toHaveLength(1);
    await run("chown", ["0", join(home, ".cache")]);
    await run("chown", ["12345", await onlyFile()]);
    expect(recalled()).toBeUndefined();
  });

  it("are in XDG_CACHE_HOME where that is set, and nowhere where it is no folder", async () => {
    const set = (folder: string): Memory =>
      openMemory({ env: { XDG_CACHE_HOME: folder }, home, platform: "linux" });
    set(join(home, "xdg")).rememberChallenge(HOST, GOOD);
    expect(await readdir(join(home, "xdg", "tsmanifest"))).toHaveLength(1);
    for (const none of ["relative/folder", "/dev/null", "/proc/none", "/dev/full"]) {
      set(none).rememberChallenge(HOST, GOOD);
      expect(set(none).challenge(HOST)).toBeUndefined();
    }
    expect(await readdir(home)).toEqual(["xdg"]);
  });

  it("are in ~/Library/Caches on macOS, and in LOCALAPPDATA on Windows", async () => {
    openMemory({ env: {}, home: join(home, "Library", ".."), platform: "darwin" }).rememberChallenge(
      HOST,
      GOOD,
    );
    expect(await readdir(home)).toEqual([]);
    await mkdir(join(home, "Library"));
    openMemory({ env: {}, home, platform: "darwin" }).rememberChallenge(HOST, GOOD);
    expect(await readdir(join(home, "Library", "Caches", "tsmanifest"))).toHaveLength(1);
    const env = { LOCALAPPDATA: join(home, "Local") };
    openMemory({ env, home, platform: "win32" }).rememberChallenge(HOST, GOOD);
    expect(await readdir(join(home, "Local", "tsmanifest"))).toHaveLength(1);
  });

  it("are nowhere for who has no home", () => {
    const memory = openMemory({ env: {}, home: "", platform: "linux" });
    memory.rememberChallenge(HOST, GOOD);
    expect(memory.challenge(HOST)).toBeUndefined();
  });

  it("lose no more than a hint where two processes write at once", async () => {
    const file = join(home, "writer.mjs");
    await build({ entryPoints: [WRITER], bundle: true, platform: "node", format: "esm", outfile: file });
    const writers = ["1000", "2000", "3000"];
    await Promise.all(writers.map((from) => run(process.execPath, [file, home, from])));
    expect((await readdir(folder())).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    expect(open().challenge("busy.example")?.realm).toMatch(/^https:\/\/auth\.example\/[123]000$/);
  });
});
