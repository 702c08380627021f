import { mkdtempSync, rmSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { BlobError } from "../../src/content/blobError.js";
import { openLayout } from "../../src/content/layout.js";
import { emptyDraft, type Draft } from "../../src/list/draft.js";
import { digestOf } from "../../src/oci/digest.js";
import { locationOf } from "../../src/oci/location.js";
import { parseReference } from "../../src/oci/reference.js";
import { PutError } from "../../src/push/errors.js";
import { execute } from "../../src/push/execute.js";
import {
  accessesOf,
  childrenOf,
  plan,
  planManifests,
  rootOf,
  type Plan,
  type PlanOptions,
} from "../../src/push/plan.js";
import { requests, type Assumptions, type PlannedRequest } from "../../src/push/requests.js";
import { createRegistry, type RegistryClient } from "../../src/registry/createRegistry.js";
import { createTestRegistry, type ImageOptions, type LoggedRequest } from "../../src/testing/index.js";
import { startPeer, type Peer, type PeerOptions } from "../helpers/peer.js";
import { entryOf } from "../helpers/scene.js";
import { SECRETS } from "../helpers/secrets.js";
import { seededRandom } from "../helpers/seededRandom.js";
import { imageItem, indexOf, randomTree, referrerItem, repositoryOf, subjectOf } from "../helpers/trees.js";

/** What a plan says is what a registry or a layout gets. */

const AMD64: ImageOptions = { architecture: "amd64", layers: ["shared", "amd64"] };
const ARM64: ImageOptions = { architecture: "arm64", layers: ["shared", "arm64"] };
const WINDOWS: ImageOptions = { os: "windows", layers: ["shared", "windows"], foreignLayers: 1 };

interface Setting {
  readonly registry?: PeerOptions;
  /** How many there are; the images are in each in turn, the list is for the first. */
  readonly peers?: number;
  readonly images?: readonly ImageOptions[];
  readonly concurrency?: number;
}

interface Stage {
  readonly peers: readonly Peer[];
  readonly draft: Draft;
  /** By the clients of the stage; `newly` by others, which have learned nothing of the registries yet. */
  readonly push: (planned: Plan, by?: "newly") => Promise<Pushed>;
}

interface Got extends Pick<LoggedRequest, "status" | "authorization"> {
  readonly line: string;
}

interface Pushed {
  /** What the peers got during this push. */
  readonly got: readonly Got[];
  /** Undefined for a push that succeeded. */
  readonly failure: unknown;
}

async function onStage(setting: Setting, play: (stage: Stage) => Promise<void>): Promise<void> {
  const { registry, peers: count = 1, images = [AMD64, ARM64, WINDOWS], concurrency = 100 } = setting;
  const peers = await Promise.all(Array.from({ length: count }, () => startPeer(registry)));
  const credentials = { kind: "basic", username: "me", password: SECRETS.password } as const;
  const clients: RegistryClient[] = [];
  const open = async (): Promise<RegistryClient[]> => {
    const opened = peers.map(({ host }) =>
      createRegistry({
        domain: host,
        concurrency,
        retries: 0,
        ...(registry?.auth && { credentials: () => Promise.resolve(credentials) }),
      }),
    );
    clients.push(...(await Promise.all(opened)));
    return clients.slice(-count);
  };
  const shared = await open();
  try {
    const entries = images.map((image, index) => {
      const peer = peers[index % count]!;
      return entryOf(`${peer.host}/src/${index}:v1`, peer.putImage(`src/${index}`, { tag: "v1", ...image }));
    });
    const draft = { ...emptyDraft(parseReference(`${peers[0]!.host}/team/app:v1`)), entries };
    const push: Stage["push"] = async (planned, by) => {
      const before = peers.map(({ log }) => log.length);
      const sessions = (by === "newly" ? await open() : shared).map((client, index) => {
        const access = accessesOf(planned).flatMap(({ location, actions }) =>
          location.kind === "registry" && location.domain === peers[index]!.host
            ? [{ path: location.path, actions }]
            : [],
        );
        return client.session({ access });
      });
      const failure: unknown = await execute(planned, (location) => {
        if (location.kind === "layout") return openLayout(location.folder);
        return sessions[peers.findIndex(({ host }) => host === location.domain)]!.repository(location.path);
      }).then(
        () => undefined,
        (error: unknown) => error,
      );
      const got = peers.flatMap(({ log, host }, index) =>
        log.slice(before[index]).map(({ method, path, status, authorization }) => {
          return { line: `${method} ${host}${withoutChoice(path)}`, status, authorization };
        }),
      );
      return { got, failure };
    };
    await play({ peers, draft, push });
  } finally {
    await Promise.all(clients.map((client) => client.close()));
    await Promise.all(peers.map((peer) => peer.close()));
  }
}

/** A path as a plan has it: where an upload goes, the registry chooses. */
function withoutChoice(path: string): string {
  return path.replace(/\/blobs\/uploads\/[^?/]+(?:\?.*(?=\bdigest=))?/, (upload) =>
    upload.includes("?") ? "/blobs/uploads/…?" : "/blobs/uploads/…",
  );
}

const linesOf = ({ got }: Pushed): string[] => got.map(({ line }) => line);

const shown = (request: PlannedRequest): string =>
  request.kind === "http" ? `${request.method} ${request.domain}${request.path}` : `write ${request.path}`;

/** Those of `some` that `all` does not have, or does not have so often. */
function lackingIn(all: readonly string[], some: readonly string[]): string[] {
  const left = [...all];
  return some.filter((one) => {
    const index = left.indexOf(one);
    if (index >= 0) left.splice(index, 1);
    return index < 0;
  });
}

/** All that was done was planned, and all that was planned was done, except for what is optional. */
function expectPlanned(done: readonly string[], planned: readonly PlannedRequest[]): void {
  const certain = planned.filter(({ optional }) => optional !== true);
  expect({
    unplanned: lackingIn(planned.map(shown), done),
    undone: lackingIn(done, certain.map(shown)),
  }).toEqual({ unplanned: [], undone: [] });
}

interface Kind extends Setting {
  readonly name: string;
  readonly options?: PlanOptions;
  readonly assumptions?: Assumptions;
}

const KINDS: readonly Kind[] = [
  { name: "a plain push" },
  {
    name: "a push to tags of its own",
    options: { tags: ["a", "b"] },
    assumptions: { tagParameter: true },
  },
  {
    name: "a push to several tags where the registry knows nothing of them",
    registry: { tagParameter: false },
    options: { tags: ["a", "b", "a"] },
    assumptions: { tagParameter: false },
  },
  {
    name: "a push to more tags than a URL has room for",
    options: { tags: Array.from({ length: 60 }, (_, index) => `${index}-${"x".repeat(100)}`) },
    assumptions: { tagParameter: true },
  },
  {
    name: "copies where mounts open uploads",
    registry: { mounts: "refuse202" },
    assumptions: { mounts: "accepted" },
  },
  { name: "copies where mounts are refused", registry: { mounts: 405 }, assumptions: { mounts: "refused" } },
  { name: "--mount-only", options: { mountOnly: true } },
  {
    name: "--mount-only, with a foreign layer that two images share",
    images: [WINDOWS, { ...WINDOWS, layers: ["shared", "more"] }],
    options: { mountOnly: true },
  },
  { name: "images of another registry", peers: 2, options: { anyRegistry: true } },
];

describe("requests(plan) is what a registry gets", () => {
  test.each(KINDS)("$name", async ({ options, assumptions, ...setting }) => {
    await onStage(setting, async ({ draft, push }) => {
      const planned = plan(draft, options);
      const pushed = await push(planned);
      expect(pushed.failure).toBeUndefined();
      const expected = requests(planned, assumptions);
      expect(expected.some(({ optional }) => optional)).toBe(false);
      expectPlanned(linesOf(pushed), expected);
    });
  });

  test.each([1, 2])("with tokens, from %i registries", async (peers) => {
    const registry: PeerOptions = { auth: { kind: "bearer", users: { me: SECRETS.password } } };
    await onStage({ registry, peers }, async ({ draft, push }) => {
      const planned = plan(draft, { anyRegistry: true });
      const { got, failure } = await push(planned);
      expect(failure).toBeUndefined();
      // What a token is not good for, such as to give up an upload, is not sent again.
      const refused = got.filter(
        ({ status, authorization }) => status === 401 && authorization === undefined,
      );
      const tokens = got.filter(({ line }) => line.includes("/token"));
      expect([refused.length, tokens.length]).toEqual([peers, peers]);
      const others = got.filter((one) => !refused.includes(one) && !tokens.includes(one));
      expectPlanned(
        others.map(({ line }) => line),
        requests(planned),
      );
    });
  });
});

/** More than go out at once unless told, 61 blobs in all. */
const MANY = Array.from({ length: 20 }, (_, index): ImageOptions => ({
  variant: `v${index}`,
  layers: [`one of ${index}`, `two of ${index}`, "shared"],
}));

describe.each([1, 32, 100])("with %i requests at once", (concurrency) => {
  describe.each([
    { answer: "mounted", registry: {} },
    { answer: "accepted", registry: { mounts: "refuse202" } },
  ] as const)("mounts $answer", ({ answer: mounts, registry }) => {
    test.each([
      { name: "a first push", before: 0 },
      { name: "a repeated push", before: MANY.length },
      { name: "a push of some images that are there already, and some that are not", before: 12 },
    ])("$name", async ({ before }) => {
      await onStage({ registry, images: MANY, concurrency }, async ({ peers: [peer], draft, push }) => {
        const present = draft.entries.slice(0, before);
        if (before > 0) await push(plan({ ...draft, entries: present }));
        const blobs = new Set(peer!.blobs("team/app"));
        const planned = plan(draft);
        const pushed = await push(planned);
        expect(pushed.failure).toBeUndefined();
        const hasBlob = (digest: string): boolean => blobs.has(digest);
        const hasManifest = (digest: string): boolean =>
          present.some(({ descriptor }) => descriptor.digest === digest);
        const isTagged = (): boolean => before === MANY.length;
        const expected = requests(planned, { mounts, hasManifest, isTagged, hasBlob });
        expectPlanned(linesOf(pushed), expected);
        // What only they need: the last layer is needed as long as an image is missing.
        const own = before === 0 ? 0 : before * 3 + (before === MANY.length ? 1 : 0);
        const optional = expected.filter((one) => one.optional).map(shown);
        expect(optional.filter((line) => line.startsWith("POST"))).toHaveLength(own);
        expect(optional.filter((line) => line.startsWith("DELETE"))).toHaveLength(
          mounts === "mounted" ? 0 : own,
        );
        if (concurrency < own) expect(pushed.got.length).toBeLessThan(expected.length);
      });
    });
  });
});

interface Failing extends Kind {
  /** The images that may be put all the same. */
  readonly puts: readonly number[];
  /** How many blobs are asked for whatever comes first: those up to the first that fails the push. */
  readonly asked: number;
}

const FAILING: readonly Failing[] = [
  {
    name: "opens uploads",
    registry: { mounts: "refuse202" },
    images: [AMD64, ARM64],
    assumptions: { mounts: "accepted" },
    puts: [],
    asked: 1,
  },
  {
    name: "opens uploads, with an image of Windows beside one of Linux",
    registry: { mounts: "refuse202" },
    images: [WINDOWS, AMD64],
    assumptions: { mounts: "accepted" },
    puts: [0],
    asked: 3,
  },
  {
    name: "refuses mounts",
    registry: { mounts: 405 },
    assumptions: { mounts: "refused" },
    puts: [],
    asked: 1,
  },
  {
    name: "refuses mounts, and the image is of Windows",
    registry: { mounts: 405 },
    images: [WINDOWS],
    assumptions: { mounts: "refused" },
    puts: [],
    asked: 1,
  },
  {
    name: "is not the only one: an image is in another",
    peers: 2,
    options: { anyRegistry: true },
    puts: [0, 2],
    asked: 0,
  },
  {
    name: "is not the only one, and opens uploads",
    registry: { mounts: "refuse202" },
    peers: 2,
    images: [WINDOWS, WINDOWS],
    options: { anyRegistry: true },
    assumptions: { mounts: "accepted" },
    puts: [],
    asked: 1,
  },
  {
    name: "does not have a foreign layer of an image of Linux",
    images: [ARM64, { ...AMD64, foreignLayers: 1 }],
    puts: [0],
    asked: 5,
  },
];

describe.each([1, 100])("--mount-only fails, with %i requests at once, where a registry", (concurrency) => {
  test.each(FAILING)("$name", async ({ options, assumptions, puts, asked, ...setting }) => {
    await onStage({ ...setting, concurrency }, async ({ peers, draft, push }) => {
      const planned = plan(draft, { ...options, mountOnly: true });
      const pushed = await push(planned);
      expect(pushed.failure).toBeInstanceOf(BlobError);
      expect(peers[0]!.manifest("team/app", "v1")).toBeUndefined();
      const expected = requests(planned, assumptions);
      expectPlanned(linesOf(pushed), expected);
      const certain = expected.filter(({ optional }) => optional !== true).map(shown);
      expect(certain.filter((line) => line.startsWith("POST"))).toHaveLength(asked);
      expect(certain.filter((line) => line.startsWith("PUT"))).toEqual([]);
      expect(expected.map(shown).filter((line) => line.startsWith("PUT"))).toEqual(
        puts.map((index) => expect.stringContaining(draft.entries[index]!.descriptor.digest) as string),
      );
    });
  });
});

describe("--mount-only where a registry opens uploads", () => {
  const registry: PeerOptions = { mounts: "refuse202" };
  const assumptions: Assumptions = { mounts: "accepted" };

  test("asks for a mount from every repository that has the blob", async () => {
    await onStage({ registry, images: [AMD64, ARM64] }, async ({ draft, push }) => {
      const planned = plan(draft, { mountOnly: true });
      const shared = planned.blobs.find(({ neededBy }) => neededBy.length === 2)!.digest;
      const mounts = (lines: readonly string[]): string[] =>
        lines.filter((line) => line.startsWith("POST") && line.includes(encodeURIComponent(shared)));
      expect(mounts(requests(planned, assumptions).map(shown))).toHaveLength(2);
      expect(mounts(linesOf(await push(planned)))).toHaveLength(2);
      // Unless nothing needs it, which is known after the first answer.
      const there = { ...assumptions, hasManifest: () => true };
      expect(mounts(requests(planned, there).map(shown))).toHaveLength(1);
    });
  });

  test("goes on with images of Windows, whose blobs are there after all", async () => {
    const images = [WINDOWS, { ...WINDOWS, architecture: "arm64" }];
    await onStage({ registry, images }, async ({ peers: [peer], draft, push }) => {
      for (const index of images.keys()) {
        for (const digest of peer!.blobs(`src/${index}`)) {
          peer!.putBlob("team/app", peer!.blob(`src/${index}`, digest)!);
        }
      }
      const planned = plan(draft, { mountOnly: true });
      const pushed = await push(planned);
      expect(pushed.failure).toBeUndefined();
      const expected = requests(planned, assumptions);
      expect(linesOf(pushed).sort()).toEqual(expected.map(shown).sort());
      expect(expected.at(-1)).toHaveProperty("optional", true);
    });
  });

  test("fails for an image of Windows that is refused without its blobs", async () => {
    // For a reason for which it is not put again.
    const onRequest: PeerOptions["onRequest"] = ({ method }) =>
      method === "PUT" ? { status: 400 } : undefined;
    await onStage({ registry: { ...registry, onRequest }, images: [WINDOWS] }, async ({ draft, push }) => {
      const planned = plan(draft, { mountOnly: true });
      const pushed = await push(planned);
      expect(pushed.failure).toBeInstanceOf(PutError);
      const expected = requests(planned, assumptions);
      expectPlanned(linesOf(pushed), expected);
      expect(expected.filter(({ optional }) => optional)).toEqual([expected.at(-1)]);
      expect(linesOf(pushed)).toHaveLength(expected.length - 1);
    });
  });

  test("fails before it asks a second repository, where an image of Windows is refused by then", async () => {
    const own = { ...WINDOWS, layers: ["own"], seed: "other" };
    const images = [own, WINDOWS, { ...WINDOWS, architecture: "arm64" }];
    const layer = encodeURIComponent(digestOf(Buffer.from("shared")));
    let refused = (): void => undefined;
    const refusal = new Promise<void>((resolve) => (refused = resolve));
    // The answer about the shared layer comes when the first image has been refused.
    const onRequest: PeerOptions["onRequest"] = async ({ method, path }) => {
      if (method === "POST" && path.includes(layer)) await refusal;
      if (method !== "PUT") return undefined;
      setTimeout(refused, 100);
      return { status: 400 };
    };
    await onStage({ registry: { ...registry, onRequest }, images }, async ({ draft, push }) => {
      const planned = plan(draft, { mountOnly: true });
      const pushed = await push(planned);
      expect(pushed.failure).toBeInstanceOf(PutError);
      const expected = requests(planned, assumptions);
      expectPlanned(linesOf(pushed), expected);
      const done = linesOf(pushed).filter((line) => line.startsWith("PUT") || line.includes(layer));
      expect(done).toHaveLength(2);
    });
  });
});

describe("requests(plan) is what is read and written for a layout", () => {
  interface LayoutStage extends Stage {
    readonly folder: string;
    readonly options: (tag?: string) => PlanOptions;
    /** Pushes, and holds what was done against the plan. `there`: which files there were. */
    readonly check: (planned: Plan, assume: (there: ReadonlySet<string>) => Assumptions) => Promise<Pushed>;
  }

  async function onLayout(play: (stage: LayoutStage) => Promise<void>): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), "layout-"));
    try {
      await onStage({}, async (stage) => {
        await play({
          ...stage,
          folder,
          options: (tag = "v1") => ({ target: { kind: "layout", folder }, tags: [tag] }),
          check: async (planned, assume) => {
            const before = await filesBelow(folder);
            const expected = requests(planned, assume(new Set(before.keys())));
            const pushed = await stage.push(planned);
            const written = [...(await filesBelow(folder))].filter(
              ([path, file]) => before.get(path) !== file,
            );
            expectPlanned([...linesOf(pushed), ...written.map(([path]) => `write ${path}`)], expected);
            return pushed;
          },
        });
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  const known = (there: ReadonlySet<string>): Assumptions => {
    const has = (digest: string): boolean => there.has(`blobs/${digest.replace(":", "/")}`);
    return { hasManifest: has, hasBlob: has };
  };

  test("a first push, and a repeated one", async () => {
    await onLayout(async ({ draft, options, check }) => {
      const planned = plan(draft, options());
      expect(await check(planned, () => ({}))).toHaveProperty("failure", undefined);
      const again = await check(planned, (there) => ({ ...known(there), layout: "tagged" }));
      expect(again).toEqual({ got: [], failure: undefined });
    });
  });

  test("a push of a list that has changed, and of the same list under another tag", async () => {
    await onLayout(async ({ draft, options, check }) => {
      const present = (there: ReadonlySet<string>): Assumptions => ({ ...known(there), layout: "present" });
      const earlier = plan({ ...draft, entries: draft.entries.slice(0, 2) }, options());
      expect(await check(earlier, () => ({}))).toHaveProperty("failure", undefined);
      expect(await check(plan(draft, options()), present)).toHaveProperty("failure", undefined);
      const tagged = await check(plan(draft, options("v2")), present);
      expect(tagged).toEqual({ got: [], failure: undefined });
    });
  });

  test("what is attached to the same list, by a tag", async () => {
    await onLayout(async ({ peers: [peer], options, check }) => {
      const { target } = options();
      const image = imageItem(peer!, "src/a", { layers: ["one"] });
      const tags = [`${image.manifest.digest.replace(":", "-")}.sig`];
      const signature = referrerItem(peer!, "src/a", image, { layers: ["one"], tags });
      const root = indexOf([image.manifest]);
      const planOf = (...items: readonly (typeof image)[]): Plan =>
        planManifests({ target: target!, root, tags: ["v1"], items });
      await check(planOf(image), () => ({}));
      const planned = planOf(image, signature);
      const assume = (there: ReadonlySet<string>): Assumptions => ({ ...known(there), layout: "tagged" });
      expect(await check(planned, assume)).toHaveProperty("failure", undefined);
      expect(await check(planned, assume)).toEqual({ got: [], failure: undefined });
    });
  });

  test("--mount-only, which fails where something would have to be copied", async () => {
    await onLayout(async ({ folder, draft, options, check }) => {
      const planned = plan(draft, { ...options(), mountOnly: true });
      const { failure } = await check(planned, () => ({}));
      expect(failure).toMatchObject({ code: "MOUNT_REFUSED" });
      expect(requests(planned)).toEqual([]);
      // With the blobs of one image there, that one may be put, or may not.
      const [first] = draft.entries;
      await check(plan({ ...draft, entries: [first!] }, options()), () => ({}));
      const path = `blobs/${first!.descriptor.digest.replace(":", "/")}`;
      rmSync(join(folder, path));
      const some = await check(planned, (there) => {
        const assumptions: Assumptions = { ...known(there), layout: "present" };
        expect(requests(planned, assumptions)).toEqual([
          {
            ...{ kind: "file", action: "write", folder, path },
            ...{ level: 3, bytes: first!.descriptor.size, optional: true },
          },
        ]);
        return assumptions;
      });
      expect(some.failure).toMatchObject({ code: "MOUNT_REFUSED" });
    });
  });
});

interface RandomPush {
  readonly mounts: NonNullable<Assumptions["mounts"]>;
  readonly mountOnly: boolean;
  readonly registry: PeerOptions;
}

const RANDOM_PUSHES: readonly RandomPush[] = [
  { mounts: "mounted", mountOnly: false, registry: {} },
  { mounts: "mounted", mountOnly: false, registry: { tagParameter: false, referrers: false } },
  { mounts: "accepted", mountOnly: false, registry: { mounts: "refuse202", referrers: false } },
  { mounts: "refused", mountOnly: false, registry: { mounts: 405, tagParameter: false } },
  { mounts: "mounted", mountOnly: true, registry: {} },
  { mounts: "refused", mountOnly: true, registry: { mounts: 405 } },
];

describe.each(RANDOM_PUSHES)("random trees, mounts $mounts, mount-only $mountOnly, $registry", (kind) => {
  const { mounts, mountOnly, registry } = kind;
  const seeds = Array.from({ length: 8 }, (_, index) => index + 1);

  test.each(seeds)("seed %i: at first, where some is there already, and again", async (seed) => {
    const random = seededRandom(seed);
    const concurrency = random() < 0.5 ? 2 : 100;
    await onStage({ registry, peers: 2, images: [], concurrency }, async ({ peers, push }) => {
      const target = peers[0]!;
      const { items, root, rootSources } = randomTree(peers, random, { windows: !mountOnly });
      const tags = ["a", "b", "c"].slice(0, Math.floor(random() * 4));
      const planTo = (path: string): Plan =>
        planManifests({ target: repositoryOf(target, path), root, tags, rootSources, items, mountOnly });
      const known: Assumptions = {
        // What is not told of foreign layers is that no registry has them.
        ...(mounts !== "mounted" && { mounts }),
        tagParameter: registry.tagParameter ?? true,
        referrersApi: registry.referrers ?? true,
      };

      const first = planTo("team/first");
      const pushed = await push(first, "newly");
      expectPlanned(linesOf(pushed), requests(first, known));
      const isPut = (digest: string): boolean => target.manifest("team/first", digest) !== undefined;

      // Nothing is known of the registry: nothing is sent that was not planned.
      const other = planTo("team/other");
      for (const { digest } of other.blobs.filter(() => random() < 0.3)) {
        const bytes = peers.map((peer) => peer.blob("src/0", digest)).find((blob) => blob !== undefined);
        if (bytes !== undefined) target.putBlob("team/other", bytes);
      }
      const has = new Set(
        other.blobs.map(({ digest }) => digest).filter((one) => target.hasBlob("team/other", one)),
      );
      const unsure: Assumptions = {
        ...(mounts !== "mounted" && { mounts }),
        hasBlob: (digest) => has.has(digest),
      };
      expectPlanned(linesOf(await push(other, "newly")), requests(other, unsure));

      if (pushed.failure !== undefined) {
        expect(mountOnly).toBe(true);
        return;
      }
      expect(childrenOf(first).every(({ manifest }) => isPut(manifest.digest))).toBe(true);
      const again: Assumptions = {
        ...known,
        ...{ hasManifest: isPut, isTagged: () => true, isListed: isPut, hasBlob: () => true },
      };
      expectPlanned(linesOf(await push(first, "newly")), requests(first, again));
      // One of the tags names something else by now.
      const [moved] = rootOf(first).tags;
      if (moved === undefined) return;
      target.putImage("team/first", { tag: moved, seed: "another's" });
      const once = { ...again, isTagged: (tag: string) => tag !== moved };
      expectPlanned(linesOf(await push(first, "newly")), requests(first, once));
    });
  });
});

describe("what is sent for trees", () => {
  const linesTo = (planned: Plan, assumptions: Assumptions, level: number): string[] =>
    requests(planned, assumptions)
      .filter((one) => one.level === level)
      .map(
        (one) =>
          `${shown(one).replace(/^(\S+) [^/]+\/v2\/team\/app\//, "$1 ")}${one.optional === true ? " ?" : ""}`,
      );

  async function onTree(
    registry: PeerOptions,
    play: (tree: {
      readonly peer: Peer;
      readonly planned: Plan;
      readonly image: string;
      readonly push: Stage["push"];
    }) => Promise<void>,
  ): Promise<void> {
    await onStage({ registry, images: [] }, async ({ peers: [peer], push }) => {
      const image = imageItem(peer!, "src/a");
      const { digest } = image.manifest;
      const signature = referrerItem(peer!, "src/a", image, { tags: [`${digest.replace(":", "-")}.sig`] });
      const sbom = referrerItem(peer!, "src/a", image, { seed: "sbom" });
      const nested = indexOf([image.manifest]);
      const items = [
        { manifest: nested, role: "child" as const, sources: image.sources, toleratesRefusal: false },
        image,
        signature,
        sbom,
      ];
      const root = indexOf([nested], { subject: subjectOf(image.manifest) });
      const target = repositoryOf(peer!, "team/app");
      await play({
        peer: peer!,
        planned: planManifests({ target, root, tags: ["v1", "v2"], items }),
        image: digest,
        push,
      });
    });
  }

  test("a nested index comes behind its images, and what is attached by a tag is asked for by it", async () => {
    await onTree({}, async ({ planned, image, push }) => {
      const known = { tagParameter: true, referrersApi: true };
      const [one, nested, signature, sbom] = childrenOf(planned).map(({ manifest }) => manifest.digest);
      expect(one).toBe(image);
      const tag = `${image.replace(":", "-")}.sig`;
      expect(signature).not.toBe(tag);
      expect(linesTo(planned, known, 1).slice(0, 4)).toEqual([
        `HEAD manifests/${image}`,
        `HEAD manifests/${nested!}`,
        `HEAD manifests/${tag}`,
        `HEAD manifests/${sbom!}`,
      ]);
      expect(linesTo(planned, known, 3)).toEqual([
        `PUT manifests/${image}`,
        `PUT manifests/${nested!}`,
        `PUT manifests/${tag}`,
        `PUT manifests/${sbom!}`,
      ]);
      expect(linesTo(planned, known, 4)).toEqual([
        `PUT manifests/${rootOf(planned).manifest.digest}?tag=v1&tag=v2`,
      ]);
      expectPlanned(linesOf(await push(planned)), requests(planned, known));
    });
  });

  test("without the referrers API, what has a subject is listed under the subject's tag", async () => {
    await onTree({ referrers: false, tagParameter: false }, async ({ peer, planned, image, push }) => {
      const known = { tagParameter: false, referrersApi: false };
      const list = `manifests/${image.replace(":", "-")}`;
      expect(linesTo(planned, known, 3).slice(-3)).toEqual([`GET ${list}`, `PUT ${list}`, `GET ${list}`]);
      const root = rootOf(planned).manifest.digest;
      expect(linesTo(planned, known, 4)).toEqual([
        `PUT manifests/${root}?tag=v1&tag=v2`,
        "PUT manifests/v1",
        "PUT manifests/v2",
        ...[`GET ${list}`, `PUT ${list}`, `GET ${list}`],
      ]);
      expectPlanned(linesOf(await push(planned, "newly")), requests(planned, known));
      // Then it is listed already, which is asked where nothing else is left to do.
      const again = { ...known, hasManifest: () => true, isTagged: () => true, isListed: () => true };
      expect(linesTo(planned, again, 4)).toEqual([]);
      const api = `GET referrers/${image}`;
      expect(linesTo(planned, again, 1).filter((line) => line.startsWith("GET"))).toEqual([
        api,
        `GET ${list}`,
      ]);
      expectPlanned(linesOf(await push(planned, "newly")), requests(planned, again));
      // Somebody has removed the index in which it was listed: the tags name it, and it is put all the same.
      peer.deleteManifest("team/app", image.replace(":", "-"));
      const unlisted = { ...again, isWhole: false, isListed: () => false };
      expect(linesTo(planned, unlisted, 4).slice(-3)).toEqual([`GET ${list}`, `PUT ${list}`, `GET ${list}`]);
      expectPlanned(linesOf(await push(planned, "newly")), requests(planned, unlisted));
    });
  });

  test("an index is not put without an image that cannot be mounted", async () => {
    await onStage({ images: [], peers: 2 }, async ({ peers: [peer, elsewhere], push }) => {
      const near = imageItem(peer!, "src/a");
      const far = imageItem(elsewhere!, "src/b", { variant: "v8" });
      const nested = indexOf([far.manifest]);
      const other = indexOf([near.manifest]);
      const index = { role: "child", toleratesRefusal: false, sources: near.sources } as const;
      const planned = planManifests({
        target: repositoryOf(peer!, "team/app"),
        root: indexOf([nested, other]),
        tags: ["v1"],
        items: [near, far, { ...index, manifest: nested }, { ...index, manifest: other }],
        mountOnly: true,
      });
      expect([3, 4].flatMap((level) => linesTo(planned, {}, level))).toEqual([
        `PUT manifests/${near.manifest.digest} ?`,
        `PUT manifests/${other.digest} ?`,
      ]);
      const pushed = await push(planned);
      expect(pushed.failure).toBeInstanceOf(BlobError);
      expectPlanned(linesOf(pushed), requests(planned));
    });
  });

  test("what is not known of the registry makes a request one that may be spared", async () => {
    await onTree({}, async ({ planned, image, push }) => {
      const list = `manifests/${image.replace(":", "-")}`;
      const root = rootOf(planned).manifest.digest;
      expect(linesTo(planned, {}, 4)).toEqual([
        `PUT manifests/${root}?tag=v1&tag=v2`,
        ...["PUT manifests/v1 ?", "PUT manifests/v2 ?"],
        ...[`GET ${list} ?`, `PUT ${list} ?`, `GET ${list} ?`],
      ]);
      expectPlanned(linesOf(await push(planned)), requests(planned));
    });
  });

  test("a root that is an image has its own blobs mounted", async () => {
    await onStage({ images: [] }, async ({ peers: [peer], push }) => {
      const { manifest: root, sources: rootSources } = imageItem(peer!, "src/a", { layers: ["one", "two"] });
      const target = repositoryOf(peer!, "team/app");
      const planned = planManifests({ target, root, tags: ["v1"], rootSources, items: [] });
      // The tag, and three blobs.
      expect(linesTo(planned, {}, 1)).toHaveLength(4);
      const pushed = await push(planned);
      expect(pushed.failure).toBeUndefined();
      expectPlanned(linesOf(pushed), requests(planned));
    });
  });

  test("a blob that a registry has already is asked for and not copied", async () => {
    await onStage({ images: [], peers: 2 }, async ({ peers: [peer, elsewhere], push }) => {
      const item = imageItem(elsewhere!, "src/a", { layers: ["one", "two"] });
      peer!.putBlob("team/app", "one");
      const target = repositoryOf(peer!, "team/app");
      const planned = planManifests({ target, root: indexOf([item.manifest]), tags: ["v1"], items: [item] });
      const known: Assumptions = { hasBlob: (digest) => digest === digestOf(Buffer.from("one")) };
      expect(linesTo(planned, known, 2).filter((line) => line.startsWith("HEAD"))).toHaveLength(3);
      expect(linesTo(planned, known, 2).filter((line) => line.startsWith("PUT"))).toHaveLength(2);
      expectPlanned(linesOf(await push(planned)), requests(planned, known));
    });
  });

  test("each says how much it sends", async () => {
    await onStage({ images: [], peers: 2 }, ({ peers: [peer, elsewhere] }) => {
      const item = imageItem(elsewhere!, "src/a", { layers: ["1234567"] });
      const root = indexOf([item.manifest]);
      const target = repositoryOf(peer!, "team/app");
      const planned = planManifests({ target, root, tags: ["v1"], items: [item] });
      const sent = requests(planned).flatMap(({ bytes }) => bytes ?? []);
      const [config] = item.manifest.blobs;
      expect(sent).toEqual([
        Number(config!.size),
        "1234567".length,
        item.manifest.bytes.byteLength,
        root.bytes.byteLength,
      ]);
      const folder = "/work/out";
      const layout = planManifests({ target: { kind: "layout", folder }, root, tags: ["v1"], items: [item] });
      expect(requests(layout).flatMap(({ bytes }) => bytes ?? [])).toEqual(sent);
      return Promise.resolve();
    });
  });
});

test("the requests follow from the plan alone, which stays as it is", () => {
  const builder = createTestRegistry();
  const images = [AMD64, ARM64].map((image) => builder.putImage("any", image));
  const [amd64, arm64] = images;
  const entries = images.map((image, index) => entryOf(`reg.example/src/${index}:v1`, image));
  const planned = deeplyFrozen(
    plan({ ...emptyDraft(parseReference("reg.example/team/app:v1")), entries }, { tags: ["a", "b"] }),
  );
  const request = (level: number, method: string, below: string, bytes?: number): unknown => ({
    kind: "http",
    method,
    domain: "reg.example",
    path: `/v2/team/app/${below}`,
    level,
    ...(bytes !== undefined && { bytes }),
  });
  const mount = (digest: string, from: number): unknown =>
    request(1, "POST", `blobs/uploads/?from=src%2F${from}&mount=${encodeURIComponent(digest)}`);
  const spared = (one: unknown): unknown => ({ ...(one as object), optional: true });
  const [config0 = "", shared = "", layer0 = ""] = amd64!.blobs;
  const [config1 = "", , layer1 = ""] = arm64!.blobs;
  const root = rootOf(planned).manifest;
  const size = root.bytes.byteLength;
  expect(requests(planned, { hasManifest: (digest) => digest === amd64!.digest })).toEqual([
    request(1, "HEAD", `manifests/${amd64!.digest}`),
    request(1, "HEAD", `manifests/${arm64!.digest}`),
    request(1, "HEAD", "manifests/a"),
    request(1, "HEAD", "manifests/b"),
    spared(mount(config0, 0)),
    mount(shared, 0),
    spared(mount(layer0, 0)),
    mount(config1, 1),
    mount(layer1, 1),
    request(3, "PUT", `manifests/${arm64!.digest}`, arm64!.size),
    request(4, "PUT", `manifests/${root.digest}?tag=a&tag=b`, size),
    spared(request(4, "PUT", "manifests/a", size)),
    spared(request(4, "PUT", "manifests/b", size)),
  ]);
  expect(rootOf(planned).tags).toEqual(["a", "b"]);
});

test("levels come one after the other: what asks, what copies, what puts, what moves the tag", async () => {
  await onStage({}, async ({ draft, push }) => {
    const planned = plan(draft);
    const all = requests(planned).map(shown);
    expect(planned.target).toEqual(locationOf(draft.name));
    expect(all.at(-1)).toMatch(/^PUT .*\/manifests\/v1$/);
    const order = all.map((line) =>
      ["HEAD", "POST", "DELETE", "PUT"].findIndex((method) => line.startsWith(method)),
    );
    expect(order).toEqual([...order].sort());
    const levels = requests(planned).map(({ level }) => level);
    expect(levels).toEqual([...levels].sort());
    expect(linesOf(await push(planned)).at(-1)).toBe(all.at(-1));
  });
});

/** Every file by its path, with what becomes another when it is written again. */
async function filesBelow(folder: string): Promise<Map<string, string>> {
  const names = await readdir(folder, { recursive: true });
  const files = await Promise.all(
    names.map(async (name) => {
      const found = await stat(join(folder, name), { bigint: true });
      const path = name.replaceAll("\\", "/");
      return found.isFile() ? [[path, `${found.ino} ${found.mtimeNs}`] as const] : [];
    }),
  );
  return new Map(files.flat());
}

function deeplyFrozen<Value>(value: Value): Value {
  // Bytes cannot be frozen.
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  for (const part of Object.values(value)) deeplyFrozen(part);
  return Object.freeze(value);
}
