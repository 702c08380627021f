import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OCI_INDEX } from "../../src/oci/mediaTypes.js";
import { ApplyResult } from "../../src/ui/applyResult.js";
import { seed, seedImage } from "../helpers/images.js";
import { peerPath } from "../helpers/peers.js";
import { describeWithPrograms, startRegistryServer, type RegistryServer } from "../helpers/registryServer.js";
import { listOf, useWorkplace } from "../helpers/workplace.js";

/** A file of lists on registries that people run: distribution 2 and 3. */

const LISTS = 60;
const REPOSITORIES = 6;
const ARCHITECTURES = ["amd64", "arm64"];

const nameOf = (at: number): string => `lists/app${at % REPOSITORIES}:v${Math.floor(at / REPOSITORIES)}`;
const images = ARCHITECTURES.map((architecture) =>
  seedImage(`build/app:${architecture}`, { kind: "oci", config: { os: "linux", architecture } }),
);

const programs = [
  ["distribution 2", "docker-registry"],
  ["distribution 3", peerPath("registry")],
] as const;

describeWithPrograms(
  "a file of lists",
  programs.map(([, program]) => program),
  () => {
    describe.each(programs)("in %s", (_, program) => {
      const workplace = useWorkplace();
      let registry: RegistryServer;
      beforeAll(async () => {
        registry = await startRegistryServer({ program });
        await seed(registry.url, images);
      });
      afterAll(async () => {
        await registry.close();
      });

      it("is made, each list under all its names, and left alone when it is made again", async () => {
        const lists = Array.from({ length: LISTS }, (_list, at) => ({
          target: `${registry.host}/${nameOf(at)}`,
          tags: at < REPOSITORIES ? ["latest"] : [],
          template: `${registry.host}/build/app:{arch}`,
          platforms: ARCHITECTURES.map((architecture) => `linux/${architecture}`),
          annotations: { at: `${at}` },
        }));
        const file = workplace.write("lists.yaml", JSON.stringify({ version: 1, lists }));
        const first = ApplyResult.parse(
          JSON.parse(await workplace.out("apply", "-f", file, "--format", "json", "--verify")),
        );
        expect(first.lists.map(({ status }) => status)).toEqual(lists.map(() => "pushed"));
        for (const { target, digest, tags } of first.lists) {
          for (const name of [target, ...tags]) {
            const [, repository = "", tag = ""] = /^[^/]+\/(.+):([^:]+)$/.exec(name) ?? [];
            const answer = await fetch(`${registry.url}/v2/${repository}/manifests/${tag}`, {
              headers: { accept: OCI_INDEX },
            });
            expect(answer.headers.get("docker-content-digest")).toBe(digest);
            const body = Buffer.from(await answer.arrayBuffer());
            expect(listOf(body).manifests.map((entry) => entry.digest)).toEqual(
              images.map((image) => image.digest),
            );
          }
        }
        const again = ApplyResult.parse(
          JSON.parse(await workplace.out("apply", "-f", file, "--format", "json")),
        );
        const unchanged = { status: "unchanged", sent: { manifests: 0, mounted: 0, copied: 0, bytes: 0 } };
        expect(again.lists.map(({ status, sent }) => ({ status, sent }))).toEqual(lists.map(() => unchanged));
        expect(again.lists.map(({ digest }) => digest).sort()).toEqual(
          first.lists.map(({ digest }) => digest).sort(),
        );
      });
    });
  },
);
