import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listOf } from "../helpers/workplace.js";
import { openPageSite, type PageSite } from "../helpers/pages/pageSite.js";
import { peerPath } from "../helpers/peers.js";
import { buildProgram, type Program } from "../helpers/program.js";

/**
 * docs/coming-from.md: the two commands of each row are run, each with registries of its own that begin with the same images,
 * one row after the other. What the third column says is what is compared.
 */

const page = readFileSync(new URL("../../docs/coming-from.md", import.meta.url), "utf8");
const SLOW = { timeout: 120_000 };

interface Row {
  readonly theirs: string;
  readonly ours: string;
  readonly result: string;
}

const sections = page
  .split(/^## /m)
  .slice(1)
  .map((text) => ({ name: text.slice(0, text.indexOf("\n")), rows: rowsIn(text) }));

/** Rows of commands; a row whose cells are anything else fails here. */
function rowsIn(text: string): Row[] {
  const [, , ...lines] = text.split("\n").filter((line) => line.startsWith("|"));
  return lines.map((line) => {
    const [, theirs, ours, result] = /^\| `(.+?)` +\| `(.+?)` +\| (.+?) +\|$/.exec(line) ?? [];
    if (theirs === undefined || ours === undefined || result === undefined)
      throw new Error(`no row: ${line}`);
    return { theirs: theirs.replaceAll("\\|", "|"), ours: ours.replaceAll("\\|", "|"), result };
  });
}

/** How a program of others is told that registries here speak plain HTTP. Undefined: it sees by itself, as it is loopback. */
const WRAPPERS: Readonly<Record<string, (program: string, hosts: readonly string[]) => string>> = {
  docker: (program) => `case "$1 $2" in
    "buildx "*) shift; exec '${peerPath("buildx")}' "$@" ;;
    "manifest create" | "manifest inspect" | "manifest push") verb=$2; shift 2; exec '${program}' manifest "$verb" --insecure "$@" ;;
    *) exec '${program}' "$@" ;;
  esac`,
  podman: (program) =>
    `exec '${program}' --root "$HOME/storage" --runroot "$HOME/run" --storage-driver vfs "$@"`,
  regctl: (program, hosts) =>
    `exec '${program}' ${hosts.map((host) => `--host reg=${host},tls=disabled`).join(" ")} "$@"`,
  skopeo: (program) => `verb=$1; shift
  case "$verb" in
    copy) exec '${program}' copy --src-tls-verify=false --dest-tls-verify=false "$@" ;;
    *) exec '${program}' "$verb" --tls-verify=false "$@" ;;
  esac`,
  oras: (program) => `case "$1" in
    cp) exec '${program}' "$@" --from-plain-http --to-plain-http ;;
    *) exec '${program}' "$@" --plain-http ;;
  esac`,
  "manifest-tool": (program) => `exec '${program}' --plain-http "$@"`,
};

/** The program that a command begins with, as far as it is installed. */
function programOf(command: string): { readonly name: string; readonly path: string | undefined } {
  const [name = "", sub] = command.split(" ");
  const needed = name === "docker" && sub === "buildx" ? "buildx" : name;
  return { name, path: existsSync(peerPath(needed)) ? peerPath(name) : undefined };
}

/** Those that nobody can install by its name. */
const RARE = ["manifest-tool"];

async function fill(site: PageSite): Promise<void> {
  for (const tag of ["v1-amd64", "v1-arm64", "v1-s390x"]) await site.image(`registry.example/app:${tag}`);
  await site.image("registry.example/app:v1-arm", { architecture: "arm" });
  const { peer, children } = await webImages(site);
  peer.putList("web", { tag: "v1", kind: "oci", children });
  const { host } = await site.registry("other.example");
  site.write(
    "spec.yaml",
    await site.here(`image: registry.example/app:spec
manifests:
  - image: registry.example/app:v1-amd64
    platform: { os: linux, architecture: amd64 }
  - image: registry.example/app:v1-arm64
    platform: { os: linux, architecture: arm64 }
`),
  );
  const insecure = [peer.host, host].map((one) => `[[registry]]\nlocation = "${one}"\ninsecure = true\n`);
  site.write("registries.conf", insecure.join("\n"));
  site.write(
    "../home/.config/containers/policy.json",
    '{ "default": [{ "type": "insecureAcceptAnything" }] }',
  );
  site.set("CONTAINERS_REGISTRIES_CONF", `${site.folder}/registries.conf`);
  site.set("XDG_RUNTIME_DIR", site.folder);
}

async function webImages(site: PageSite) {
  const peer = await site.registry("registry.example");
  const children = ["ppc64le", "riscv64"].map((architecture) =>
    peer.putImage("web", { kind: "oci", architecture, layers: 2, seed: architecture }),
  );
  return { peer, children };
}

let tsmanifest: Program;
beforeAll(async () => {
  tsmanifest = await buildProgram();
});
afterAll(() => {
  tsmanifest.remove();
});

describe.each(sections)("coming from $name", ({ rows }) => {
  const { name, path } = programOf(rows[0]?.theirs ?? "");
  let [theirs, ours]: [PageSite?, PageSite?] = [];

  beforeAll(async () => {
    theirs = openPageSite(tsmanifest.file);
    ours = openPageSite(tsmanifest.file);
    await Promise.all([fill(theirs), fill(ours)]);
    if (path === undefined) return;
    const hosts = await Promise.all(HOSTS.map(async (host) => (await theirs?.registry(host))?.host ?? ""));
    const wrap = WRAPPERS[name] ?? ((program) => `exec '${program}' "$@"`);
    theirs.program(name, wrap(path, hosts));
  });
  afterAll(() => Promise.all([theirs?.close(), ours?.close()]));

  it("has rows, and a program to compare with, or says that it cannot be had", () => {
    expect(rows.length).toBeGreaterThan(0);
    if (process.env["CI"] === "true" && !RARE.includes(name)) expect(path).toBeDefined();
  });

  it.each(rows)(
    `$theirs${path === undefined ? ` (not run: ${name} is not installed)` : ""}`,
    SLOW,
    async (row) => {
      if (ours === undefined || theirs === undefined) throw new Error("nothing was set up");
      if (path === undefined) {
        await outputOf(ours, row.ours);
        return;
      }
      const before = [await tagged(ours), await tagged(theirs)] as const;
      const [here, there] = [await outputOf(ours, row.ours), await outputOf(theirs, row.theirs)];
      const [made, expected] = [
        changed(before[0], await tagged(ours)),
        changed(before[1], await tagged(theirs)),
      ];
      const [what = ""] = /^(?:the same (?:output|bytes|images)|done)(?=[:;]|$)/.exec(row.result) ?? [];
      switch (what) {
        case "the same output":
          expect(here.trim()).toBe(there.trim());
          return;
        case "the same bytes":
          expect(made.map(({ name, digest }) => [name, digest])).toEqual(
            expected.map(({ name, digest }) => [name, digest]),
          );
          return;
        case "the same images":
          expect(made.map(({ name, images }) => [name, images])).toEqual(
            expected.map(({ name, images }) => [name, images]),
          );
          return;
        case "done":
          return;
        default:
          throw new Error(`nothing can be compared: ${row.result}`);
      }
    },
  );
});

async function outputOf(site: PageSite, command: string): Promise<string> {
  const { status, stdout, all } = await site.run([
    "bash",
    "-euo",
    "pipefail",
    "-c",
    await site.here(command),
  ]);
  expect(status, `${command}\n${site.there(all)}`).toBe(0);
  return site.there(stdout);
}

const HOSTS = ["registry.example", "other.example"];

interface Tagged {
  readonly name: string;
  readonly digest: string;
  /** The digests of the images behind it, in any order. */
  readonly images: readonly string[];
}

async function tagged(site: PageSite): Promise<Tagged[]> {
  const all = await Promise.all(
    HOSTS.map(async (host) => {
      const peer = await site.registry(host);
      return peer.repositories().flatMap((repository) =>
        peer.tags(repository).map((tag) => {
          const { digest = "", body, mediaType = "" } = peer.manifest(repository, tag) ?? {};
          const isList = /index|list/.test(mediaType);
          const images = isList ? listOf(body).manifests.map((one) => one.digest) : [digest];
          return { name: `${host}/${repository}:${tag}`, digest, images: images.sort() };
        }),
      );
    }),
  );
  return all.flat();
}

/** What a command has changed; all there is, where that is nothing: it may have pushed the same once more. */
function changed(before: readonly Tagged[], after: readonly Tagged[]): readonly Tagged[] {
  const known = new Set(before.map(({ name, digest }) => `${name}@${digest}`));
  const fresh = after.filter(({ name, digest }) => !known.has(`${name}@${digest}`));
  return fresh.length === 0 ? after : fresh;
}
