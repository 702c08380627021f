import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import type { CommandError, Context } from "../../src/context.js";
import { cli, type CliResult } from "../helpers/cli.js";
import { OCI_MANIFEST } from "../../src/oci/mediaTypes.js";
import { putBuild } from "../helpers/builds.js";
import { certificateFile } from "../helpers/certificates.js";
import { answer, reset, type Incoming, type Outgoing, type Peer } from "../helpers/peer.js";
import { withScene, writeBelow, type Scene, type SceneOptions } from "../helpers/scene.js";
import { SECRETS } from "../helpers/secrets.js";

/**
 * The errors of docs/troubleshooting.md, each made to happen with the program, in a scene of its own. They are named by the
 * headings of the page, which has a block of text for each.
 */
export interface Trouble {
  /** The page's heading. */
  readonly heading: string;
  /** A function gets to know the registry once it is there. */
  readonly options?: SceneOptions | ((late: Late) => SceneOptions);
  /** Ends with the command that fails. */
  readonly play: (stage: Stage) => Promise<CliResult>;
}

interface Late {
  peer?: Peer;
}

export interface Stage {
  readonly scene: Scene;
  readonly run: (...argv: string[]) => Promise<CliResult>;
  /** As if Ctrl-C had been pressed at once. */
  readonly runInterrupted: (...argv: string[]) => Promise<CliResult>;
  readonly runWith: (env: Readonly<Record<string, string>>, ...argv: string[]) => Promise<CliResult>;
}

/** What a trouble prints, and the error as programs get it. */
export interface Played {
  readonly stderr: string;
  readonly code: string;
  readonly status: number;
}

/** Plays a trouble twice: once as a person sees it, once for its code. */
export async function playTrouble(trouble: Trouble): Promise<Played> {
  const { stderr, status } = await playOnce(trouble, undefined);
  let code = "";
  await playOnce(trouble, (error) => (code = error.code));
  return { stderr, code, status };
}

async function playOnce(
  { options = {}, play }: Trouble,
  onError: ((error: CommandError) => void) | undefined,
): Promise<CliResult> {
  let result: CliResult | undefined;
  const late: Late = {};
  await withScene(typeof options === "function" ? options(late) : options, async (scene) => {
    late.peer = scene.peer;
    const runIn = (more: Partial<Context>, ...argv: string[]) =>
      cli(argv, undefined, {
        env: { DOCKER_CONFIG: scene.folder },
        home: scene.folder,
        waits: WAITS,
        ...(onError && { onError }),
        ...more,
      });
    result = await play({
      scene,
      run: (...argv) => runIn({}, ...argv),
      runWith: (env, ...argv) => runIn({ env: { DOCKER_CONFIG: scene.folder, ...env } }, ...argv),
      runInterrupted: (...argv) => runIn({ signal: AbortSignal.abort() }, ...argv),
    });
  });
  if (result === undefined) throw new Error("nothing was played");
  return result;
}

const WAITS = {
  timeouts: { connect: 2_000, headers: 500, stall: 500 },
  retryLimits: { baseMs: 1, capMs: 4, longestRetryAfterMs: 200, totalMs: 5_000 },
  settleMs: 20,
};

const users = { me: SECRETS.password };
const wrongPassword = (host: string): object => ({ auths: { [host]: { auth: btoa("me:wrong") } } });
const loggedIn = (host: string): object => ({ auths: { [host]: { auth: btoa(`me:${SECRETS.password}`) } } });
const TLS: SceneOptions = { speaks: "tls", address: "0.0.0.0" };

/** Answers in the registry's place whatever matches. */
function replies(
  pattern: RegExp,
  status: number,
  body = "",
  headers: Record<string, string> = {},
): NonNullable<SceneOptions["intercept"]> {
  return (request: Incoming, response: Outgoing) => {
    if (!pattern.test(`${request.method ?? ""} ${request.url ?? ""}`)) return false;
    request.resume();
    return answer(response, status, headers, body);
  };
}

const errors = (code: string, message: string): string => JSON.stringify({ errors: [{ code, message }] });
const source = ({ sources }: Scene, index = 0): string => sources[index] ?? "";
const other = ({ domain }: Scene): string => `${domain}/team/other:v1`;

/** The file of the first entry of the local list. */
function entryFile({ folder }: Scene): string {
  const manifests = join(folder, "manifests");
  const [list = ""] = readdirSync(manifests).filter((name) => !name.startsWith("."));
  const [entry = ""] = readdirSync(join(manifests, list)).sort();
  return join(manifests, list, entry);
}

/** Rewrites the file of the first entry. */
function changeEntry(
  scene: Scene,
  change: (entry: Record<string, unknown>) => Record<string, unknown>,
): void {
  const file = entryFile(scene);
  const entry = z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(file, "utf8")));
  writeFileSync(file, JSON.stringify(change(entry)));
}

/** BuildKit's index: an image and its attestation. */
function putBuildOf(scene: Scene): string {
  putBuild(scene.peer, "team/app", { architecture: "amd64", tag: "built" });
  return `${scene.domain}/team/app:built`;
}

export const troubles: readonly Trouble[] = [
  // What is not there
  {
    heading: "No such manifest: LIST",
    play: ({ run, scene }) => run("push", other(scene)),
  },
  {
    heading: "no such manifest: IMAGE",
    play: ({ run, scene }) => run("create", other(scene), `${scene.domain}/src/0:none`),
  },
  {
    heading: "denied",
    options: { intercept: replies(/^GET .*src/, 403, errors("DENIED", "not yours")) },
    play: ({ run, scene }) => run("create", other(scene), source(scene)),
  },
  {
    heading: "ERROR: IMAGE: not found",
    play: ({ run, scene }) => run("imagetools", "create", "-t", other(scene), `${scene.domain}/src/0:none`),
  },
  {
    heading: "manifest for image IMAGE does not exist in LIST",
    play: ({ run, scene }) => run("annotate", scene.target, `${scene.domain}/src/0:none`, "--arch", "arm64"),
  },
  {
    heading: "manifest for image IMAGE does not exist in LIST",
    play: ({ run, scene }) => run("rm", scene.target, "--entry", `${scene.domain}/src/0:none`),
  },
  {
    heading: "refusing to amend an existing manifest list with no --amend flag",
    play: ({ run, scene }) => run("create", scene.target, source(scene)),
  },
  {
    heading: "LIST not found",
    play: ({ run, scene }) => {
      rmSync(entryFile(scene));
      rmSync(entryFile(scene));
      return run("push", scene.target);
    },
  },
  {
    heading: "nothing would be left in LIST",
    play: ({ run, scene }) =>
      run("rm", scene.target, "--entry", source(scene, 0), "--entry", source(scene, 1)),
  },
  {
    heading: "blob unknown to registry",
    options: {
      intercept: replies(/^GET .*\/blobs\//, 404, errors("BLOB_UNKNOWN", "blob unknown to registry")),
    },
    play: ({ run, scene }) => run("imagetools", "inspect", source(scene), "--format", "{{json .Image}}"),
  },
  // Names
  {
    heading: "invalid reference format",
    play: ({ run }) => run("inspect", "registry.example/Team/app:v1"),
  },
  {
    heading: "invalid reference format",
    play: ({ run }) => run("inspect", "registry.example/app:"),
  },
  {
    heading: "is not a platform",
    play: ({ run, scene }) => run("create", "--platform", "linux/amd46", other(scene), source(scene)),
  },
  {
    heading: "none of the manifests match the provided platforms",
    play: ({ run, scene }) => run("create", "--platform", "linux/s390x", other(scene), source(scene)),
  },
  // Logins
  {
    heading: "no basic auth credentials",
    options: { auth: { kind: "basic", users } },
    play: ({ run, scene }) => run("push", scene.target),
  },
  {
    heading: "unauthorized: authentication required",
    options: { auth: { kind: "bearer", users }, config: wrongPassword },
    play: ({ run, scene }) => run("push", scene.target),
  },
  {
    heading: "unauthorized: authentication required",
    options: { auth: { kind: "basic", users }, config: wrongPassword },
    play: ({ run, scene }) => run("push", scene.target),
  },
  {
    heading: "failed to mount blob: denied",
    options: {
      auth: { kind: "bearer", users, allow: (_, repository) => repository !== "team/app" },
      config: loggedIn,
    },
    play: ({ run, scene }) => run("push", scene.target),
  },
  {
    heading: "wants its password sent by plain HTTP",
    options: {
      ...TLS,
      config: loggedIn,
      intercept: replies(/./, 401, "", { "WWW-Authenticate": 'Bearer realm="http://tokens.example/token"' }),
    },
    play: ({ run, scene }) => run("inspect", "--ca-file", certificateFile("ca"), source(scene)),
  },
  // The network
  {
    heading: "connection refused",
    play: async ({ run, scene }) => {
      await scene.peer.close();
      return run("inspect", source(scene));
    },
  },
  {
    heading: "no such host",
    play: ({ run }) => run("inspect", "--retries", "0", "no-such-registry.invalid/app:v1"),
  },
  {
    heading: "no answer in time",
    options: { intercept: () => true },
    play: ({ run, scene }) => run("inspect", "--retries", "0", source(scene)),
  },
  {
    heading: "the connection was closed by the other side",
    options: { intercept: reset },
    play: ({ run, scene }) => run("inspect", "--retries", "0", source(scene)),
  },
  {
    heading: "speaks plain HTTP",
    options: { address: "0.0.0.0" },
    play: ({ run, scene }) => run("inspect", source(scene)),
  },
  {
    heading: "speaks TLS, and not plain HTTP",
    options: TLS,
    play: ({ run, scene }) => run("inspect", "--plain-http", "--retries", "0", source(scene)),
  },
  {
    heading: "a certificate that is not trusted",
    options: TLS,
    play: ({ run, scene }) => run("inspect", source(scene)),
  },
  {
    heading: "wants a client certificate",
    options: { speaks: "mutual", address: "0.0.0.0" },
    play: ({ run, scene }) => run("inspect", "--ca-file", certificateFile("ca"), source(scene)),
  },
  {
    heading: "is not the URL of a proxy",
    options: TLS,
    play: ({ runWith, scene }) => runWith({ HTTPS_PROXY: "http://[" }, "inspect", source(scene)),
  },
  // What a registry answers
  {
    heading: "toomanyrequests",
    options: { intercept: replies(/manifests/, 429, errors("TOOMANYREQUESTS", "slow down")) },
    play: ({ run, scene }) => run("inspect", "--retries", "0", source(scene)),
  },
  {
    heading: "received unexpected HTTP status: 500 Internal Server Error",
    options: { intercept: replies(/manifests/, 500, errors("UNKNOWN", "the disk is full")) },
    play: ({ run, scene }) => run("inspect", "--retries", "0", source(scene)),
  },
  {
    heading: "error parsing HTTP 400 response body",
    options: { intercept: replies(/^PUT/, 400, "<html>Bad Gateway</html>") },
    play: ({ run, scene }) => run("push", scene.target),
  },
  {
    heading: "something between here and the registry answers",
    options: { intercept: replies(/./, 200, "<html>Welcome</html>", { "Content-Type": "text/html" }) },
    play: ({ run, scene }) => run("inspect", source(scene)),
  },
  {
    heading: "something between here and the registry answers",
    options: { intercept: replies(/./, 200, "<html>Welcome</html>", { "Content-Type": "text/html" }) },
    play: ({ run, scene }) => run("push", scene.target),
  },
  {
    heading: "redirects more than 5 times",
    options: {
      intercept: (request, response) => {
        request.resume();
        return answer(response, 307, { Location: request.url ?? "" });
      },
    },
    play: ({ run, scene }) => run("inspect", source(scene)),
  },
  {
    heading: "manifest verification failed for digest DIGEST",
    options: { intercept: replies(/^GET .*sha256:/, 200, "{}", { "Content-Type": OCI_MANIFEST }) },
    play: ({ run, scene }) => run("inspect", `${scene.domain}/src/0@sha256:${"0".repeat(64)}`),
  },
  {
    heading: "unsupported manifest media type",
    options: {
      intercept: replies(/^GET .*manifests/, 200, '{"schemaVersion":1}', {
        "Content-Type": "application/vnd.docker.distribution.manifest.v1+json",
      }),
    },
    play: ({ run, scene }) => run("create", other(scene), source(scene)),
  },
  {
    heading: "a manifest that is none",
    options: { intercept: replies(/^GET .*manifests/, 200, "{", { "Content-Type": OCI_MANIFEST }) },
    play: ({ run, scene }) => run("create", other(scene), source(scene)),
  },
  {
    heading: "a manifest that is none",
    options: {
      intercept: replies(/^GET .*manifests/, 200, '{"schemaVersion":2,"layers":3}', {
        "Content-Type": OCI_MANIFEST,
      }),
    },
    play: ({ run, scene }) => run("create", other(scene), source(scene)),
  },
  {
    heading: "the answer is larger than allowed",
    options: {
      intercept: replies(/^GET .*manifests/, 200, " ".repeat(5_000_000), { "Content-Type": OCI_MANIFEST }),
    },
    play: ({ run, scene }) => run("create", other(scene), source(scene)),
  },
  // Push
  {
    heading: "cannot use source images from a different registry than the target image",
    play: async ({ run, scene }) => {
      await run("create", "other.example/team/app:v1", source(scene));
      return run("push", "other.example/team/app:v1");
    },
  },
  {
    heading: "manifest IMAGE must have an OS and Architecture",
    options: { images: [{ os: "", architecture: "" }] },
    play: ({ run, scene }) => run("push", scene.target),
  },
  {
    heading: "error mounting BLOB",
    options: { mounts: "refuse202" },
    play: ({ run, scene }) => run("push", "--mount-only", scene.target),
  },
  {
    heading: "failed to copy blob",
    options: {
      mounts: 405,
      intercept: replies(/^GET .*\/blobs\//, 404, errors("BLOB_UNKNOWN", "blob unknown to registry")),
    },
    play: ({ run, scene }) => run("push", scene.target),
  },
  {
    heading: "failed to put manifest",
    options: { intercept: replies(/^PUT .*\/v1$/, 400, errors("MANIFEST_INVALID", "no lists here")) },
    play: ({ run, scene }) => run("push", scene.target),
  },
  {
    heading: "the registry does not take manifests of this type",
    options: { intercept: replies(/^PUT .*manifests/, 415, errors("UNSUPPORTED", "OCI only")) },
    play: ({ run, scene }) => run("push", scene.target),
  },
  {
    heading: "the tag is immutable",
    options: { intercept: replies(/^PUT .*\/v1$/, 400, errors("TAG_INVALID", "The image tag is immutable")) },
    play: ({ run, scene }) => {
      scene.peer.putList("team/app", { tag: "v1", kind: "oci", children: [] });
      return run("push", scene.target);
    },
  },
  {
    heading: "internal digest mismatch",
    play: ({ run, scene }) => {
      changeEntry(scene, ({ Raw, ...rest }) => ({
        ...rest,
        Raw: Buffer.from(`${Buffer.from(String(Raw), "base64").toString()} `).toString("base64"),
      }));
      return run("push", scene.target);
    },
  },
  {
    heading: "has no payload",
    play: ({ run, scene }) => {
      changeEntry(scene, ({ Ref, Descriptor }) => ({ Ref, Descriptor }));
      return run("push", scene.target);
    },
  },
  {
    heading: "would not have the expected platforms",
    play: ({ run, scene }) => run("push", "--expect", "linux/amd64,linux/s390x", scene.target),
  },
  {
    heading: "docker's manifest list has no room for attestations",
    play: async ({ run, scene }) => {
      await run("create", other(scene), putBuildOf(scene));
      return run("push", "--type", "docker", other(scene));
    },
  },
  {
    heading: "what was pushed is not what is there",
    options: { intercept: replies(/^HEAD .*manifests\/v1$/, 404, errors("MANIFEST_UNKNOWN", "gone")) },
    play: ({ run, scene }) => run("push", "--verify", scene.target),
  },
  {
    heading: "others have changed it meanwhile",
    options: movedAgainAndAgain,
    play: async ({ run, scene }) => {
      putListOfTwo(scene.peer, "0");
      await run("create", "--append", other(scene), source(scene));
      return run("push", other(scene));
    },
  },
  // Files
  {
    heading: "a file of the local store is broken",
    play: ({ run, scene }) => {
      writeFileSync(entryFile(scene), "{");
      return run("push", scene.target);
    },
  },
  {
    heading: "a file of the local store is broken",
    play: ({ run, scene }) => run("ls", "--store", writeBelow(scene.folder, "file", "")),
  },
  {
    heading: "cannot use the CA file",
    play: ({ run, scene }) => run("inspect", "--ca-file", "missing.pem", source(scene)),
  },
  {
    heading: "cannot use the CA file",
    play: ({ run, scene }) =>
      run("inspect", "--ca-file", writeBelow(scene.folder, "ca.pem", "x"), source(scene)),
  },
  {
    heading: "there is no such folder",
    play: ({ run, scene }) =>
      run("push", "--digest-file", join(scene.folder, "none", "digest"), scene.target),
  },
  {
    heading: "--from: no such file or folder",
    play: ({ run, scene }) => run("create", "--from", "digests", other(scene)),
  },
  {
    heading: "--from: no such file or folder",
    play: ({ run, scene }) => {
      writeBelow(scene.folder, "digests/notes.txt", "");
      return run("create", "--from", join(scene.folder, "digests"), other(scene));
    },
  },
  {
    heading: "not of an OCI image layout",
    play: ({ run, scene }) => {
      writeBelow(scene.folder, "image/oci-layout", "{}");
      return run("create", other(scene), `oci-layout://${join(scene.folder, "image")}`);
    },
  },
  {
    heading: "not of an OCI image layout",
    play: ({ run, scene }) => run("create", other(scene), "oci-layout:///nowhere/image"),
  },
  // apply
  {
    heading: "a file of lists has faults",
    play: ({ run, scene }) =>
      run(
        "apply",
        "-f",
        writeBelow(scene.folder, "lists.yaml", "version: 1\nlists:\n  - targt: x.example/a:1\n"),
      ),
  },
  {
    heading: "N of N lists failed",
    play: ({ run, scene }) => run("apply", "-f", writeBelow(scene.folder, "lists.yaml", listsOf(scene))),
  },
  {
    heading: "N of N lists failed",
    play: ({ run, scene }) =>
      run("apply", "--plan", "-f", writeBelow(scene.folder, "lists.yaml", listsOf(scene))),
  },
  // The command line
  { heading: "unknown flag", play: ({ run }) => run("push", "--purg", "registry.example/app:v1") },
  { heading: "unknown command", play: ({ run }) => run("psh", "registry.example/app:v1") },
  { heading: "requires at least 2 arguments", play: ({ run }) => run("create", "registry.example/app:v1") },
  {
    heading: "invalid argument",
    play: ({ run }) => run("push", "--retries", "x", "registry.example/app:v1"),
  },
  {
    heading: "interrupted",
    play: ({ runInterrupted, scene }) => runInterrupted("push", scene.target),
  },
];

/** Somebody else moves the tag whenever it was asked for. */
function movedAgainAndAgain(late: Late): SceneOptions {
  let times = 0;
  return {
    intercept: ({ method, url = "" }) => {
      if (late.peer !== undefined && method === "HEAD" && url.endsWith("/team/other/manifests/v1")) {
        putListOfTwo(late.peer, `${++times}`);
      }
      return false;
    },
  };
}

function putListOfTwo(peer: Peer, n: string): void {
  const children = ["s390x", "ppc64le"].map((architecture) => peer.putImage("team/other", { architecture }));
  peer.putList("team/other", { tag: "v1", kind: "oci", children, annotations: { n } });
}

/** One list that can be made, one that cannot, and one that is made of it. */
function listsOf({ domain }: Scene): string {
  return `version: 1
lists:
  - target: ${domain}/good/app:v1
    sources: [${domain}/src/0:v1, ${domain}/src/1:v1]
  - target: ${domain}/bad/app:v1
    sources: [${domain}/src/0:none]
  - target: ${domain}/all/app:v1
    sources: [${domain}/bad/app:v1]
`;
}
