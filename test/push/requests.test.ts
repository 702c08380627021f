import { mkdtempSync, rmSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openLayout } from "../../src/content/layout.js";
import { emptyDraft, type Draft } from "../../src/list/draft.js";
import { locationOf, type Location } from "../../src/oci/location.js";
import { parseReference } from "../../src/oci/reference.js";
import { execute } from "../../src/push/execute.js";
import { accessesOf, plan, type Plan, type PlanOptions } from "../../src/push/plan.js";
import { requests, type Assumptions, type PlannedRequest } from "../../src/push/requests.js";
import { createRegistry } from "../../src/registry/createRegistry.js";
import type { ImageOptions } from "../../src/testing/index.js";
import { startPeer, type Peer, type PeerOptions } from "../helpers/peer.js";
import { entryOf } from "../helpers/scene.js";

/** What a plan says is what a registry gets, and in the order of its levels. */

const IMAGES: readonly ImageOptions[] = [
  { architecture: "amd64", layers: ["shared", "amd64"] },
  { architecture: "arm64", layers: ["shared", "arm64"] },
  { architecture: "amd64", os: "windows", layers: ["windows"], foreignLayers: 1 },
];

interface Stage {
  readonly peers: readonly Peer[];
  readonly draft: Draft;
  push(planned: Plan): Promise<void>;
}

/** Images in repositories of the first peer, or of all of them in turn, and a list of them for the first. */
async function onStage(
  options: PeerOptions,
  peers: number,
  play: (stage: Stage) => Promise<void>,
): Promise<void> {
  const started = await Promise.all(Array.from({ length: peers }, () => startPeer(options)));
  const clients = new Map(
    await Promise.all(
      started.map(
        async ({ host }) =>
          [host, await createRegistry({ domain: host, concurrency: 100, retries: 0 })] as const,
      ),
    ),
  );
  try {
    const entries = IMAGES.map((image, index) => {
      const peer = started[index % peers]!;
      return entryOf(`${peer.host}/src/${index}:v1`, peer.putImage(`src/${index}`, { tag: "v1", ...image }));
    });
    const draft = { ...emptyDraft(parseReference(`${started[0]!.host}/team/app:v1`)), entries };
    const push = async (planned: Plan): Promise<void> => {
      const open = (location: Location) => {
        if (location.kind === "layout") return openLayout(location.folder);
        const access = accessesOf(planned).flatMap(({ location: at, actions }) =>
          at.kind === "registry" && at.domain === location.domain ? [{ path: at.path, actions }] : [],
        );
        return clients.get(location.domain)!.session({ access }).repository(location.path);
      };
      await execute(planned, open).catch((error: unknown) => {
        if (!planned.mountOnly) throw error;
      });
    };
    await play({ peers: started, draft, push });
  } finally {
    await Promise.all([...clients.values()].map((client) => client.close()));
    await Promise.all(started.map((peer) => peer.close()));
  }
}

const shown = (request: PlannedRequest): string =>
  request.kind === "http" ? `${request.method} ${request.domain}${request.path}` : `write ${request.path}`;

/** What the peers have got, as a plan would have it: what a registry chooses itself is `…`. */
const seen = (peers: readonly Peer[]): string[] =>
  peers.flatMap(({ seen: all, host }) =>
    all.map(({ method, path }) => {
      const upload = path.replace(/\/blobs\/uploads\/[^?/]+(?:\?(?!.*digest=).*)?$/, "/blobs/uploads/…");
      return `${method} ${host}${upload.replace(/\/uploads\/[^?/…]+\?.*digest=/, "/uploads/…?digest=")}`;
    }),
  );

interface Kind {
  readonly name: string;
  readonly registry?: PeerOptions;
  readonly peers?: number;
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
  { name: "images of another registry", peers: 2, options: { anyRegistry: true } },
];

describe("requests(plan) is what a registry gets", () => {
  test.each(KINDS)("$name", async ({ registry = {}, peers = 1, options = {}, assumptions = {} }) => {
    await onStage(registry, peers, async (stage) => {
      const planned = plan(stage.draft, options);
      await stage.push(planned);
      const expected = requests(planned, assumptions).map(shown);
      expect(seen(stage.peers).sort()).toEqual([...expected].sort());
    });
  });

  test("a repeated push", async () => {
    await onStage({}, 1, async (stage) => {
      const planned = plan(stage.draft);
      await stage.push(planned);
      const before = stage.peers[0]!.seen.length;
      await stage.push(planned);
      const expected = requests(planned, { hasManifest: () => true }).map(shown);
      expect(seen(stage.peers).slice(before).sort()).toEqual([...expected].sort());
    });
  });

  test("a push of a list with some images that are there already", async () => {
    await onStage({}, 1, async (stage) => {
      const [first] = stage.draft.entries;
      await stage.push(plan({ ...stage.draft, entries: [first!] }));
      const before = stage.peers[0]!.seen.length;
      const planned = plan(stage.draft);
      await stage.push(planned);
      const hasManifest = (digest: string): boolean => digest === first?.descriptor.digest;
      expect(seen(stage.peers).slice(before).sort()).toEqual(
        requests(planned, { hasManifest }).map(shown).sort(),
      );
    });
  });

  test("--mount-only where mounts open uploads: no copies, and the uploads are given up", async () => {
    await onStage({ mounts: "refuse202" }, 1, async (stage) => {
      // Windows' images are tolerated, so that all of it is carried out.
      const draft = { ...stage.draft, entries: stage.draft.entries.slice(2) };
      const planned = plan(draft, { mountOnly: true });
      await stage.push(planned);
      const expected = requests(planned, { mounts: "accepted" }).map(shown);
      const put = (line: string): boolean => !line.startsWith("PUT");
      // The registry refuses an image without its blobs; it is asked for that much.
      expect(seen(stage.peers).filter(put).sort()).toEqual(expected.filter(put).sort());
    });
  });

  test("a push to a layout, and a repeated one", async () => {
    const folder = mkdtempSync(join(tmpdir(), "layout-"));
    try {
      await onStage({}, 1, async (stage) => {
        const planned = plan(stage.draft, { target: { kind: "layout", folder }, tags: ["v1"] });
        await stage.push(planned);
        const expected = requests(planned);
        const reads = expected.filter(({ kind }) => kind === "http").map(shown);
        const writes = expected.flatMap((one) => (one.kind === "file" ? [one.path] : []));
        expect(seen(stage.peers).sort()).toEqual(reads.sort());
        expect((await filesBelow(folder)).sort()).toEqual([...new Set(writes), "oci-layout"].sort());

        const before = stage.peers[0]!.seen.length;
        await stage.push(planned);
        const again = requests(planned, { hasManifest: () => true, hasBlob: () => true });
        expect(seen(stage.peers).slice(before)).toEqual(
          again.filter(({ kind }) => kind === "http").map(shown),
        );
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("is pure: the same for the same plan, and nothing is sent", async () => {
    await onStage({}, 1, (stage) => {
      const planned = plan(stage.draft);
      expect(requests(planned)).toEqual(requests(planned));
      expect(stage.peers[0]?.seen).toEqual([]);
      return Promise.resolve();
    });
  });
});

test("levels come one after the other: what asks, what copies, what puts, what moves the tag", async () => {
  await onStage({}, 1, async (stage) => {
    const planned = plan(stage.draft);
    const all = requests(planned).map(shown);
    const target = locationOf(stage.draft.name);
    expect(planned.target).toEqual(target);
    expect(all.at(-1)).toMatch(/^PUT .*\/manifests\/v1$/);
    const order = all.map((line) =>
      ["HEAD", "POST", "DELETE", "PUT"].findIndex((method) => line.startsWith(method)),
    );
    expect(order).toEqual([...order].sort());
    await stage.push(planned);
    expect(seen(stage.peers).at(-1)).toBe(all.at(-1));
  });
});

async function filesBelow(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  const files = await Promise.all(
    names.map(async (name) =>
      (await stat(join(folder, name))).isFile() ? [name.replaceAll("\\", "/")] : [],
    ),
  );
  return files.flat();
}
