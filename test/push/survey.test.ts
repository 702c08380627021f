import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openLayout } from "../../src/content/layout.js";
import type { Repository } from "../../src/content/repository.js";
import { digestOf } from "../../src/oci/digest.js";
import type { Location } from "../../src/oci/location.js";
import { execute } from "../../src/push/execute.js";
import { planManifests, rootOf, type ManifestsToPlan, type Plan } from "../../src/push/plan.js";
import { requests } from "../../src/push/requests.js";
import { survey, type Survey } from "../../src/push/survey.js";
import { createRegistry } from "../../src/registry/createRegistry.js";
import { startPeer, type Peer, type PeerOptions } from "../helpers/peer.js";
import { imageItem, indexOf, referrerItem, repositoryOf } from "../helpers/trees.js";

/** Before a push: what is there already? */

const PATH = "team/app";

interface Stage {
  readonly peer: Peer;
  /** Another registry. */
  readonly elsewhere: Peer;
  readonly open: (location: Location) => Repository;
  readonly planTo: (
    location: Location,
    more: Pick<ManifestsToPlan, "root" | "items"> & Partial<ManifestsToPlan>,
  ) => Plan;
}

async function onStage(options: PeerOptions, play: (stage: Stage) => Promise<void>): Promise<void> {
  const peers = [await startPeer(options), await startPeer()] as const;
  const clients = await Promise.all(peers.map(({ host }) => createRegistry({ domain: host, retries: 0 })));
  const sessions = clients.map((client) => client.session({ access: [] }));
  try {
    await play({
      peer: peers[0],
      elsewhere: peers[1],
      open: (location) => {
        if (location.kind === "layout") return openLayout(location.folder);
        const index = peers.findIndex(({ host }) => host === location.domain);
        return sessions[index]!.repository(location.path);
      },
      planTo: (target, more) => planManifests({ target, tags: ["v1"], ...more }),
    });
  } finally {
    await Promise.all(clients.map((client) => client.close()));
    await Promise.all(peers.map((peer) => peer.close()));
  }
}

const fatesOf = ({ blobs }: Survey): string[] => blobs.map(({ fate }) => fate);
const isThere = ({ manifests }: Survey): boolean[] => manifests.map((one) => one.isThere);
const digestsOf = (...contents: readonly string[]): string[] =>
  contents.map((content) => digestOf(Buffer.from(content)));

describe("what a registry has of a plan", () => {
  test("is nothing at first; nothing is written to find that out", async () => {
    await onStage({}, async ({ peer, open, planTo }) => {
      const item = imageItem(peer, "src/a", { layers: ["one"] });
      const planned = planTo(repositoryOf(peer, PATH), { root: indexOf([item.manifest]), items: [item] });
      const found = await survey(planned, open);
      expect([isThere(found), fatesOf(found)]).toEqual([[false], ["mount", "mount"]]);
      expect(found.tags).toEqual([{ tag: "v1", state: "absent" }]);
      expect(peer.requests.filter((request) => !/^(GET|HEAD) /.test(request))).toEqual([]);
      // Nothing is asked that a mount answers by itself.
      expect(peer.requests).toHaveLength(2);
    });
  });

  test("is all after a push: then its blobs are not needed, and the tag is the same", async () => {
    await onStage({}, async ({ peer, open, planTo }) => {
      const item = imageItem(peer, "src/a", { layers: ["one"] });
      const signature = referrerItem(peer, "src/a", item, { tags: ["sha256-1.sig", "sha256-1.att"] });
      const root = indexOf([item.manifest]);
      const planned = planTo(repositoryOf(peer, PATH), { root, items: [item, signature] });
      await execute(planned, open);
      const found = await survey(planned, open);
      expect([isThere(found), new Set(fatesOf(found))]).toEqual([[true, true], new Set(["unneeded"])]);
      expect(found.tags).toEqual([{ tag: "v1", state: "same", digest: root.digest }]);
      expect(found.assumptions.hasManifest?.(item.manifest.digest)).toBe(true);
      peer.deleteManifest(PATH, signature.manifest.digest);
      peer.putImage(PATH, { tag: "sha256-1.sig", seed: "another's" });
      expect(isThere(await survey(planned, open))).toEqual([true, false]);
    });
  });

  test("decides what is mounted, and what is copied from another registry", async () => {
    await onStage({}, async ({ peer, elsewhere, open, planTo }) => {
      const near = imageItem(peer, "src/a", { layers: ["near"], os: "windows", foreignLayers: 1 });
      const far = imageItem(elsewhere, "src/b", { layers: ["far", "there"], variant: "v8" });
      peer.putBlob(PATH, "there");
      const items = [near, far];
      const root = indexOf(items.map(({ manifest }) => manifest));
      const planned = planTo(repositoryOf(peer, PATH), { root, items });
      const found = await survey(planned, open);
      expect(fatesOf(found)).toEqual(["mount", "foreign", "mount", "copy", "copy", "present"]);
      const [there, copied] = digestsOf("there", "far");
      expect([there, copied].map((digest) => found.assumptions.hasBlob?.(digest!))).toEqual([true, false]);
      const mountOnly = planTo(repositoryOf(peer, PATH), { root, items, mountOnly: true });
      const refused = await survey(mountOnly, open);
      expect(fatesOf(refused)).toEqual(["mount", "foreign", "mount", "refused", "refused", "refused"]);
      // What goes out then is what was said.
      const before = peer.requests.length;
      const expected = requests(planned, { ...found.assumptions, tagParameter: true });
      await execute(planned, open);
      const sent = peer.requests.slice(before).map((request) => request.split(" ")[0]);
      const told = expected.flatMap((one) =>
        one.kind === "http" && one.domain === peer.host ? one.method : [],
      );
      expect(sent.sort()).toEqual(told.sort());
    });
  });

  test("says what each tag names now, each once", async () => {
    await onStage({}, async ({ peer, open, planTo }) => {
      const item = imageItem(peer, "src/a");
      const old = indexOf([item.manifest], { annotations: { old: "yes" } });
      peer.putManifest(PATH, old.mediaType, old.bytes, "v1");
      const broken = peer.putManifest(PATH, old.mediaType, "{}}", "broken");
      peer.putManifest(PATH, "application/vnd.docker.distribution.manifest.v1+json", "{}", "ancient");
      const root = indexOf([item.manifest]);
      const tags = ["v1", "new", "broken", "ancient", "v1"];
      const planned = planTo(repositoryOf(peer, PATH), { root, items: [item], tags });
      const [v1, ...others] = (await survey(planned, open)).tags;
      expect(v1).toMatchObject({ tag: "v1", state: "other", digest: old.digest });
      expect(v1?.state === "other" && v1.manifest?.annotations).toEqual({ old: "yes" });
      expect(others).toEqual([
        { tag: "new", state: "absent" },
        { tag: "broken", state: "other", digest: broken.digest, manifest: undefined },
        {
          tag: "ancient",
          state: "unknown",
          error: expect.objectContaining({ code: "INVALID_ANSWER" }) as unknown,
        },
      ]);
    });
  });

  test("is not a blob of another size", async () => {
    const onRequest: PeerOptions["onRequest"] = ({ path }) =>
      path.includes("/blobs/") ? { status: 200, headers: { "Content-Length": "3" } } : undefined;
    await onStage({ onRequest }, async ({ peer, elsewhere, open, planTo }) => {
      const item = imageItem(elsewhere, "src/a");
      const planned = planTo(repositoryOf(peer, PATH), { root: indexOf([item.manifest]), items: [item] });
      expect(fatesOf(await survey(planned, open))).toEqual(["copy", "copy"]);
    });
  });

  test("is not known where the registry does not say", async () => {
    const onRequest: PeerOptions["onRequest"] = ({ path }) =>
      path.endsWith("/manifests/v1") || path.includes("/blobs/") ? { status: 403 } : undefined;
    await onStage({ onRequest }, async ({ peer, elsewhere, open, planTo }) => {
      const item = imageItem(elsewhere, "src/a");
      const planned = planTo(repositoryOf(peer, PATH), { root: indexOf([item.manifest]), items: [item] });
      const found = await survey(planned, open);
      expect(found.tags).toMatchObject([{ tag: "v1", state: "unknown", error: { code: "REGISTRY" } }]);
      expect(fatesOf(found)).toEqual(["copy", "copy"]);
    });
  });

  test("cannot be told where nobody answers", async () => {
    await onStage({}, async ({ peer, elsewhere, open, planTo }) => {
      const item = imageItem(elsewhere, "src/a");
      const planned = planTo(repositoryOf(peer, PATH), { root: indexOf([item.manifest]), items: [item] });
      await peer.close();
      await expect(survey(planned, open)).rejects.toMatchObject({ code: "TRANSPORT" });
    });
  });

  test("knows a root that is an image by its own blobs", async () => {
    await onStage({}, async ({ peer, open, planTo }) => {
      const { manifest: root, sources: rootSources } = imageItem(peer, "src/a");
      const planned = planTo(repositoryOf(peer, PATH), { root, rootSources, items: [] });
      await execute(planned, open);
      // It is put again, whatever is there.
      expect(fatesOf(await survey(planned, open))).toEqual(["mount", "mount"]);
    });
  });
});

describe("what a layout has of a plan", () => {
  test("is found in the same way: no layout yet, another list, the same list", async () => {
    const folder = mkdtempSync(join(tmpdir(), "surveyed-"));
    try {
      await onStage({}, async ({ peer, open, planTo }) => {
        const item = imageItem(peer, "src/a", { layers: ["one"] });
        const root = indexOf([item.manifest]);
        const planned = planTo({ kind: "layout", folder }, { root, items: [item] });
        const first = await survey(planned, open);
        expect(first).toMatchObject({ assumptions: { layout: "missing" }, tags: [{ state: "absent" }] });
        expect(fatesOf(first)).toEqual(["copy", "copy"]);
        const nowhere = planTo({ kind: "layout", folder: join(folder, "none") }, { root, items: [item] });
        expect(await survey(nowhere, open)).toMatchObject({ assumptions: { layout: "missing" } });

        const other = imageItem(peer, "src/a", { layers: ["one"], variant: "v8" });
        const otherRoot = indexOf([other.manifest]);
        await execute(planTo({ kind: "layout", folder }, { root: otherRoot, items: [other] }), open);
        const second = await survey(planned, open);
        expect(second).toMatchObject({
          assumptions: { layout: "present" },
          tags: [
            { tag: "v1", state: "other", digest: otherRoot.digest, manifest: { digest: otherRoot.digest } },
          ],
        });
        expect(fatesOf(second)).toEqual(["copy", "present"]);

        await execute(planned, open);
        const third = await survey(planned, open);
        expect(third).toMatchObject({ assumptions: { layout: "tagged" }, tags: [{ state: "same" }] });
        expect(requests(planned, third.assumptions)).toEqual([]);
        expect(third.assumptions.hasManifest?.(rootOf(planned).manifest.digest)).toBe(true);
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
