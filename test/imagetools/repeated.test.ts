import { beforeEach, describe, expect, it } from "vitest";
import { attach, putBuild, SIGSTORE_BUNDLE, type Build } from "../helpers/builds.js";
import type { Peer, PeerOptions } from "../helpers/peer.js";
import { changesIn, useWorkplace } from "../helpers/workplace.js";

/** `imagetools create` of what it has made before, where something is not as it was left. */

const workplace = useWorkplace();

let peer: Peer;
let build: Build;
let onRequest: PeerOptions["onRequest"];

beforeEach(async () => {
  onRequest = undefined;
  peer = await workplace.registry({ onRequest: (request) => onRequest?.(request) });
  build = putBuild(peer, "me/app", { architecture: "amd64", tag: "v1" });
});

const create = (...flags: string[]): Promise<string> =>
  workplace.out("imagetools", "create", "-t", `${peer.host}/me/list:v1`, `${peer.host}/me/app:v1`, ...flags);

describe.each([
  { name: "plainly", flags: [] },
  { name: "strictly", flags: ["--strict"] },
  { name: "for what is expected", flags: ["--expect", "linux/amd64"] },
])("made $name", ({ flags }) => {
  it("takes along a signature that has come since", async () => {
    await create(...flags);
    const signature = attach(peer, "me/app", build.image, SIGSTORE_BUNDLE);
    await create(...flags);
    expect(peer.manifest("me/list", signature.digest)).toBeDefined();
  });

  it("changes nothing where nothing has come, and reads all back where that is wanted", async () => {
    await create(...flags);
    const earlier = { changes: changesIn(peer).length, requests: peer.requests.length };
    await create(...flags, "--verify");
    expect(changesIn(peer)).toHaveLength(earlier.changes);
    expect(peer.requests.slice(earlier.requests)).toContain(
      `GET /v2/me/list/manifests/${build.image.digest}`,
    );
  });
});

it("moves a tag back that somebody has moved while the sources were slow", async () => {
  await create();
  const made = peer.manifest("me/list", "v1")?.digest;
  let isFirst = true;
  onRequest = async ({ method, path }) => {
    if (method !== "GET" || path !== "/v2/me/app/manifests/v1" || !isFirst) return undefined;
    isFirst = false;
    await new Promise((resolve) => setTimeout(resolve, 300));
    peer.putImage("me/list", { tag: "v1", seed: "another's" });
    await new Promise((resolve) => setTimeout(resolve, 5_500));
    return undefined;
  };
  await create();
  expect(peer.manifest("me/list", "v1")?.digest).toBe(made);
});
