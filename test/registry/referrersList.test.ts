import { describe, expect, test } from "vitest";
import { referrersTag } from "../../src/content/referrer.js";
import type { Descriptor } from "../../src/oci/descriptor.js";
import { digestOf } from "../../src/oci/digest.js";
import { parseManifest, type Manifest } from "../../src/oci/manifest.js";
import { OCI_INDEX, OCI_MANIFEST } from "../../src/oci/mediaTypes.js";
import { createRegistry } from "../../src/registry/createRegistry.js";
import { answer, type Incoming } from "../helpers/peer.js";
import { distribution, onPath } from "../testing/peers.js";
import { upload } from "../testing/client.js";
import { manifestOf, TARGET, withStage, type Stage } from "./stage.js";

const image = manifestOf("a");
const tag = referrersTag(image.digest);
const SBOM = "application/spdx+json";
const CONFIG = {
  mediaType: "application/vnd.oci.empty.v1+json",
  digest: digestOf(Buffer.from("{}")),
  size: 2,
};

/** Something about the image: an attestation, a signature. */
function referrerOf(note: string, more: object = {}): Manifest {
  const { mediaType, digest, bytes } = image;
  const body = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    artifactType: SBOM,
    config: CONFIG,
    layers: [],
    subject: { mediaType, digest, size: bytes.byteLength },
    annotations: { note },
    ...more,
  };
  return parseManifest(OCI_MANIFEST, Buffer.from(JSON.stringify(body)));
}

const withoutApi = { referrers: false };
const PATH = `/v2/${TARGET}/manifests/`;

function indexIn({ peer }: Stage): string {
  return peer.manifest(TARGET, tag)?.body.toString() ?? "";
}

async function listed({ target }: Stage): Promise<Descriptor[]> {
  const found: Descriptor[] = [];
  for await (const one of target.referrers(image.digest)) found.push(one);
  return found;
}

describe("what refers to a manifest", () => {
  test("needs no list where the registry says that it has seen the subject", () =>
    withStage({}, async (stage) => {
      const referrer = referrerOf("one");
      await stage.target.put(referrer, [], { role: "referrer" });
      expect(stage.peer.requests).toEqual([`PUT ${PATH}${referrer.digest}`]);
      expect(await listed(stage)).toMatchObject([{ digest: referrer.digest }]);
    }));

  test("is listed under a tag where the registry has no referrers API, with its type and annotations", () =>
    withStage(withoutApi, async (stage) => {
      const { digest, bytes } = referrerOf("one");
      await stage.target.put(referrerOf("one"), [], { role: "referrer" });
      expect(stage.peer.requests).toEqual([
        `PUT ${PATH}${digest}`,
        `GET ${PATH}${tag}`,
        `PUT ${PATH}${tag}`,
        `GET ${PATH}${tag}`,
      ]);
      expect(JSON.parse(indexIn(stage))).toEqual({
        schemaVersion: 2,
        mediaType: OCI_INDEX,
        manifests: [
          {
            mediaType: OCI_MANIFEST,
            digest,
            size: bytes.byteLength,
            artifactType: SBOM,
            annotations: { note: "one" },
          },
        ],
      });
      expect(await listed(stage)).toMatchObject([{ digest, artifactType: SBOM }]);
    }));

  test("is listed with the type of its config where it has none of its own", () =>
    withStage(withoutApi, async (stage) => {
      await stage.target.put(referrerOf("one", { artifactType: undefined }), [], { role: "referrer" });
      expect(await listed(stage)).toMatchObject([{ artifactType: CONFIG.mediaType }]);
    }));

  test("is listed once, however often it is put", () =>
    withStage(withoutApi, async (stage) => {
      await stage.target.put(referrerOf("one"), [], { role: "referrer" });
      await stage.target.put(referrerOf("one"), [], { role: "referrer" });
      expect(stage.count(new RegExp(`^PUT .*${tag}`))).toBe(1);
      expect(await listed(stage)).toHaveLength(1);
    }));

  test("is listed if it is an index of its own, under its tags or by its digest", () =>
    withStage(withoutApi, async (stage) => {
      for (const [note, tags] of [
        ["none", []],
        ["one", ["v1"]],
        ["two", ["v2", "v3"]],
      ] as const) {
        await stage.target.put(referrerOf(note), tags, { role: "root" });
      }
      const notes = (await listed(stage)).map(({ annotations }) => annotations["note"]);
      expect(notes).toEqual(["none", "one", "two"]);
      expect(stage.peer.tags(TARGET)).toEqual([tag, "v1", "v2", "v3"].sort());
    }));

  test.each(["child", undefined] as const)("is not listed as %s: its index leads to it", (role) =>
    withStage(withoutApi, async (stage) => {
      await stage.target.put(referrerOf("one"), [], { role });
      expect(stage.peer.tags(TARGET)).toEqual([]);
    }),
  );

  test("is not listed where it has no subject", () =>
    withStage(withoutApi, async (stage) => {
      await stage.target.put(image, [], { role: "root" });
      expect(stage.peer.requests).toHaveLength(1);
    }));

  test("leaves what is listed already as it is, to the byte", () =>
    withStage(withoutApi, async (stage) => {
      stage.peer.putManifest(TARGET, OCI_MANIFEST, image.bytes);
      const theirs = `{"mediaType":"${OCI_MANIFEST}","size":1e2,"digest":"${image.digest}","x-more":[1.0,"é"]}`;
      const members = `"x":{"b":1,"a":2},"schemaVersion":2,"mediaType":"${OCI_INDEX}"`;
      stage.peer.putManifest(TARGET, OCI_INDEX, `{${members},"manifests":[${theirs}],"annotations":{}}`, tag);
      await stage.target.put(referrerOf("one"), [], { role: "referrer" });
      const index = indexIn(stage);
      expect(index.startsWith(`{${members},"manifests":[${theirs},{"mediaType":`)).toBe(true);
      expect(index.endsWith(`}],"annotations":{}}`)).toBe(true);
      expect(await listed(stage)).toHaveLength(2);
    }));

  test("is not listed in place of something else that has the tag", () =>
    withStage(withoutApi, async (stage) => {
      stage.peer.putManifest(TARGET, OCI_MANIFEST, image.bytes, tag);
      await expect(stage.target.put(referrerOf("one"), [], { role: "referrer" })).rejects.toMatchObject({
        code: "INVALID_MANIFEST",
        subject: `${stage.peer.host}/${TARGET}:${tag}`,
      });
      expect(stage.peer.manifest(TARGET, tag)?.digest).toBe(image.digest);
      // Whoever asks is told that nothing is known.
      expect(await listed(stage)).toEqual([]);
    }));

  test("is there, but an error, if the list cannot be put", () =>
    withStage(
      {
        ...withoutApi,
        intercept: ({ method, url = "" }: Incoming, response) =>
          method === "PUT" && url.endsWith(tag) && answer(response, 403),
      },
      async (stage) => {
        const put = stage.target.put(referrerOf("one"), [], { role: "referrer" });
        await expect(put).rejects.toMatchObject({ code: "REGISTRY", status: 403 });
        expect(stage.peer.manifests(TARGET)).toEqual([referrerOf("one").digest]);
      },
    ));

  test("is listed behind a tag that may not be moved, and is where it should be, if the registry has no API", () => {
    const referrer = referrerOf("one");
    const intercept = (request: Incoming, response: Parameters<typeof answer>[0]): boolean => {
      if (request.method !== "PUT" || request.url?.endsWith("/v1") !== true) return false;
      request.resume();
      request.on("end", () => answer(response, 409));
      return true;
    };
    return withStage({ ...withoutApi, intercept }, async (stage) => {
      stage.peer.putManifest(TARGET, OCI_MANIFEST, referrer.bytes, "v1");
      await stage.target.put(referrer, ["v1"], { role: "root" });
      expect(await listed(stage)).toHaveLength(1);
    });
  });
});

describe("several that refer to one manifest", () => {
  const notes = Array.from({ length: 8 }, (_, at) => `note ${at}`);

  test("are listed one after another by one client", () =>
    withStage(withoutApi, async (stage) => {
      await Promise.all(notes.map((note) => stage.target.put(referrerOf(note), [], { role: "referrer" })));
      expect(await listed(stage)).toHaveLength(notes.length);
      expect(stage.count(new RegExp(`^PUT .*${tag}`))).toBe(notes.length);
    }));

  test("and of which one fails: the others are listed", () =>
    withStage(withoutApi, async (stage) => {
      const over = AbortSignal.abort();
      const results = await Promise.allSettled(
        notes.map((note, at) =>
          stage.target.put(referrerOf(note), [], { role: "referrer", ...(at === 2 && { signal: over }) }),
        ),
      );
      expect(results.filter(({ status }) => status === "rejected")).toHaveLength(1);
      expect(await listed(stage)).toHaveLength(notes.length - 1);
    }));

  test("are all listed if somebody puts the list again between a PUT and what is read back", () => {
    let theirs = 3;
    return withStage(
      {
        ...withoutApi,
        onRequest: ({ method, path }) => {
          // Somebody who had read it before: ours is not in it.
          const isReadBack = method === "GET" && path.endsWith(tag) && stageOf.puts > 0;
          if (isReadBack && theirs-- > 0) stageOf.overwrite();
          if (method === "PUT" && path.endsWith(tag)) stageOf.puts++;
          return undefined;
        },
      },
      async (stage) => {
        stage.peer.putManifest(TARGET, OCI_MANIFEST, image.bytes);
        const other = `{"mediaType":"${OCI_MANIFEST}","digest":"${image.digest}","size":2}`;
        const body = `{"schemaVersion":2,"mediaType":"${OCI_INDEX}","manifests":[${other}]}`;
        stageOf.overwrite = () => stage.peer.putManifest(TARGET, OCI_INDEX, body, tag);
        await stage.target.put(referrerOf("one"), [], { role: "referrer" });
        expect(await listed(stage)).toMatchObject([
          { digest: image.digest },
          { digest: referrerOf("one").digest },
        ]);
      },
    );
  });
  /** What the registry's hook does to what is on the stage. */
  const stageOf = { puts: 0, overwrite: (): unknown => undefined };

  test("are not put for ever against somebody who is always faster", () =>
    withStage(
      {
        ...withoutApi,
        intercept: ({ method, url = "" }, response) =>
          method === "GET" && url.endsWith(tag) && answer(response, 404),
      },
      async (stage) => {
        await expect(stage.target.put(referrerOf("one"), [], { role: "referrer" })).rejects.toMatchObject({
          code: "TAG_MOVED",
          subject: `${stage.peer.host}/${TARGET}:${tag}`,
        });
        expect(stage.count(new RegExp(`^PUT .*${tag}`))).toBe(10);
      },
    ));
});

const isThere = onPath("docker-registry");
test.skipIf(!isThere)(
  isThere
    ? "what refers to a manifest is listed, and found, in distribution, which has no referrers API"
    : "docker-registry is not installed: how it lists referrers is not tried",
  async () => {
    const peer = await distribution.start();
    const client = await createRegistry({ domain: new URL(peer.url).host, plainHttp: true });
    try {
      await upload(peer.url, TARGET, "{}");
      const session = client.session({ access: [{ path: TARGET, actions: ["pull", "push"] }] });
      const target = session.repository(TARGET);
      const referrers = ["one", "two", "three"].map((note) => referrerOf(note));
      await Promise.all(referrers.map((one) => target.put(one, [], { role: "referrer" })));
      const found: string[] = [];
      for await (const { digest } of target.referrers(image.digest, SBOM)) found.push(digest);
      expect(found.sort()).toEqual(referrers.map(({ digest }) => digest).sort());
    } finally {
      await client.close();
      await peer.close();
    }
  },
);
