import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startRegistry, type RunningRegistry } from "../../src/testing/index.js";
import { nodes } from "../helpers/package.js";
import { packCommand, type Packed, type RunOptions } from "./packed.js";

/** V8's compiled code, which the first run keeps in the user's cache folder. It is as good as the program: nobody else may write it. */

const isRoot = process.geteuid?.() === 0;
const hasUsers = process.geteuid !== undefined;
const NOBODY = 65_534;

let packed: Packed;
let registry: RunningRegistry;
let folder: string;
let list: string;
let sources: readonly string[];

/** Where the program keeps it. */
const cache = () => join(packed.cache, "tsmanifest");
/** Without what a push remembers of registries. */
const kept = () =>
  (existsSync(cache()) ? readdirSync(cache()) : []).filter((name) => !name.startsWith("manifests-")).sort();
const bytes = () => kept().map((name) => readFileSync(join(cache(), name)));

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "compiled-"));
  [packed, registry] = await Promise.all([packCommand(), startRegistry()]);
  list = `${registry.host}/app:v1`;
  sources = ["amd64", "arm64"].map((architecture) => {
    registry.putImage(`build/${architecture}`, { tag: "v1", architecture, layers: 2 });
    return `${registry.host}/build/${architecture}:v1`;
  });
  await succeed(["create", "--amend", list, ...sources]);
});

beforeEach(() => {
  rmSync(packed.cache, { recursive: true, force: true });
});

afterAll(async () => {
  packed.remove();
  rmSync(folder, { recursive: true, force: true });
  await registry.close();
});

async function succeed(args: readonly string[], options?: RunOptions) {
  const ended = await packed.run(args, options);
  expect(ended).toMatchObject({ status: 0, stderr: "" });
  return ended.trace;
}

/** The files whose compiled code a run has taken from the cache. */
async function taken(args: readonly string[], options?: RunOptions): Promise<string[]> {
  const { files } = await succeed(args, options);
  return files.filter(({ cached }) => cached).map(({ name }) => name);
}

/** Runs the command for what it prints. */
async function output(node: readonly string[], args: readonly string[]) {
  const program = join(packed.folder, "bin", "tsmanifest.js");
  const env = {
    PATH: process.env["PATH"],
    DOCKER_CONFIG: join(packed.folder, "docker"),
    XDG_CACHE_HOME: packed.cache,
  };
  const child = spawn(process.execPath, [...node, program, ...args], {
    env,
    stdio: ["ignore", "pipe", "ignore"],
  });
  let stdout = "";
  child.stdout.on("data", (chunk) => (stdout += String(chunk)));
  await once(child, "close");
  return { status: child.exitCode, stdout };
}

const version = (options?: RunOptions) => taken(["--version"], options);
const push = () => taken(["push", list]);

test("is kept by the first run and taken by the next, also after one that changes V8's flags", async () => {
  expect(await push()).toEqual([]);
  expect(await push()).toEqual(["publish.cjs", "undici.cjs"]);
  expect(await push()).toEqual(["publish.cjs", "undici.cjs"]);
});

describe.each([...nodes()])("on Node %s", (_, executable) => {
  test.skipIf(executable === undefined)("each Node has its own, which it takes", async () => {
    const options = executable === undefined ? {} : { executable };
    await version();
    expect(await taken(["push", list], options)).toEqual([]);
    for (let run = 0; run < 2; run++)
      expect(await taken(["push", list], options)).toEqual(["publish.cjs", "undici.cjs"]);
    expect(await version()).toEqual(["none.cjs"]);
  });
});

describe("each command has its own, with the functions that it calls:", () => {
  const inspect = () => ["inspect", list];
  const imagetoolsInspect = () => ["imagetools", "inspect", sources[0] ?? ""];
  test.each([
    ["docker's own word before it is no matter", inspect, () => ["manifest", ...inspect()], true],
    [
      "nor is a flag with a path",
      inspect,
      () => ["--config", join(packed.folder, "docker"), ...inspect()],
      true,
    ],
    ["all help is one", () => ["push", "--help"], () => ["imagetools", "create", "--help"], true],
    ["help is none of the command's", () => ["inspect", "--help"], inspect, false],
    ["nor is its completion", () => ["__complete", "inspect", ""], inspect, false],
    ["buildx's command is not docker's", inspect, imagetoolsInspect, false],
    [
      "nor another of buildx's",
      imagetoolsInspect,
      () => ["imagetools", "create", "--dry-run", "-t", list, sources[0] ?? ""],
      false,
    ],
  ])("%s", async (_, first, second, isShared) => {
    await succeed(first());
    expect((await taken(second())).length > 0).toBe(isShared);
    expect((await taken(second())).length).toBeGreaterThan(0);
  });
});

test("is not kept by a run that fails: it has not called what the next will", async () => {
  expect((await packed.run(["push", "example.com/no/such:list"])).status).toBe(1);
  expect(kept()).toEqual([]);
});

describe("in CI, where a home goes with the job,", () => {
  test.each(["true", "1"])("none is kept where CI is %j, and what is there is taken", async (CI) => {
    expect(await version({ env: { CI } })).toEqual([]);
    expect(existsSync(packed.cache)).toBe(false);
    await version();
    expect(await version({ env: { CI } })).toEqual(["none.cjs"]);
  });

  test.each(["", "false"])("it is kept where CI is %j", async (CI) => {
    await version({ env: { CI } });
    expect(await version()).toEqual(["none.cjs"]);
  });
});

test("is for its user alone, and so is the folder", { skip: !hasUsers }, async () => {
  await version();
  expect(statSync(cache()).mode & 0o777).toBe(0o700);
  expect(kept().map((name) => statSync(join(cache(), name)).mode & 0o777)).toEqual([0o600]);
});

test("is kept and taken also of what is read after undici, for which V8's flags are changed", async () => {
  const installed = join(folder, "late");
  const files = { tsmanifest: `require("./undici.cjs"); require("./late.cjs");`, undici: "", late: "" };
  cpSync(join(packed.folder, "bin"), join(installed, "bin"), { recursive: true });
  const starter = join("dist", "command", "start.cjs");
  cpSync(join(packed.folder, starter), join(installed, starter), { recursive: true });
  for (const [name, code] of Object.entries(files))
    writeFileSync(join(installed, "dist", "command", `${name}.cjs`), `${code}\n//0123456789abcdef\n`);
  const traced = () => packed.run(["inspect"], { program: join(installed, "bin", "tsmanifest.js") });
  expect((await traced()).trace.files.map(({ cached }) => cached)).toEqual([false, false, false]);
  const times = kept().map((name) => statSync(join(cache(), name)).mtimeMs);
  expect((await traced()).trace.files.map(({ cached }) => cached)).toEqual([true, true, true]);
  expect(kept().map((name) => statSync(join(cache(), name)).mtimeMs)).toEqual(times);
});

test("undici's parser is not optimised by a push, neither the first nor a later one", async () => {
  for (let run = 0; run < 2; run++) {
    const { status, stdout } = await output(["--trace-wasm-compilation-times"], ["push", list]);
    expect(status).toBe(0);
    // V8 tells of each function that it compiles, and by which of its compilers.
    expect(stdout).toMatch(/liftoff/i);
    expect(stdout).not.toMatch(/turbofan/i);
  }
});

test("is not in the package: no file of it is that of a machine or of a Node", async () => {
  await push();
  expect(readdirSync(join(packed.folder, "dist"))).toEqual(["command"]);
  expect(readdirSync(join(packed.folder, "dist", "command")).join()).not.toContain(process.version);
});

describe("in which folder it is kept", () => {
  const home = () => join(folder, "home");
  beforeEach(() => {
    rmSync(home(), { recursive: true, force: true });
    mkdirSync(home());
  });

  test("~/.cache, or macOS's and Windows's own place", async () => {
    const places = { darwin: "Library/Caches", win32: "Local" };
    const place = { ...places, linux: ".cache" }[process.platform as "linux"];
    const env = { HOME: home(), LOCALAPPDATA: join(home(), "Local"), XDG_CACHE_HOME: "" };
    expect(await version({ env })).toEqual([]);
    expect(readdirSync(join(home(), place, "tsmanifest"))).toHaveLength(1);
    expect(await version({ env })).toEqual(["none.cjs"]);
  });

  test.each([
    ["a relative path", "cache"],
    ["a file", "/dev/null"],
    ["a folder that cannot be made", "/proc/none"],
  ])("none where XDG_CACHE_HOME is %s", { skip: !hasUsers }, async (_, XDG_CACHE_HOME) => {
    for (let run = 0; run < 2; run++) expect(await version({ env: { XDG_CACHE_HOME } })).toEqual([]);
    expect(existsSync("cache")).toBe(false);
  });

  test("none where HOME is no folder, and there is no harm in that", { skip: !hasUsers }, async () => {
    const env = { HOME: "/dev/null", XDG_CACHE_HOME: "" };
    for (let run = 0; run < 2; run++) expect(await version({ env })).toEqual([]);
  });

  test("none where Node is told to keep none", async () => {
    const env = { NODE_DISABLE_COMPILE_CACHE: "1" };
    expect(await version({ env })).toEqual([]);
    expect(kept()).toEqual([]);
    await version();
    expect(await version({ env })).toEqual([]);
  });

  test("none where nothing may be written", async () => {
    mkdirSync(packed.cache);
    writeFileSync(cache(), "a file where the folder should be");
    expect(await push()).toEqual([]);
    expect(await push()).toEqual([]);
    expect(readFileSync(cache(), "utf8")).toBe("a file where the folder should be");
  });

  // Root may write everywhere, except where the disk is read-only.
  test(
    "none in a home that is read-only, whose compiled code is taken all the same",
    { skip: !hasUsers || isRoot },
    async () => {
      await version();
      chmodSync(cache(), 0o500);
      for (let run = 0; run < 2; run++) expect(await push()).toEqual([]);
      expect(await version()).toEqual(["none.cjs"]);
      chmodSync(cache(), 0o700);
    },
  );
});

describe(
  "that another user may have written is not taken, and nothing is put beside it",
  { skip: !hasUsers },
  () => {
    const cases: readonly (readonly [string, () => void])[] = [
      [
        "a file that a group may write",
        () => {
          chmodAll(0o620);
        },
      ],
      [
        "a file that everybody may write",
        () => {
          chmodAll(0o602);
        },
      ],
      [
        "a folder that a group may write",
        () => {
          chmodSync(cache(), 0o770);
        },
      ],
      [
        "a folder that everybody may write",
        () => {
          chmodSync(cache(), 0o707);
        },
      ],
      [
        "a folder above it that a group may write",
        () => {
          chmodSync(packed.cache, 0o770);
        },
      ],
      [
        "a link to a file",
        () => {
          for (const name of kept()) {
            renameSync(join(cache(), name), join(folder, name));
            symlinkSync(join(folder, name), join(cache(), name));
          }
        },
      ],
      [
        "a link to a folder",
        () => {
          renameSync(cache(), join(folder, "elsewhere"));
          symlinkSync(join(folder, "elsewhere"), cache());
        },
      ],
      [
        "a pipe that nobody writes to",
        () => {
          // A folder is no file either, and every system can make one.
          for (const name of kept()) {
            rmSync(join(cache(), name));
            mkdirSync(join(cache(), name));
          }
        },
      ],
    ];
    const chmodAll = (mode: number) => {
      for (const name of kept()) chmodSync(join(cache(), name), mode);
    };

    test.each(cases)("%s", async (_, change) => {
      await version();
      change();
      expect(await version()).toEqual([]);
    });

    test("a folder that somebody else makes while the command runs", async () => {
      const other = join(folder, "other.cjs");
      writeFileSync(
        other,
        `process.on("exit", () => {
          const { chmodSync, mkdirSync } = require("node:fs");
          mkdirSync(${JSON.stringify(cache())}, { recursive: true });
          chmodSync(${JSON.stringify(cache())}, 0o777);
        });`,
      );
      await version({ node: ["--require", other] });
      expect(kept()).toEqual([]);
      expect(statSync(cache()).mode & 0o777).toBe(0o777);
    });

    describe("where it is another user's", { skip: !isRoot }, () => {
      test.each([
        ["a file", () => kept().map((name) => join(cache(), name))],
        ["the folder", () => [cache()]],
        ["the folder above it", () => [packed.cache]],
      ])("%s", async (_, those) => {
        await version();
        for (const path of those()) chownSync(path, NOBODY, NOBODY);
        expect(await version()).toEqual([]);
      });

      test("a link of another user's to a folder of ours", async () => {
        mkdirSync(packed.cache, { mode: 0o755 });
        mkdirSync(join(folder, "ours"), { mode: 0o700 });
        symlinkSync(join(folder, "ours"), cache());
        lchownSync(cache(), NOBODY, NOBODY);
        expect(await version()).toEqual([]);
        expect(readdirSync(join(folder, "ours"))).toEqual([]);
      });

      test("in a home of another user's, as sudo may leave it in HOME: root neither reads nor makes anything there", async () => {
        const home = join(folder, "alice");
        mkdirSync(home);
        chownSync(home, NOBODY, NOBODY);
        const env = { HOME: home, XDG_CACHE_HOME: "" };
        for (let run = 0; run < 2; run++) expect(await version({ env })).toEqual([]);
        expect(readdirSync(home)).toEqual([]);

        // And what that user keeps is not root's.
        chmodSync(folder, 0o755);
        await asUser(NOBODY, home);
        expect(readdirSync(join(home, ".cache", "tsmanifest"))).toHaveLength(1);
        expect(await version({ env })).toEqual([]);
      });

      test("a program that root has installed keeps it for each of its users in that user's own folder", async () => {
        const homes = [NOBODY, NOBODY - 1].map((user) => {
          const home = join(folder, `home${user}`);
          mkdirSync(home, { mode: 0o700 });
          chownSync(home, user, user);
          return { home, user };
        });
        chmodSync(folder, 0o755);
        for (const { home, user } of homes) {
          await asUser(user, home);
          const [file = ""] = readdirSync(join(home, ".cache", "tsmanifest"));
          expect(statSync(join(home, ".cache", "tsmanifest", file))).toMatchObject({ uid: user });
        }
      });

      test("in a home that is read-only: nothing is made there, and the command runs all the same", async () => {
        const home = join(folder, "readonly");
        mkdirSync(home);
        chownSync(home, NOBODY, NOBODY);
        chmodSync(home, 0o500);
        chmodSync(folder, 0o755);
        for (let run = 0; run < 2; run++) await asUser(NOBODY, home);
        expect(readdirSync(home)).toEqual([]);
      });

      /** Runs the command as another user, who cannot write where it is installed. */
      async function asUser(uid: number, home: string): Promise<void> {
        const installed = join(folder, "installed");
        for (const part of ["bin", "dist"])
          cpSync(join(packed.folder, part), join(installed, part), { recursive: true });
        const program = join(installed, "bin", "tsmanifest.js");
        const child = spawn(process.execPath, [program, "--version"], {
          env: { HOME: home, PATH: process.env["PATH"] },
          cwd: "/",
          stdio: "ignore",
          uid,
          gid: uid,
        });
        await once(child, "exit");
        expect(child.exitCode).toBe(0);
      }
    });
  },
);

describe("that does not fit is made anew", () => {
  test.each([
    [
      "of other content",
      (file: string) => {
        writeFileSync(file, "not compiled code");
      },
    ],
    [
      "cut short",
      (file: string) => {
        truncateSync(file, 1_000);
      },
    ],
    [
      "cut by one byte",
      (file: string) => {
        truncateSync(file, statSync(file).size - 1);
      },
    ],
    [
      "empty",
      (file: string) => {
        truncateSync(file);
      },
    ],
    [
      "nothing but zeros, as after a power cut",
      (file: string) => {
        writeFileSync(file, Buffer.alloc(statSync(file).size));
      },
    ],
  ])("%s", async (_, damage) => {
    await version();
    const before = bytes();
    for (const name of kept()) damage(join(cache(), name));
    expect(await version()).toEqual([]);
    expect(bytes().map(({ length }) => length > 10_000)).toEqual(before.map(() => true));
    expect(await version()).toEqual(["none.cjs"]);
  });

  test("with one bit of it wrong, wherever it is: V8 would crash on that, again and again", async () => {
    await version();
    const [name = ""] = kept();
    const file = join(cache(), name);
    const whole = readFileSync(file);
    for (let run = 0; run < 20; run++) {
      const damaged = Buffer.from(whole);
      const at = Math.floor(Math.random() * whole.length);
      damaged.writeUInt8(damaged.readUInt8(at) ^ (1 << (run % 8)), at);
      writeFileSync(file, damaged);
      expect(await version(), `bit ${run % 8} of byte ${at}`).toEqual([]);
      expect(await version()).toEqual(["none.cjs"]);
    }
  });

  test("for a file that has changed, whatever its length: the old one's is not taken", async () => {
    const file = join(packed.folder, "dist", "command", "none.cjs");
    const code = readFileSync(file, "latin1");
    await version();
    writeFileSync(file, `${code.slice(0, -17)}0123456789abcdef\n`);
    expect(await version()).toEqual([]);
    expect(await version()).toEqual(["none.cjs"]);
    expect(kept()).toHaveLength(2);
    writeFileSync(file, code);
    expect(await version()).toEqual(["none.cjs"]);
  });

  test("of a V8 that was started with other flags", async () => {
    await version();
    expect(await version({ node: ["--no-opt"] })).toEqual([]);
  });
});

describe("what is kept is not kept for ever:", () => {
  /** A file of that name, last written so many hours ago. */
  const put = (name: string, hours: number) => {
    writeFileSync(join(cache(), name), "old");
    utimesSync(join(cache(), name), Date.now() / 1000 - hours * 3600, Date.now() / 1000 - hours * 3600);
  };
  const old = (age: number) => `tsmanifest.cjs-${String(age).padStart(16, "0")}-ls-v20.18.1-linux-x64`;

  test("64 files stay, the oldest go", async () => {
    await version();
    for (let age = 1; age <= 80; age++) put(old(age), age);
    await push();
    const names = kept();
    expect(names).toHaveLength(64);
    expect(names).toContain(old(61));
    expect(names).not.toContain(old(62));
    expect(await push()).toEqual(["publish.cjs", "undici.cjs"]);
    expect(await version()).toEqual(["none.cjs"]);
  });

  test("what a killed run has left goes after an hour", async () => {
    await version();
    const [current = ""] = kept();
    put(`${current}.1.2.tmp`, 2);
    put(`${current}.3.4.tmp`, 0.5);
    await push();
    expect(kept().filter((name) => name.endsWith(".tmp"))).toEqual([`${current}.3.4.tmp`]);
  });

  test("nothing that is not ours goes, and a folder is no harm", async () => {
    await version();
    const others = Array.from({ length: 70 }, (_, age) => `notes-${age}.tmp`);
    for (const [age, name] of others.entries()) put(name, age + 100);
    mkdirSync(join(cache(), old(90)));
    for (let age = 1; age <= 80; age++) put(old(age), age);
    await push();
    expect(kept()).toEqual(expect.arrayContaining([...others, old(90)]));
    expect(kept()).toHaveLength(70 + 1 + 64);
  });

  test("nothing is left of what could not be written", async () => {
    await version();
    const [current = ""] = kept();
    // A folder in the place of the file: it cannot be replaced.
    rmSync(join(cache(), current));
    mkdirSync(join(cache(), current));
    expect(await version()).toEqual([]);
    expect(kept()).toEqual([current]);
  });
});

test("made by several first runs at once is whole", async () => {
  const runs = await Promise.all(Array.from({ length: 8 }, () => version()));
  expect(runs.flat().every((name) => name === "none.cjs")).toBe(true);
  expect(kept()).toHaveLength(1);
  expect(await version()).toEqual(["none.cjs"]);
});

test("is whole or not there when first runs are killed at any moment", async () => {
  const program = join(packed.folder, "bin", "tsmanifest.js");
  const env = { PATH: process.env["PATH"], XDG_CACHE_HOME: packed.cache };
  for (let run = 0; run < 20; run++) {
    rmSync(packed.cache, { recursive: true, force: true });
    const child = spawn(process.execPath, [program, "--version"], { env, stdio: "ignore" });
    const exited = once(child, "exit");
    // Killed as soon as there is anything, or a little later.
    const since = performance.now();
    while (!existsSync(cache()) && child.exitCode === null && performance.now() - since < 10_000)
      await sleep(1);
    await sleep(run % 5);
    child.kill("SIGKILL");
    await exited;
    const whole = kept().filter((name) => name.endsWith(process.arch));
    expect(await version()).toEqual(whole.length === 1 ? ["none.cjs"] : []);
  }
});
