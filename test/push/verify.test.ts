import { mkdtempSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openLayout } from "../../src/content/layout.js";
import type { Repository } from "../../src/content/repository.js";
import type { Location } from "../../src/oci/location.js";
import { execute } from "../../src/push/execute.js";
import { planManifests, rootOf, type Plan, type PlanItem } from "../../src/push/plan.js";
import { NotVerifiedError, verify, verifyWithin } from "../../src/push/verify.js";
import { createRegistry } from "../../src/registry/createRegistry.js";
import { startPeer, type Peer, type PeerOptions } from "../helpers/peer.js";
import { imageItem, indexOf, referrerItem, repositoryOf } from "../helpers/trees.js";

/** After a push: is what was planned there? */

interface Stage {
  readonly peer: Peer;
  readonly items: Readonly<Record<"amd64" | "arm64" | "signature" | "sbom", PlanItem>>;
  readonly planned: Plan;
  readonly open: (location: Location) => Repository;
  /** `127.0.0.1:43211/team/app` */
  readonly target: string;
}

interface Setting extends PeerOptions {
  readonly tags?: readonly string[];
  /** If not the registry. */
  readonly folder?: string;
}

const PATH = "team/app";

/** An index in an index, two images, what is attached to one by a tag and by its subject: pushed. */
async function pushed(setting: Setting, play: (stage: Stage) => Promise<void>): Promise<void> {
  const { tags = ["v1", "v2"], folder, ...options } = setting;
  const peer = await startPeer(options);
  const registry = await createRegistry({ domain: peer.host, retries: 0 });
  try {
    const amd64 = imageItem(peer, "src/a", { layers: ["one", "two"] });
    const arm64 = imageItem(peer, "src/b", { architecture: "arm64", os: "windows", foreignLayers: 1 });
    const tag = `${amd64.manifest.digest.replace(":", "-")}.sig`;
    const signature = referrerItem(peer, "src/a", amd64, { tags: [tag], seed: "signature" });
    const sbom = referrerItem(peer, "src/a", amd64, { seed: "sbom", layers: ["sbom"] });
    const nested = indexOf([amd64.manifest]);
    const root = indexOf([nested, arm64.manifest]);
    const items = [
      amd64,
      arm64,
      signature,
      sbom,
      { manifest: nested, role: "child" as const, sources: amd64.sources, toleratesRefusal: false },
    ];
    const target: Location = folder === undefined ? repositoryOf(peer, PATH) : { kind: "layout", folder };
    const planned = planManifests({ target, root, tags, items });
    const session = registry.session({ access: [] });
    const open = (location: Location): Repository =>
      location.kind === "layout" ? openLayout(location.folder) : session.repository(location.path);
    await execute(planned, open);
    const named = { amd64, arm64, signature, sbom };
    await play({ peer, items: named, planned, open, target: `${peer.host}/${PATH}` });
  } finally {
    await registry.close();
    await peer.close();
  }
}

/** What `verify` says, as one line. */
async function faultsOf(verification: Promise<void>): Promise<string> {
  const error: unknown = await verification.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error === undefined) return "";
  expect(error).toBeInstanceOf(NotVerifiedError);
  expect(error).toHaveProperty("code", "NOT_VERIFIED");
  return error instanceof NotVerifiedError ? error.message : "";
}

describe("what was pushed", () => {
  test("is verified where all is there, and nothing is written", async () => {
    await pushed({}, async ({ peer, planned, open }) => {
      const before = peer.requests.length;
      await verify(planned, open, { blobs: true });
      const asked = peer.requests.slice(before);
      expect(asked.filter((request) => !/^(GET|HEAD) /.test(request))).toEqual([]);
      // Tags of the root and of the signature, six manifests, and each blob but the foreign layer.
      const blobs = new Set(planned.blobs.filter(({ foreign }) => !foreign).map(({ digest }) => digest));
      expect(asked).toHaveLength(3 + 6 + blobs.size);
    });
  });

  test("asks for no blob unless told", async () => {
    await pushed({}, async ({ peer, planned, open, items }) => {
      for (const { digest } of items.amd64.manifest.blobs) peer.deleteBlob(PATH, digest);
      await verify(planned, open);
      expect(peer.requests.some((request) => /^(HEAD|GET) .*\/blobs\//.test(request))).toBe(false);
    });
  });

  test("is found by its digest where there is no tag", async () => {
    await pushed({ tags: [] }, async ({ peer, planned, open, target }) => {
      await verify(planned, open);
      const { digest } = rootOf(planned).manifest;
      peer.deleteManifest(PATH, digest);
      expect(await faultsOf(verify(planned, open))).toBe(`${target}@${digest}: is not there`);
    });
  });

  test("has a tag that somebody else has moved meanwhile", async () => {
    await pushed({}, async ({ peer, planned, open, target }) => {
      const other = peer.putImage(PATH, { tag: "v2", seed: "somebody else's" });
      expect(await faultsOf(verify(planned, open))).toBe(
        `${target}:v2: somebody else has moved the tag to ${other.digest} meanwhile`,
      );
      await expect(verify(planned, open)).rejects.toMatchObject({
        faults: [{ kind: "moved", subject: `${target}:v2`, digest: other.digest }],
        subject: `${target}:v2`,
        hint: expect.stringContaining("all that was pushed is there") as string,
      });
    });
  });

  test("lacks children, what is attached to them, and tags: all are told, the first few by name", async () => {
    await pushed({}, async ({ peer, items, planned, open, target }) => {
      const { amd64, arm64, sbom } = items;
      const gone = [amd64, arm64, sbom].map(({ manifest }) => manifest.digest);
      for (const digest of gone) peer.deleteManifest(PATH, digest);
      const named = gone.map((digest) => `${target}@${digest}: is not there`);
      expect((await faultsOf(verify(planned, open))).split("; ").sort()).toEqual(named.sort());
      peer.deleteManifest(PATH, rootOf(planned).manifest.digest);
      const message = await faultsOf(verify(planned, open));
      expect(message.startsWith(`${target}:v1: is not there; ${target}:v2: is not there; `)).toBe(true);
      expect(message.endsWith("; and 3 more")).toBe(true);
    });
  });

  test("lacks blobs, or has them in another size", async () => {
    await pushed({}, async ({ peer, items, planned, open, target }) => {
      const [config] = items.amd64.manifest.blobs;
      peer.deleteBlob(PATH, config!.digest);
      expect(await faultsOf(verify(planned, open, { blobs: true }))).toBe(
        `blob ${target}@${config!.digest}: is not there`,
      );
    });
    const size: PeerOptions["onRequest"] = ({ method, path }) =>
      method === "HEAD" && path.includes("/blobs/")
        ? { status: 200, headers: { "Content-Length": "3" } }
        : undefined;
    await pushed({ onRequest: size }, async ({ planned, open }) => {
      expect(await faultsOf(verify(planned, open, { blobs: true }))).toMatch(/has 3 instead of \d+ bytes/);
    });
  });

  test("is not what is sent for it", async () => {
    let isBroken = false;
    const onRequest: PeerOptions["onRequest"] = ({ method, path }) =>
      isBroken && method === "GET" && path.includes("sha256:")
        ? { status: 200, headers: { "Content-Type": "application/vnd.oci.image.index.v1+json" }, body: "{}" }
        : undefined;
    await pushed({ onRequest }, async ({ planned, open }) => {
      isBroken = true;
      expect(await faultsOf(verify(planned, open))).toMatch(/^\S+: is not what was pushed; .*; and 3 more$/);
    });
  });

  test("is compared with what was planned, whatever a repository calls it", async () => {
    await pushed({}, async ({ items, planned, open, target }) => {
      const { digest } = items.sbom.manifest;
      const lying = (location: Location): Repository => {
        const repository = open(location);
        const get: Repository["get"] = (reference, options) =>
          reference === digest ? Promise.resolve(items.amd64.manifest) : repository.get(reference, options);
        return { ...repository, get };
      };
      expect(await faultsOf(verify(planned, lying))).toBe(`${target}@${digest}: is not what was pushed`);
    });
  });

  test("cannot be looked at: says why", async () => {
    let isDown = false;
    const onRequest: PeerOptions["onRequest"] = () => (isDown ? { status: 403, body: "go away" } : undefined);
    await pushed({ onRequest }, async ({ planned, open }) => {
      isDown = true;
      await expect(verify(planned, open)).rejects.toMatchObject({
        code: "NOT_VERIFIED",
        message: expect.stringContaining("403") as string,
        hint: expect.stringContaining("could not be found out") as string,
        cause: expect.any(Error) as Error,
      });
    });
  });

  test("may have a tag for a signature that names another's: the push has left that alone", async () => {
    await pushed({}, async ({ peer, items, planned, open }) => {
      const [tag] = items.signature.tags ?? [];
      peer.deleteManifest(PATH, items.signature.manifest.digest);
      peer.putImage(PATH, { tag, seed: "another's" });
      await verify(planned, open, { blobs: true });
    });
    await pushed({}, async ({ peer, items, planned, open, target }) => {
      peer.deleteManifest(PATH, items.signature.manifest.digest);
      const [tag = ""] = items.signature.tags ?? [];
      expect(await faultsOf(verify(planned, open))).toBe(`${target}:${tag}: is not there`);
    });
  });

  test("rests on what was in the target before, however deep", async () => {
    await pushed({}, async ({ peer, items, planned, open, target }) => {
      const own = { ...items.amd64, sources: [repositoryOf(peer, PATH)] };
      const nested = indexOf([own.manifest]);
      const deep = peer.putManifest(PATH, nested.mediaType, nested.bytes);
      expect(deep.digest).toBe(nested.digest);
      const root = indexOf([nested, items.arm64.manifest]);
      const again = planManifests({ target: planned.target, root, tags: ["v3"], items: [own] });
      expect(again.manifests).toHaveLength(1);
      await execute(again, open);
      const before = peer.requests.length;
      await verify(again, open);
      // What is not compared with anything is not read either.
      const asked = peer.requests.slice(before).filter((one) => one.endsWith(own.manifest.digest));
      expect(asked.map((one) => one.split(" ")[0])).toEqual(["HEAD"]);
      await verify(again, open, { blobs: true });
      const [config] = own.manifest.blobs;
      peer.deleteBlob(PATH, config!.digest);
      await verify(again, open);
      expect(await faultsOf(verify(again, open, { blobs: true }))).toBe(
        `blob ${target}@${config!.digest}: is not there`,
      );
      peer.deleteManifest(PATH, own.manifest.digest);
      expect(await faultsOf(verify(again, open))).toBe(`${target}@${own.manifest.digest}: is not there`);
      peer.deleteManifest(PATH, nested.digest);
      expect(await faultsOf(verify(again, open))).toBe(`${target}@${nested.digest}: is not there`);
    });
  });

  test("is given up when the user wants that", async () => {
    await pushed({}, async ({ planned, open }) => {
      const signal = AbortSignal.abort(new Error("interrupted"));
      await expect(verify(planned, open, { signal })).rejects.toThrow("interrupted");
    });
  });
});

describe("what was written into a layout", () => {
  test("is verified in the same way", async () => {
    const folder = mkdtempSync(join(tmpdir(), "verified-"));
    try {
      await pushed({ folder }, async ({ items, planned, open }) => {
        await verify(planned, open, { blobs: true });
        const file = (digest: string): string => join(folder, "blobs", digest.replace(":", "/"));
        const [config] = items.amd64.manifest.blobs;
        truncateSync(file(config!.digest), 1);
        expect(await faultsOf(verify(planned, open, { blobs: true }))).toBe(
          `blob oci-layout://${folder}@${config!.digest}: has 1 instead of ${config!.size} bytes`,
        );
        rmSync(file(items.arm64.manifest.digest));
        expect(await faultsOf(verify(planned, open))).toBe(
          `oci-layout://${folder}@${items.arm64.manifest.digest}: is not there`,
        );
        truncateSync(file(items.sbom.manifest.digest), 1);
        expect(await faultsOf(verify(planned, open))).toContain(
          `oci-layout://${folder}@${items.sbom.manifest.digest}: is not what was pushed`,
        );
        await openLayout(folder).put(items.amd64.manifest, ["v1"]);
        expect(await faultsOf(verify(planned, open))).toContain(
          `oci-layout://${folder}:v1: somebody else has moved the tag to ${items.amd64.manifest.digest}`,
        );
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("a registry that lags", () => {
  /** The first `count` requests for each manifest, once it lags, find nothing. */
  function lagging(count: number): { onRequest: PeerOptions["onRequest"]; begin: () => void } {
    const asked = new Map<string, number>();
    let hasBegun = false;
    return {
      begin: () => (hasBegun = true),
      onRequest: ({ method, path }) => {
        if (!hasBegun || !["GET", "HEAD"].includes(method)) return undefined;
        const times = (asked.get(path) ?? 0) + 1;
        asked.set(path, times);
        return times <= count ? { status: 404 } : undefined;
      },
    };
  }

  interface Clock {
    readonly now: () => number;
    readonly sleep: (milliseconds: number) => Promise<void>;
    readonly waits: readonly number[];
  }

  function clock(): Clock {
    let time = 0;
    const waits: number[] = [];
    return {
      waits,
      now: () => time,
      sleep: (milliseconds) => {
        waits.push(milliseconds);
        time += milliseconds;
        return Promise.resolve();
      },
    };
  }

  test("is asked again, for what was not there, until it is", async () => {
    // A HEAD that says 404 is believed; a tag is asked for at every turn.
    const { onRequest, begin } = lagging(3);
    await pushed({ onRequest }, async ({ peer, planned, open }) => {
      begin();
      const { waits, ...time } = clock();
      const before = peer.requests.length;
      await verifyWithin(planned, open, { waitMs: 60_000, ...time });
      expect(waits).toEqual([250, 500, 1000, ...(waits.length > 3 ? waits.slice(3) : [])]);
      const { digest } = rootOf(planned).manifest;
      const gets = peer.requests.slice(before).filter((one) => one === `GET /v2/${PATH}/manifests/${digest}`);
      expect(gets).toHaveLength(4);
    });
  });

  test("is given up when the time is over, with what is missing then", async () => {
    const { onRequest, begin } = lagging(Infinity);
    await pushed({ onRequest }, async ({ planned, open }) => {
      begin();
      const { waits, ...time } = clock();
      expect(await faultsOf(verifyWithin(planned, open, { waitMs: 12_000, ...time }))).toContain(
        "is not there",
      );
      expect(waits).toEqual([250, 500, 1000, 2000, 4000, 4250]);
    });
  });

  test("is asked once where nobody wants to wait", async () => {
    await pushed({}, async ({ peer, items, planned, open }) => {
      peer.deleteManifest(PATH, items.arm64.manifest.digest);
      const { waits, ...time } = clock();
      expect(await faultsOf(verifyWithin(planned, open, { waitMs: 0, ...time }))).not.toBe("");
      expect(waits).toEqual([]);
    });
  });

  test("ends a wait with the signal", async () => {
    await pushed({}, async ({ peer, items, planned, open }) => {
      peer.deleteManifest(PATH, items.arm64.manifest.digest);
      const signal = AbortSignal.timeout(50);
      const waiting = verifyWithin(planned, open, { waitMs: 60_000, signal });
      await expect(waiting).rejects.toThrow(/abort/i);
    });
  });
});
