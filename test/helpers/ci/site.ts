import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import * as z from "zod/mini";
import { bundleAction } from "../../../tools/action.js";
import { putBuild } from "../builds.js";
import { startPeer, type Peer } from "../peer.js";
import { buildProgram, type Program } from "../program.js";
import { listOf, platformsOf } from "../workplace.js";
import { openLab, type Env, type Lab, type Machine, type ProgramCall, type StandIn } from "./machine.js";
import { readPage, type Page } from "./page.js";

/** Who may do everything in the registries. */
export const USER = "builder";
export const PASSWORD = "s3cret:with colon";

/** What the pages call the registries. */
const NAMES = ["ghcr.io", "docker.io", "registry.example"] as const;
type RegistryName = (typeof NAMES)[number];

/** An image that a job has built. */
export interface BuiltBy {
  /** With its registry, without a tag. */
  readonly repository: string;
  readonly digest: string;
}

/** Where a page's jobs run: machines, registries that want a login, and builders that push to them. */
export interface Site {
  readonly lab: Lab;
  /** The Action's bundle. */
  readonly action: string;
  /** The registries, by what the pages call them. */
  readonly registries: Readonly<Record<RegistryName, Peer>>;
  page(name: string): Page;
  /** What a page's text becomes: registries in it by those of the test. */
  here(text: string): string;
  /** What cosign has signed: `repository@digest`. */
  readonly signed: readonly string[];
  /** Builds and pushes as docker buildx does it by digest, or by tag. */
  build(env: Env, name: string, platform: string): BuiltBy;
  /** Keeps a login as `docker login` does. */
  login(env: Env, host: string, user: string, password: string): void;
  /** The registry and repository of a name. Throws where there is no such registry. */
  find(name: string): { readonly peer: Peer; readonly repository: string; readonly reference: string };
  /** Of the images in a list, sorted: attestations are for none. */
  platformsAt(name: string): string[];
  digestAt(name: string): string;
  /** The list's own. */
  annotationsAt(name: string): Readonly<Record<string, string>>;
}

/** A new one for each test of a file; the program is built once. */
export function useSite(extra: (site: Site) => Readonly<Record<string, StandIn>> = () => ({})): Site {
  let program: Program | undefined;
  let folder: string | undefined;
  let action = "";
  let current: Site | undefined;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "action-"));
    action = join(folder, "index.cjs");
    [program] = await Promise.all([buildProgram(), bundleAction(action)]);
  });
  afterAll(() => {
    program?.remove();
    if (folder !== undefined) rmSync(folder, { recursive: true });
  });
  beforeEach(async () => {
    if (program !== undefined) current = await openSite(program, action, extra);
  });
  afterEach(async () => {
    await current?.lab.close();
    await Promise.all(Object.values(current?.registries ?? {}).map((peer) => peer.close()));
  });
  const site = (): Site => {
    if (current === undefined) throw new Error("a site is there only while a test runs");
    return current;
  };
  return {
    get lab() {
      return site().lab;
    },
    get action() {
      return site().action;
    },
    get registries() {
      return site().registries;
    },
    get signed() {
      return site().signed;
    },
    page: (name) => site().page(name),
    here: (text) => site().here(text),
    build: (...args) => site().build(...args),
    login: (...args) => {
      site().login(...args);
    },
    find: (name) => site().find(name),
    platformsAt: (name) => site().platformsAt(name),
    digestAt: (name) => site().digestAt(name),
    annotationsAt: (name) => site().annotationsAt(name),
  };
}

async function openSite(
  program: Program,
  action: string,
  extra: (site: Site) => Readonly<Record<string, StandIn>>,
): Promise<Site> {
  const start = (): Promise<Peer> =>
    startPeer({ auth: { kind: "basic", users: { [USER]: PASSWORD } }, mounts: "allow" });
  const registries = {
    "ghcr.io": await start(),
    "docker.io": await start(),
    "registry.example": await start(),
  };
  const signed: string[] = [];
  const find: Site["find"] = (name) => {
    const [, host = "", repository = "", tag, digest] =
      /^([^/]+)\/([^:@]+)(?::([^@]+))?(?:@(.+))?$/.exec(name) ?? [];
    const peer = Object.values(registries).find((one) => one.host === host);
    if (peer === undefined) throw new Error(`no such registry: ${name}`);
    return { peer, repository, reference: digest ?? tag ?? "latest" };
  };
  const manifestAt = (name: string): { readonly digest: string; readonly body: Buffer } => {
    const { peer, repository, reference } = find(name);
    const manifest = peer.manifest(repository, reference);
    if (manifest === undefined)
      throw new Error(`${name} is not in the registry, which has ${String(peer.tags(repository))}`);
    return { digest: manifest.digest, body: Buffer.from(manifest.body) };
  };

  const here = (text: string): string =>
    NAMES.reduce((result, name) => result.replaceAll(name, registries[name].host), text);
  const site: Site = {
    get lab() {
      return lab;
    },
    action,
    registries,
    signed,
    here,
    page: (name) =>
      readPage(name, {
        ...Object.fromEntries(NAMES.map((registry) => [registry, registries[registry].host])),
        "/kaniko/executor": "executor",
      }),
    build: (env, name, platform) => {
      const { peer, repository } = find(name);
      checkLogin(env, peer.host);
      const [, architecture = "", variant] = platform.split("/");
      const { index } = putBuild(peer, repository, {
        architecture,
        ...(variant === undefined ? {} : { variant }),
        seed: `${repository} ${platform}`,
      });
      return { repository: `${peer.host}/${repository}`, digest: index.digest };
    },
    login: (env, host, user, password) => {
      if (user !== USER || password !== PASSWORD) throw new Error(`unauthorized: ${user} at ${host}`);
      const file = loginFile(env);
      mkdirSync(dirname(file), { recursive: true });
      const auths = { ...authsIn(readOr(file)), [host]: { auth: encoded(user, password) } };
      writeFileSync(file, JSON.stringify({ auths }));
    },
    find,
    platformsAt: (name) =>
      platformsOf(manifestAt(name).body)
        .filter((platform) => platform !== "unknown/unknown")
        .sort(),
    digestAt: (name) => manifestAt(name).digest,
    annotationsAt: (name) => listOf(manifestAt(name).body).annotations ?? {},
  };
  const lab: Lab = await openLab(program, { ...builders(site, signed), ...extra(site) }, [
    encoded(USER, PASSWORD),
  ]);
  return site;
}

/** docker, kaniko, buildah and cosign, as far as pages call them. */
function builders(site: Site, signed: string[]): Readonly<Record<string, StandIn>> {
  return {
    docker: (call) => runDocker(site, call),
    executor: (call) => runKaniko(site, call),
    buildah: (call) => runBuildah(site, call),
    cosign: ({ args, env }) => {
      const [verb, yes, name = "", ...rest] = args;
      if (verb !== "sign" || yes !== "--yes" || rest.length > 0)
        throw new Error(`unexpected: ${args.join(" ")}`);
      if (!/@sha256:[0-9a-f]{64}$/.test(name)) throw new Error(`not by its digest: ${name}`);
      checkLogin(env, site.find(name).peer.host);
      site.digestAt(name);
      signed.push(name);
      return "";
    },
  };
}

function runDocker(site: Site, call: ProgramCall): string {
  const { args, env, cwd, stdin } = call;
  const flags = flagsIn(args);
  const verb = args.slice(0, args[0] === "login" ? 1 : 2).join(" ");
  // What there is of contexts and builders on the job's machine.
  const path = (name: string): string => join(env["HOME"] ?? "", ".buildx", name);
  const has = (name: string): boolean => existsSync(path(name));
  const put = (name: string): void => {
    mkdirSync(path(name), { recursive: true });
  };
  switch (verb) {
    case "login": {
      if (!args.includes("--password-stdin")) throw new Error("the password is not on stdin");
      site.login(env, args.at(-1) ?? "", flags["username"] ?? "", stdin.trimEnd());
      return "Login Succeeded\n";
    }
    case "context create":
      put(`contexts/${args[2] ?? ""}`);
      return "";
    case "buildx create": {
      const name = flags["name"] ?? "default";
      const context = args.slice(2).find((arg) => !arg.startsWith("--") && arg !== name);
      if (context !== undefined && !has(`contexts/${context}`)) throw new Error(`no context: ${context}`);
      put(`builders/${args.includes("--use") ? "default" : name}`);
      return "";
    }
    case "buildx inspect":
      if (!has(`builders/${args[2] ?? ""}`)) throw new Error(`no builder "${args[2] ?? ""}" found`);
      return "";
    case "buildx build": {
      // docker's own builder pushes nothing by its digest.
      if (!has(`builders/${flags["builder"] ?? "default"}`))
        throw new Error("the builder cannot push by digest");
      if (args.at(-1) !== ".") throw new Error(`no context: ${args.join(" ")}`);
      const { name } = imageOutput(flags["output"] ?? "");
      const { digest } = site.build(env, name, flags["platform"] ?? "");
      const metadata = { "containerimage.digest": digest, "image.name": name };
      writeFileSync(resolve(cwd, flags["metadata-file"] ?? ""), JSON.stringify(metadata));
      return "";
    }
    default:
      throw new Error(`unexpected: ${args.join(" ")}`);
  }
}

/** `type=image,name=…,push-by-digest=true,name-canonical=true,push=true`: all of it has to be there. */
export function imageOutput(output: string): { readonly name: string } {
  const wanted = ["type=image", "push-by-digest=true", "name-canonical=true", "push=true"];
  const [name = "", ...more] = output.split(",").filter((field) => !wanted.includes(field));
  if (!name.startsWith("name=") || more.length > 0 || output.split(",").length !== wanted.length + 1)
    throw new Error(`pushes nothing by its digest: ${output}`);
  return { name: name.replace("name=", "") };
}

function runKaniko(site: Site, { args, env, cwd }: ProgramCall): string {
  const { context, destination = "", ...files } = flagsIn(args);
  if (context === undefined) throw new Error("no context");
  const { repository, digest } = buildByTag(site, env, destination);
  const put = (path: string | undefined, content: string): void => {
    if (path === undefined) return;
    mkdirSync(dirname(resolve(cwd, path)), { recursive: true });
    writeFileSync(resolve(cwd, path), content);
  };
  put(files["digest-file"], digest);
  put(files["image-name-with-digest-file"], `${repository}@${digest}\n`);
  return "";
}

function runBuildah(site: Site, { args, env, cwd }: ProgramCall): string {
  const flags = flagsIn(args);
  const [verb = ""] = args;
  switch (verb) {
    case "build":
      if (args.at(-1) !== "." || !("tag" in flags)) throw new Error(`unexpected: ${args.join(" ")}`);
      return "";
    case "push": {
      const { digest } = buildByTag(site, env, args.at(-1) ?? "");
      writeFileSync(resolve(cwd, flags["digestfile"] ?? ""), digest);
      return "";
    }
    default:
      throw new Error(`unexpected: ${args.join(" ")}`);
  }
}

/** Builds for the machine that the job is on, and pushes by a tag. */
export function buildByTag(site: Site, env: Env, name: string, arch = env["CI_TEST_ARCH"] ?? ""): BuiltBy {
  const built = site.build(env, name, `linux/${arch}`);
  const { peer, reference, repository } = site.find(name);
  const index = peer.manifest(repository, built.digest);
  if (index !== undefined) peer.putManifest(repository, index.mediaType, index.body, reference);
  return built;
}

/** `--name value`, `--name=value`, `-n value`. */
export function flagsIn(args: readonly string[]): Readonly<Record<string, string>> {
  const flags: Record<string, string> = {};
  for (const [index, arg] of args.entries()) {
    const [, name, , value] = /^--?([\w-]+)(=(.*))?$/s.exec(arg) ?? [];
    if (name !== undefined) flags[name] = value ?? args[index + 1] ?? "";
  }
  return flags;
}

const Config = z.object({ auths: z.record(z.string(), z.object({ auth: z.string() })) });

/** Has the job logged in there, by DOCKER_AUTH_CONFIG or by a file? */
function checkLogin(env: Env, host: string): void {
  const text = env["DOCKER_AUTH_CONFIG"] ?? readOr(loginFile(env));
  const { auth } = authsIn(text)[host] ?? {};
  if (auth !== encoded(USER, PASSWORD)) throw new Error(`unauthorized: nobody has logged in at ${host}`);
}

function authsIn(text: string): Readonly<Record<string, { readonly auth: string }>> {
  return Config.parse(JSON.parse(text)).auths;
}

function loginFile(env: Env): string {
  return join(env["DOCKER_CONFIG"] ?? join(env["HOME"] ?? "", ".docker"), "config.json");
}

function readOr(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return '{"auths":{}}';
  }
}

function encoded(user: string, password: string): string {
  return Buffer.from(`${user}:${password}`).toString("base64");
}

/** Reads a file that a job has left. */
export function readFileOf(machine: Machine, path: string): string {
  return readFileSync(join(machine.work, path), "utf8");
}
