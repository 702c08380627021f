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
import { accessesOf, plan, rootOf, type Plan, type PlanOptions } from "../../src/push/plan.js";
import { requests, type Assumptions, type PlannedRequest } from "../../src/push/requests.js";
import { createRegistry } from "../../src/registry/createRegistry.js";
import { createTestRegistry, type ImageOptions, type LoggedRequest } from "../../src/testing/index.js";
import { startPeer, type Peer, type PeerOptions } from "../helpers/peer.js";
import { entryOf } from "../helpers/scene.js";
import { SECRETS } from "../helpers/secrets.js";

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
  readonly push: (planned: Plan) => Promise<Pushed>;
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
  const clients = await Promise.all(
    peers.map(({ host }) =>
      createRegistry({
        domain: host,
        concurrency,
        retries: 0,
        ...(registry?.auth && { credentials: () => Promise.resolve(credentials) }),
      }),
    ),
  );
  try {
    const entries = images.map((image, index) => {
      const peer = peers[index % count]!;
      return entryOf(`${peer.host}/src/${index}:v1`, peer.putImage(`src/${index}`, { tag: "v1", ...image }));
    });
    const draft = { ...emptyDraft(parseReference(`${peers[0]!.host}/team/app:v1`)), entries };
    const push = async (planned: Plan): Promise<Pushed> => {
      const before = peers.map(({ log }) => log.length);
      const sessions = clients.map((client, index) => {
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
  { name: "a push to tags of its own", options: { tags: ["a", "b"] } },
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
      await onStage({ registry, images: MANY, concurrency }, async ({ draft, push }) => {
        const present = draft.entries.slice(0, before);
        if (before > 0) await push(plan({ ...draft, entries: present }));
        const planned = plan(draft);
        const pushed = await push(planned);
        expect(pushed.failure).toBeUndefined();
        const hasManifest = (digest: string): boolean =>
          present.some(({ descriptor }) => descriptor.digest === digest);
        const expected = requests(planned, { mounts, hasManifest });
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
          { kind: "file", action: "write", folder, path, optional: true },
        ]);
        return assumptions;
      });
      expect(some.failure).toMatchObject({ code: "MOUNT_REFUSED" });
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
  const request = (method: string, below: string): unknown => ({
    kind: "http",
    method,
    domain: "reg.example",
    path: `/v2/team/app/${below}`,
  });
  const mount = (digest: string, from: number): unknown =>
    request("POST", `blobs/uploads/?from=src%2F${from}&mount=${encodeURIComponent(digest)}`);
  const spared = (one: unknown): unknown => ({ ...(one as object), optional: true });
  const [config0 = "", shared = "", layer0 = ""] = amd64!.blobs;
  const [config1 = "", , layer1 = ""] = arm64!.blobs;
  expect(requests(planned, { hasManifest: (digest) => digest === amd64!.digest })).toEqual([
    request("HEAD", `manifests/${amd64!.digest}`),
    request("HEAD", `manifests/${arm64!.digest}`),
    spared(mount(config0, 0)),
    mount(shared, 0),
    spared(mount(layer0, 0)),
    mount(config1, 1),
    mount(layer1, 1),
    request("PUT", `manifests/${arm64!.digest}`),
    request("PUT", "manifests/a"),
    request("PUT", "manifests/b"),
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
