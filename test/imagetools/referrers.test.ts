import { beforeEach, describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { openLayout } from "../../src/content/layout.js";
import type { Descriptor } from "../../src/testing/index.js";
import {
  attach,
  attachByTag,
  attachedTag,
  ATTESTATION_TYPE,
  COSIGN_SIGNATURE,
  putBuild,
  putFallbackIndex,
  putIndex,
  SBOM,
  SIGSTORE_BUNDLE,
  type Build,
} from "../helpers/builds.js";
import type { Peer } from "../helpers/peer.js";
import { listOf, useWorkplace } from "../helpers/workplace.js";

/** What is attached to images and indexes: which of it goes along with them, and how it is found where they go. */

const workplace = useWorkplace();
const SOURCE = "me/app";
const TARGET = "me/list";

let peer: Peer;
let build: Build;

const Referrers = z.object({ manifests: z.array(z.object({ digest: z.string() })) });

/** What a registry's referrers API says. */
async function referrers(
  registry: Peer,
  repository: string,
  { digest }: { digest: string },
): Promise<string[]> {
  const response = await fetch(`http://${registry.host}/v2/${repository}/referrers/${digest}`);
  return Referrers.parse(await response.json()).manifests.map((one) => one.digest);
}

/** What is listed under the tag that stands in for the API. */
function fallback(registry: Peer, repository: string, { digest }: { digest: string }): string[] {
  const index = registry.manifest(repository, attachedTag(digest));
  return index === undefined ? [] : listOf(index.body).manifests.map((one) => one.digest);
}

const digestsOf = (...all: readonly { readonly digest: string }[]): string[] =>
  all.map(({ digest }) => digest).sort();

/** Each was put once at most. */
function expectOnce({ requests }: Peer): void {
  const puts = requests.filter((request) => /^PUT \S+\/manifests\/sha256:/.test(request));
  expect(puts).toEqual([...new Set(puts)]);
}

/** A list is made in another repository of a registry by either command line, with everything that is attached. */
const COMMAND_LINES: readonly [
  name: string,
  make: (list: string, ...sources: string[]) => Promise<unknown>,
][] = [
  [
    "imagetools create",
    (list, ...sources) => workplace.out("imagetools", "create", "--referrers", "-t", list, ...sources),
  ],
  [
    "create and push",
    async (list, ...sources) => {
      await workplace.out("create", list, ...(sources.length === 1 ? [...sources, ...sources] : sources));
      await workplace.out("push", "--referrers", "--cross-registry", list);
    },
  ],
];

interface Attached {
  readonly bundle: Descriptor;
  readonly sbom: Descriptor;
  readonly ofSbom: Descriptor;
  readonly ofAttestation: Descriptor;
  readonly ofIndex: Descriptor;
}

/** A bundle and an SBOM of the image, a signature of that, of its attestation, and of the index of both. */
function attachAll(registry: Peer): Attached {
  const bundle = attach(registry, SOURCE, build.image, SIGSTORE_BUNDLE);
  const sbom = attach(registry, SOURCE, build.image, SBOM);
  return {
    bundle,
    sbom,
    ofSbom: attach(registry, SOURCE, sbom, SIGSTORE_BUNDLE),
    ofAttestation: attach(registry, SOURCE, build.attestation, SIGSTORE_BUNDLE),
    ofIndex: attach(registry, SOURCE, build.index, COSIGN_SIGNATURE),
  };
}

/** As clients leave it in a registry without the API. */
function listAll(registry: Peer, { bundle, sbom, ofSbom, ofAttestation, ofIndex }: Attached): void {
  const put = (subject: Descriptor, ...all: (readonly [Descriptor, string])[]): void => {
    putFallbackIndex(
      registry,
      SOURCE,
      subject,
      all.map(([one, artifactType]) => ({ ...one, artifactType })),
    );
  };
  put(build.image, [bundle, SIGSTORE_BUNDLE], [sbom, SBOM]);
  put(sbom, [ofSbom, SIGSTORE_BUNDLE]);
  put(build.attestation, [ofAttestation, SIGSTORE_BUNDLE]);
  put(build.index, [ofIndex, COSIGN_SIGNATURE]);
}

describe.each(COMMAND_LINES)("%s --referrers", (_, make) => {
  describe("where the registry has the referrers API", () => {
    beforeEach(async () => {
      peer = await workplace.registry();
      build = putBuild(peer, SOURCE, { architecture: "amd64", tag: "v1" });
    });

    it("takes along what is attached to images, attestations, the index, and what is attached to that", async () => {
      const all = attachAll(peer);
      await make(`${peer.host}/${TARGET}:v1`, `${peer.host}/${SOURCE}:v1`);
      const at = (subject: Descriptor): Promise<string[]> => referrers(peer, TARGET, subject);
      expect((await at(build.image)).sort()).toEqual(digestsOf(all.bundle, all.sbom));
      expect(await at(all.sbom)).toEqual(digestsOf(all.ofSbom));
      expect(await at(build.attestation)).toEqual(digestsOf(all.ofAttestation));
      expect(await at(build.index)).toEqual(digestsOf(all.ofIndex));
      expectOnce(peer);
      // Nobody needs a tag that stands in for the API.
      expect(peer.tags(TARGET)).toEqual(["v1"]);
    });

    it("takes along what cosign has attached by tags, under the same tags", async () => {
      const tagged = (["sig", "att", "sbom"] as const).map((suffix) =>
        attachByTag(peer, SOURCE, build.image, suffix),
      );
      const ofIndex = attachByTag(peer, SOURCE, build.index, "sig");
      await make(`${peer.host}/${TARGET}:v1`, `${peer.host}/${SOURCE}:v1`);
      const [of, ofAll] = [attachedTag(build.image.digest), attachedTag(build.index.digest)];
      expect(peer.tags(TARGET)).toEqual(
        [`${of}.att`, `${of}.sbom`, `${of}.sig`, `${ofAll}.sig`, "v1"].sort(),
      );
      for (const [index, suffix] of ["sig", "att", "sbom"].entries()) {
        expect(peer.manifest(TARGET, `${of}.${suffix}`)?.digest).toBe(tagged[index]?.digest);
      }
      expect(peer.manifest(TARGET, `${ofAll}.sig`)?.digest).toBe(ofIndex.digest);
    });

    it("leaves a signature of the target alone that has the tag already, and says so", async () => {
      const tag = `${attachedTag(build.image.digest)}.sig`;
      attachByTag(peer, SOURCE, build.image, "sig");
      const theirs = attachByTag(peer, TARGET, build.image, "sig", "by somebody else");
      const list = `${peer.host}/${TARGET}:v1`;
      await workplace.out("create", list, `${peer.host}/${SOURCE}:v1`, `${peer.host}/${SOURCE}:v1`);
      const result =
        make === COMMAND_LINES[0]?.[1]
          ? await workplace.run(
              "imagetools",
              "create",
              "--referrers",
              "-t",
              list,
              `${peer.host}/${SOURCE}:v1`,
            )
          : await workplace.run("push", "--referrers", list);
      expect(result).toMatchObject({
        status: 0,
        stderr: `WARNING: ${tag} is something else in the target already, and was left as it is\n`,
      });
      expect(peer.manifest(TARGET, tag)?.digest).toBe(theirs.digest);
      expect(peer.tags(TARGET)).toContain("v1");
    });

    it("takes once what is attached in both ways", async () => {
      const bundle = attach(peer, SOURCE, build.image, SIGSTORE_BUNDLE);
      putFallbackIndex(peer, SOURCE, build.image, [{ ...bundle, artifactType: SIGSTORE_BUNDLE }]);
      await make(`${peer.host}/${TARGET}:v1`, `${peer.host}/${SOURCE}:v1`);
      expect(await referrers(peer, TARGET, build.image)).toEqual([bundle.digest]);
      expectOnce(peer);
    });

    it("takes what is attached to the indexes that are put together, and to those in them", async () => {
      const other = putBuild(peer, SOURCE, { architecture: "arm64", tag: "v2" });
      putIndex(peer, SOURCE, [build.index], { tag: "nested" });
      const [one, two] = [build.index, other.index].map((index) =>
        attach(peer, SOURCE, index, SIGSTORE_BUNDLE),
      );
      const sources = ["nested", "v2"].map((tag) => `${peer.host}/${SOURCE}:${tag}`);
      await make(`${peer.host}/${TARGET}:v1`, ...sources);
      expect(await referrers(peer, TARGET, build.index)).toEqual([one?.digest]);
      expect(await referrers(peer, TARGET, other.index)).toEqual([two?.digest]);
    });
  });

  describe.each([
    [false, false],
    [false, true],
    [true, false],
  ])("where the source has the API: %s, and the target: %s", (atSource, atTarget) => {
    let target: Peer;
    beforeEach(async () => {
      peer = await workplace.registry({ referrers: atSource });
      target = await workplace.registry({ referrers: atTarget });
      build = putBuild(peer, SOURCE, { architecture: "amd64", tag: "v1" });
    });

    it("takes all along, so that it is found there", async () => {
      const all = attachAll(peer);
      if (!atSource) listAll(peer, all);
      await make(`${target.host}/${TARGET}:v1`, `${peer.host}/${SOURCE}:v1`);
      const at = async (subject: Descriptor): Promise<string[]> =>
        (atTarget ? await referrers(target, TARGET, subject) : fallback(target, TARGET, subject)).sort();
      expect(await at(build.image)).toEqual(digestsOf(all.bundle, all.sbom));
      expect(await at(all.sbom)).toEqual(digestsOf(all.ofSbom));
      expect(await at(build.attestation)).toEqual(digestsOf(all.ofAttestation));
      expect(await at(build.index)).toEqual(digestsOf(all.ofIndex));
      expectOnce(target);
    });

    it.runIf(!atTarget)("adds to what is listed in the target already", async () => {
      const all = attachAll(peer);
      if (!atSource) listAll(peer, all);
      const theirs = attach(target, TARGET, build.image, SBOM, "by somebody else");
      putFallbackIndex(target, TARGET, build.image, [{ ...theirs, artifactType: SBOM }]);
      await make(`${target.host}/${TARGET}:v1`, `${peer.host}/${SOURCE}:v1`);
      const listed = fallback(target, TARGET, build.image);
      expect(listed[0]).toBe(theirs.digest);
      expect([...listed].sort()).toEqual(digestsOf(theirs, all.bundle, all.sbom));
    });
  });

  it("takes all along through a layout and back into a registry", async () => {
    peer = await workplace.registry();
    const target = await workplace.registry();
    build = putBuild(peer, SOURCE, { architecture: "amd64", tag: "v1" });
    const all = attachAll(peer);
    const signature = attachByTag(peer, SOURCE, build.image, "sig");
    const layout = `oci-layout://${workplace.path("out")}:v1`;
    await workplace.out("imagetools", "create", "--referrers", "-t", layout, `${peer.host}/${SOURCE}:v1`);
    const found: string[] = [];
    for await (const one of openLayout(workplace.path("out")).referrers(build.image.digest))
      found.push(one.digest);
    expect(found.sort()).toEqual(digestsOf(all.bundle, all.sbom));

    await make(`${target.host}/${TARGET}:v1`, layout);
    const at = (subject: Descriptor): Promise<string[]> => referrers(target, TARGET, subject);
    expect((await at(build.image)).sort()).toEqual(digestsOf(all.bundle, all.sbom));
    expect(await at(all.sbom)).toEqual(digestsOf(all.ofSbom));
    expect(await at(build.index)).toEqual(digestsOf(all.ofIndex));
    const tag = `${attachedTag(build.image.digest)}.sig`;
    expect(target.manifest(TARGET, tag)?.digest).toBe(signature.digest);
  });
});

describe("without --referrers", () => {
  beforeEach(async () => {
    peer = await workplace.registry();
    build = putBuild(peer, SOURCE, { architecture: "amd64", tag: "v1" });
    attach(peer, SOURCE, build.image, SBOM);
    attachByTag(peer, SOURCE, build.image, "sig");
  });

  it("imagetools create takes signatures and bundles, as buildx does, and nothing else", async () => {
    const all = [COSIGN_SIGNATURE, SIGSTORE_BUNDLE].map((type) => attach(peer, SOURCE, build.image, type));
    await workplace.out(
      "imagetools",
      "create",
      "-t",
      `${peer.host}/${TARGET}:v1`,
      `${peer.host}/${SOURCE}:v1`,
    );
    expect((await referrers(peer, TARGET, build.image)).sort()).toEqual(digestsOf(...all));
    expect(peer.tags(TARGET)).toEqual(["v1"]);
  });

  it("imagetools create lists an attestation that was only attached, as buildx does", async () => {
    const image = peer.putImage(SOURCE, { kind: "oci", architecture: "arm64", tag: "arm64" });
    const attestation = attach(peer, SOURCE, image, ATTESTATION_TYPE);
    await workplace.out(
      "imagetools",
      "create",
      "-t",
      `${peer.host}/${TARGET}:v1`,
      `${peer.host}/${SOURCE}:arm64`,
    );
    expect(
      listOf(peer.manifest(TARGET, "v1")?.body).manifests.map(({ digest, annotations }) => [
        digest,
        annotations,
      ]),
    ).toEqual([
      [image.digest, undefined],
      [
        attestation.digest,
        { "vnd.docker.reference.digest": image.digest, "vnd.docker.reference.type": "attestation-manifest" },
      ],
    ]);
  });

  it("push takes nothing that is attached", async () => {
    attach(peer, SOURCE, build.image, SIGSTORE_BUNDLE);
    const list = `${peer.host}/${TARGET}:v1`;
    await workplace.out("create", list, `${peer.host}/${SOURCE}:v1`, `${peer.host}/${SOURCE}:v1`);
    await workplace.out("push", list);
    expect(await referrers(peer, TARGET, build.image)).toEqual([]);
    expect(peer.tags(TARGET)).toEqual(["v1"]);
  });
});
