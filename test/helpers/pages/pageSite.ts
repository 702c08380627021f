import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import type { Built, ImageOptions } from "../../../src/testing/index.js";
import { putBuild, type Build, type BuildOptions } from "../builds.js";
import { cli } from "../cli.js";
import { startPeer, type Peer, type PeerOptions } from "../peer.js";

/** Hosts that pages name: those of documentation, and those that everybody knows. */
const HOST = /(?<![\w.-])(?:(?:[a-z0-9-]+\.)+example|ghcr\.io|docker\.io|quay\.io)(?::\d+)?(?![\w.-])/g;

/** Where the commands of a page run: a folder, and a registry on this machine for each host that the page names. */
export interface PageSite {
  readonly folder: string;
  /** The registry that stands for a host. Options count where it is the first time that it is asked for. */
  registry(host: string, options?: PeerOptions): Promise<Peer>;
  /** Puts an image, `registry.example/app:v1-arm64`; its architecture is that at the end of its tag, unless told. */
  image(name: string, options?: ImageOptions): Promise<Built>;
  /** Puts what `docker buildx build --push` does: an index of an image and its attestation. */
  build(name: string, options?: BuildOptions): Promise<Build>;
  /** Writes a file; hosts in a text are replaced. */
  write(path: string, content: string, mode?: number): void;
  /** A program that the page calls and that is not on every machine; a shell script. */
  program(name: string, script: string): void;
  /** A variable for all commands. */
  set(name: string, value: string): void;
  /** Runs the program in this process, which is faster: for what a page does not show. Throws what it says if it fails. */
  tsmanifest(...argv: readonly string[]): Promise<void>;
  /** The text with the registries of this machine in it. */
  here(text: string): Promise<string>;
  /** The text with the hosts of the page in it. */
  there(text: string): string;
  run(command: readonly [string, ...string[]]): Promise<Ran>;
  close(): Promise<void>;
}

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  /** What was printed on stderr as well, in the order in which it came. */
  readonly all: string;
}

/** `program` is the file that `tsmanifest` and `npx tsmanifest` run. */
export function openPageSite(program: string): PageSite {
  const root = mkdtempSync(join(tmpdir(), "page-"));
  const [folder, bin, home] = ["page", "bin", "home"].map((name) => join(root, name));
  for (const one of [folder, bin, home]) mkdirSync(one ?? "");
  const registries = new Map<string, Promise<Peer>>();
  const started: (readonly [host: string, peer: Peer])[] = [];
  const env: Record<string, string> = {
    PATH: [bin, process.env["PATH"]].join(delimiter),
    HOME: home ?? "",
    LANG: "C.UTF-8",
  };

  const registry: PageSite["registry"] = (host, options) => {
    const known = registries.get(host);
    if (known !== undefined) return known;
    const starting = startPeer(options).then((peer) => {
      started.push([host, peer]);
      return peer;
    });
    registries.set(host, starting);
    return starting;
  };
  const here: PageSite["here"] = async (text) => {
    const hosts = [...new Set(text.match(HOST))];
    await Promise.all(hosts.map((host) => registry(host)));
    const names = new Map(started.map(([host, peer]) => [host, peer.host]));
    return text.replace(HOST, (host) => names.get(host) ?? host);
  };
  const put = (name: string, script: string): void => {
    const file = join(bin ?? "", name);
    writeFileSync(file, script);
    chmodSync(file, 0o755);
  };
  put("tsmanifest", `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`);
  put(
    "npx",
    '#!/bin/sh\n[ "$1" = "--yes" ] && shift\ncase "$1" in tsmanifest|tsmanifest@*) shift; exec tsmanifest "$@" ;; esac\necho "npx $*" >&2\nexit 97\n',
  );

  /** What a name says: where the image is, and how. */
  const find = async (
    name: string,
  ): Promise<{ peer: Peer; repository: string; tag: string; arch: string }> => {
    const [, host = "", repository = "", tag = ""] = /^([^/]+)\/(.+):([^/]+)$/.exec(name) ?? [];
    const [, arch = "amd64"] = /(?:^|-)(amd64|arm64|arm|armv7|s390x|ppc64le|riscv64|386)$/.exec(tag) ?? [];
    return { peer: await registry(host), repository, tag, arch };
  };

  return {
    folder: folder ?? "",
    registry,
    image: async (name, options) => {
      const { peer, repository, tag, arch } = await find(name);
      const platform = arch === "armv7" ? { architecture: "arm", variant: "v7" } : { architecture: arch };
      return peer.putImage(repository, { tag, layers: 2, seed: name, ...platform, ...options });
    },
    build: async (name, options) => {
      const { peer, repository, tag, arch } = await find(name);
      return putBuild(peer, repository, { tag, layers: 2, seed: name, architecture: arch, ...options });
    },
    write: (path, content, mode = 0o644) => {
      const file = join(folder ?? "", path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content, { mode });
    },
    program: (name, script) => {
      put(name, `#!/bin/sh\n${script}\n`);
    },
    set: (name, value) => {
      env[name] = value;
    },
    tsmanifest: async (...argv) => {
      const result = await cli(await Promise.all(argv.map(here)), undefined, { env, home: home ?? "" });
      if (result.status !== 0) throw new Error(`${argv.join(" ")}: ${result.stderr}`);
    },
    here,
    there: (text) =>
      started.reduce(
        // The registries of pages speak HTTPS.
        (changed, [host, peer]) =>
          changed.replaceAll(`http://${peer.host}`, `https://${host}`).replaceAll(peer.host, host),
        text,
      ),
    run: ([file, ...args]) =>
      new Promise((resolve, reject) => {
        const child = spawn(file, args, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
        const [stdout, all]: [Buffer[], Buffer[]] = [[], []];
        child.stdout.on("data", (chunk: Buffer) => {
          stdout.push(chunk);
          all.push(chunk);
        });
        child.stderr.on("data", (chunk: Buffer) => all.push(chunk));
        child.once("error", reject);
        child.once("close", (status) => {
          resolve({ status, stdout: Buffer.concat(stdout).toString(), all: Buffer.concat(all).toString() });
        });
      }),
    close: async () => {
      await Promise.all(started.map(([, peer]) => peer.close()));
      rmSync(root, { recursive: true, force: true });
    },
  };
}
