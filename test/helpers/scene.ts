import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { run } from "../../src/cli.js";
import type { Context, Waits } from "../../src/context.js";
import { descriptor } from "../../src/oci/descriptor.js";
import type { Entry } from "../../src/list/entry.js";
import { emptyDraft } from "../../src/list/draft.js";
import { parseManifest } from "../../src/oci/manifest.js";
import { locationOf } from "../../src/oci/location.js";
import { Platform } from "../../src/oci/platform.js";
import { parseReference } from "../../src/oci/reference.js";
import { openStore } from "../../src/store/store.js";
import type { Built, ImageOptions } from "../../src/testing/index.js";
import { recordingContext } from "./cli.js";
import { startPeer, type Peer, type PeerOptions } from "./peer.js";
import { expectNoSecrets } from "./secrets.js";

/**
 * A registry with some images, a docker configuration with a local list of them, and the program run in this process:
 * the stage of a fault case.
 */
export interface SceneOptions extends PeerOptions {
  /** The images of the list, each in a repository of its own (`src/0`, `src/1`, …). Two small ones unless told. */
  readonly images?: readonly ImageOptions[];
  /** config.json. A function gets the registry's host. */
  readonly config?: (host: string) => object;
  readonly env?: Readonly<Record<string, string>>;
  readonly waits?: Waits;
  /** Another name for the registry in references, where it is reached by a proxy. */
  readonly domain?: string;
}

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  /** What a user sees: without what `--debug` adds. */
  readonly stderr: string;
  /** All of stderr, with the wire log. */
  readonly log: string;
}

export interface Scene {
  readonly peer: Peer;
  /** `127.0.0.1:43211` */
  readonly domain: string;
  /** The list, `127.0.0.1:43211/team/app:v1`. */
  readonly target: string;
  readonly images: readonly Built[];
  /** `127.0.0.1:43211/src/0:v1` */
  readonly sources: readonly string[];
  /** What `push` prints when all goes well. */
  readonly pushed: string;
  /** DOCKER_CONFIG, and the user's home. */
  readonly folder: string;
  run(...argv: string[]): Promise<Outcome>;
  /** The same with more in the environment. */
  runWith(env: Readonly<Record<string, string>>, ...argv: string[]): Promise<Outcome>;
  /** `push` of the list, with these flags. */
  push(...flags: string[]): Promise<Outcome>;
  /** The digest that the list's tag has in the registry, if any. */
  tag(): string | undefined;
  /** How many requests there were whose `METHOD path` matches. */
  readonly count: (pattern: RegExp) => number;
  /** Like SIGINT. */
  interrupt(): void;
}

/** Long enough for a busy machine; cases of stalls bring their own. */
const PATIENT: Waits = {
  timeouts: { connect: 10_000, headers: 20_000, stall: 20_000 },
  retryLimits: { baseMs: 1, capMs: 4, longestRetryAfterMs: 2_000, totalMs: 20_000 },
};

const TARGET = "team/app";
const TAG = "v1";

const TWO_IMAGES: readonly ImageOptions[] = [
  { architecture: "amd64", layers: 1 },
  { architecture: "arm64", layers: 1 },
];

/** Sets the stage, plays, and clears it away. */
export async function withScene(options: SceneOptions, play: (scene: Scene) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "scene-"));
  const peer = await startPeer(options);
  const interruption = new AbortController();
  const domain = options.domain ?? peer.host;
  const target = `${domain}/${TARGET}:${TAG}`;
  try {
    const images = (options.images ?? TWO_IMAGES).map((image, index) =>
      peer.putImage(`src/${index}`, { tag: TAG, ...image }),
    );
    const sources = images.map((_, index) => `${domain}/src/${index}:${TAG}`);
    writeFileSync(join(folder, "config.json"), JSON.stringify(options.config?.(peer.host) ?? {}));
    const entries = images.map((image, index) => entryOf(sources[index] ?? "", image));
    const store = openStore(join(folder, "manifests"), interruption.signal);
    const draft = { ...emptyDraft(parseReference(target)), entries };
    await store.change(draft.name, () => draft);

    const runWith: Scene["runWith"] = async (env, ...argv) => {
      const recording = recordingContext({
        env: { DOCKER_CONFIG: folder, ...options.env, ...env },
        home: folder,
        signal: interruption.signal,
        waits: { ...PATIENT, ...options.waits },
      } satisfies Partial<Context>);
      const status = await run(["-D", ...argv], recording.context);
      const [stdout, log] = [recording.stdout(), recording.stderr()];
      expectNoSecrets(stdout + log);
      return { status, stdout, stderr: withoutDebug(log), log };
    };

    await play({
      peer,
      domain,
      target,
      images,
      sources,
      get pushed() {
        const lines = images.map(({ digest }) => {
          return `Pushed ref ${domain}/${TARGET}@${digest} with digest: ${digest}`;
        });
        return [...lines, peer.manifest(TARGET, TAG)?.digest, ""].join("\n");
      },
      folder,
      run: (...argv) => runWith({}, ...argv),
      runWith,
      push: (...flags) => runWith({}, "push", ...flags, target),
      tag: () => peer.manifest(TARGET, TAG)?.digest,
      count: (pattern) => peer.requests.filter((request) => pattern.test(request)).length,
      interrupt: () => {
        interruption.abort();
      },
    });
  } finally {
    await peer.close();
    rmSync(folder, { recursive: true });
  }
}

/** The entry that `create` would have made of an image. */
export function entryOf(source: string, image: Built): Entry {
  const manifest = parseManifest(image.mediaType, image.body);
  if (manifest.kind === "index") throw new Error("a list is no entry");
  const { mediaType, digest, size } = image;
  const platform = Platform.parse(image.platform);
  return {
    ref: parseReference(source),
    source: locationOf(parseReference(source)),
    descriptor: { ...descriptor(mediaType, digest, size), platform },
    raw: image.body,
    manifest,
  };
}

/** Writes a file below the scene's folder, with the folders it needs. */
export function writeBelow(folder: string, path: string, content: string, mode?: number): string {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content, mode === undefined ? {} : { mode });
  return file;
}

/** The wire log and the stack trace are for `--debug`. */
function withoutDebug(log: string): string {
  const lines = log.split("\n");
  const stack = lines.findIndex((line) => /^(?:[A-Z]\w*)?Error\b.*: /.test(line));
  return (stack < 0 ? lines : [...lines.slice(0, stack), ""])
    .filter((line) => !/^(?:GET|HEAD|POST|PUT|PATCH|DELETE) https?:.* \d+ ms$|^again in \d+ ms /.test(line))
    .join("\n");
}
