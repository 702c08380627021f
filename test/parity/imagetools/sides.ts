import { mkdtempSync, rmSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { run } from "../../../src/cli.js";
import { buildx } from "../../helpers/buildx.js";
import { recordingContext } from "../../helpers/cli.js";
import type { Step } from "./commands.js";
import { fillLayouts, layoutContents } from "./layouts.js";
import type { Registry, Tagged } from "./registries.js";
import { LAYOUTS, type World } from "./world.js";

/** buildx and tsmanifest beside each other: each with its own two registries and its own folder. */

/** What one command did. Hosts and folders are spelled `{host}`, `{other}` and `{folder}`. */
export interface Outcome {
  readonly status: number | null;
  /** As latin1, which keeps every byte. */
  readonly stdout: string;
  readonly stderr: string;
  /** What `--metadata-file` wrote. */
  readonly metadata: string | undefined;
  /** `GET {host}/team/app/…` */
  readonly requests: readonly string[];
}

export interface Side {
  run(step: Step): Promise<Outcome>;
  /** All that the registries and layouts hold. */
  holdings(): Promise<Holdings>;
  close(): void;
}

export interface Holdings {
  /** `{host}/team/app:v1` or `{folder}/layout:v1` to what is there. */
  readonly tags: ReadonlyMap<string, Tagged>;
  /** `{host}/team/app` or `{folder}/layout` to all that is in it: `manifest sha256:…`, `blob sha256:…`. */
  readonly digests: ReadonlyMap<string, ReadonlySet<string>>;
  /** The bytes of every manifest in a registry, by digest. */
  readonly manifests: ReadonlyMap<string, Buffer>;
  /** `{folder}/layout/index.json` to what is in it; every file but the blobs. */
  readonly files: ReadonlyMap<string, string>;
}

/** The registries that are called `{host}` and `{other}`. */
export type Registries = readonly [host: Registry, other: Registry];

export async function openRegistries(open: () => Promise<Registry>): Promise<Registries> {
  const [one, two] = await Promise.all([open(), open()]);
  // Names of repositories are sorted in metadata files: in the same order on both sides.
  return one.host < two.host ? [one, two] : [two, one];
}

export function buildxSide(registries: Registries, world: World): Side {
  return newSide(registries, world, (argv, folder) => buildx(["imagetools", ...argv], folder));
}

export function ourSide(registries: Registries, world: World): Side {
  return newSide(registries, world, async (argv, folder) => {
    const recording = recordingContext({
      env: { DOCKER_CONFIG: folder },
      home: folder,
      platform: process.platform,
    });
    const status = await run(["imagetools", ...argv], recording.context);
    return { status, stdoutBytes: recording.stdoutBytes(), stderr: recording.stderr() };
  });
}

interface RawOutcome {
  readonly status: number | null;
  readonly stdoutBytes: Buffer;
  readonly stderr: string;
}

function newSide(
  [host, other]: Registries,
  world: World,
  execute: (argv: readonly string[], folder: string) => Promise<RawOutcome>,
): Side {
  const registries = new Map([
    ["{host}", host],
    ["{other}", other],
  ]);
  const folder = mkdtempSync(join(tmpdir(), "parity-imagetools-"));
  for (const [place, registry] of registries) {
    const own = world.placements.filter(({ repository }) => repository.startsWith(place));
    registry.fill(
      own.map((placement) => ({ ...placement, repository: placement.repository.slice(place.length + 1) })),
    );
  }
  fillLayouts(folder, world);

  const places = new Map([
    ["{folder}", folder],
    ["{host}", host.host],
    ["{other}", other.host],
  ]);
  const toReal = (text: string): string =>
    [...places].reduce((result, [place, real]) => result.replaceAll(place, real), text);
  const toPlaces = (text: string): string =>
    [...places].reduce((result, [place, real]) => result.replaceAll(real, place), text);

  return {
    run: async ({ argv, files, metadataFile }) => {
      for (const [path, content] of Object.entries(files)) {
        await mkdir(dirname(join(folder, path)), { recursive: true });
        await writeFile(join(folder, path), toReal(content));
      }
      const metadataPath = join(folder, metadataFile ?? "metadata.json");
      await rm(metadataPath, { force: true });
      const seen = [...registries].map(([place, registry]) => ({
        place,
        registry,
        count: registry.requests.length,
      }));
      const { status, stdoutBytes, stderr } = await execute(argv.map(toReal), folder);
      const metadata = await readFile(metadataPath, "utf8").catch(() => undefined);
      return {
        status,
        stdout: toPlaces(stdoutBytes.toString("latin1")),
        stderr: toPlaces(stderr),
        metadata: metadata === undefined ? undefined : toPlaces(metadata),
        requests: seen.flatMap(({ place, registry, count }) =>
          registry.requests.slice(count).map((request) => request.replace("/v2/", `${place}/`)),
        ),
      };
    },
    holdings: () => holdingsOf(registries, folder),
    close: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function holdingsOf(registries: ReadonlyMap<string, Registry>, folder: string): Promise<Holdings> {
  const tags = new Map<string, Tagged>();
  const digests = new Map<string, ReadonlySet<string>>();
  const manifests = new Map<string, Buffer>();
  const files = new Map<string, string>();
  for (const [place, registry] of registries) {
    for (const [path, repository] of registry.contents()) {
      for (const [tag, tagged] of repository.tags) tags.set(`${place}/${path}:${tag}`, tagged);
      for (const [digest, bytes] of repository.manifests) manifests.set(digest, bytes);
      const held = [
        ...[...repository.manifests.keys()].map((digest) => `manifest ${digest}`),
        ...repository.blobs.map((digest) => `blob ${digest}`),
      ];
      digests.set(`${place}/${path}`, new Set(held));
    }
  }
  for (const layout of LAYOUTS) {
    const found = await layoutContents(layout.replace("{folder}", folder));
    if (found === undefined) continue;
    digests.set(layout, new Set(found.digests.map((digest) => `blob ${digest}`)));
    for (const [tag, tagged] of found.tags) tags.set(`${layout}:${tag}`, tagged);
    for (const [path, text] of found.files) files.set(`${layout}/${path}`, text);
  }
  return { tags, digests, manifests, files };
}
