import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OCI_INDEX } from "../../src/oci/mediaTypes.js";
import { seed, seedImage } from "../helpers/images.js";
import { peerPath } from "../helpers/peers.js";
import { startRecorder, type Recorded, type Recorder } from "../helpers/recorder.js";
import { describeWithPrograms, startRegistryServer, type RegistryServer } from "../helpers/registryServer.js";
import { useWorkplace } from "../helpers/workplace.js";

/** Ten tags for one list in registries that know nothing of tags in a query: distribution 2 and 3. */

const TAGS = Array.from({ length: 10 }, (_, index) => `v${index}`);
const images = [
  seedImage("team/app:amd64", { kind: "oci" }),
  seedImage("team/app:arm64", { kind: "oci", config: { os: "linux", architecture: "arm64" } }),
];

const isTagPut = ({ method, path }: Recorded): boolean => method === "PUT" && /\/manifests\/v\d$/.test(path);

const programs = [
  ["distribution 2", "docker-registry"],
  ["distribution 3", peerPath("registry")],
] as const;

describeWithPrograms(
  "ten tags for one list",
  programs.map(([, program]) => program),
  () => {
    describe.each(programs)("in %s", (_, program) => {
      const workplace = useWorkplace();
      let registry: RegistryServer;
      let recorder: Recorder;
      beforeAll(async () => {
        registry = await startRegistryServer({ program });
        await seed(registry.url, images);
        // All tags have to be under way before one is answered.
        recorder = await startRecorder(registry.port, { count: TAGS.length, isMeant: isTagPut });
      });
      afterAll(async () => {
        await recorder.close();
        await registry.close();
      });

      it.each(["imagetools create -t", "push --tag"])(
        "%s moves them at once, behind the list",
        async (command) => {
          const { host } = recorder;
          const repository = command === "push --tag" ? "team/pushed" : "team/created";
          const [first = "", ...others] = TAGS.map((tag) => `${host}/${repository}:${tag}`);
          const sources = images.map((image) => `${host}/${image.name}`);
          if (command === "push --tag") {
            await workplace.out("create", first, ...sources);
            await workplace.out("push", ...others.flatMap((tag) => ["--tag", tag]), first);
          } else {
            await workplace.out(
              "imagetools",
              "create",
              ...[first, ...others].flatMap((tag) => ["-t", tag]),
              ...sources,
            );
          }

          const puts = recorder.recorded.filter(
            ({ method, path }) => method === "PUT" && path.startsWith(`/v2/${repository}/manifests/`),
          );
          const byTag = puts.filter(({ path }) => /\/v\d$/.test(path));
          expect(byTag.map(({ path }) => path.slice(-2)).sort()).toEqual(TAGS);
          // All were under way at once.
          expect(Math.max(...byTag.map(({ start }) => start))).toBeLessThan(
            Math.min(...byTag.map(({ end }) => end)),
          );
          const [byDigest] = puts.filter(({ path }) => /\/manifests\/sha256:\w+\?/.test(path));
          expect(byDigest?.end ?? Infinity).toBeLessThan(Math.min(...byTag.map(({ start }) => start)));
          // The query was tried, and each image was put once before.
          expect(puts).toHaveLength(TAGS.length + 1 + images.length);
          expect(Math.max(...puts.slice(0, images.length).map(({ end }) => end))).toBeLessThan(
            byDigest?.start ?? 0,
          );

          const answers = await Promise.all(
            TAGS.map((tag) =>
              fetch(`${registry.url}/v2/${repository}/manifests/${tag}`, { headers: { accept: OCI_INDEX } }),
            ),
          );
          const digests = answers.map((answered) => answered.headers.get("docker-content-digest"));
          expect(new Set(digests).size).toBe(1);
          expect(digests[0]).toMatch(/^sha256:/);
        },
      );
    });
  },
);
