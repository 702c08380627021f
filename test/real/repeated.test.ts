import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { OCI_INDEX } from "../../src/oci/mediaTypes.js";
import { seed, seedImage, type SeedImage } from "../helpers/images.js";
import { peerPath } from "../helpers/peers.js";
import { startRecorder, type Recorder } from "../helpers/recorder.js";
import { describeWithPrograms, startRegistryServer, type RegistryServer } from "../helpers/registryServer.js";
import { useWorkplace } from "../helpers/workplace.js";

/** What a push of what is there already asks of distribution 2 and 3, and what it leaves alone. */

const IMAGES: readonly SeedImage[] = ["amd64", "arm64", "s390x"].map((architecture) =>
  seedImage(`build/${architecture}:v1`, { kind: "oci", config: { os: "linux", architecture } }),
);
const [AMD64] = IMAGES;
const TAGS = ["v1", "1", "latest"];

const programs = [
  ["distribution 2", "docker-registry"],
  ["distribution 3", peerPath("registry")],
] as const;

describeWithPrograms(
  "a list that is pushed again",
  programs.map(([, program]) => program),
  () => {
    describe.each(programs)("to %s", (_, program) => {
      const workplace = useWorkplace();
      let registry: RegistryServer;
      let recorder: Recorder;
      let count = 0;
      let repository: string;
      beforeAll(async () => {
        registry = await startRegistryServer({ program });
        await seed(registry.url, IMAGES);
        recorder = await startRecorder(registry.port);
      });
      afterAll(async () => {
        await recorder.close();
        await registry.close();
      });

      interface Sent {
        readonly stdout: string;
        /** Sorted. */
        readonly sent: readonly string[];
      }

      /** Pushes the list under its tags. */
      const push = (...flags: string[]): Promise<Sent> => pushWith({}, ...flags);

      async function pushWith(env: Readonly<Record<string, string>>, ...flags: string[]): Promise<Sent> {
        const earlier = recorder.recorded.length;
        const [name = "", ...more] = TAGS;
        const tags = more.flatMap((tag) => ["--tag", tag]);
        const run = await workplace.runWith(env, "push", ...flags, ...tags, listName(name));
        expect(run).toMatchObject({ status: 0, stderr: "" });
        const sent = recorder.recorded.slice(earlier).map(({ method, path }) => `${method} ${path}`);
        return { stdout: run.stdout, sent: sent.sort() };
      }

      const listName = (tag: string): string => `${recorder.host}/${repository}:${tag}`;
      const manifest = (reference: string): string => `/v2/${repository}/manifests/${reference}`;
      /** Each image and each tag is asked for, once. */
      const questions = (): string[] =>
        [...IMAGES.map(({ digest }) => digest), ...TAGS].map((one) => `HEAD ${manifest(one)}`).sort();
      async function digestOf(tag: string): Promise<string | null> {
        const answer = await fetch(`${registry.url}${manifest(tag)}`, { headers: { accept: OCI_INDEX } });
        return answer.headers.get("docker-content-digest");
      }

      let first: Sent;
      beforeEach(async () => {
        repository = `team/app-${++count}`;
        const sources = IMAGES.map(({ name }) => `${recorder.host}/${name}`);
        await workplace.out("create", listName("v1"), ...sources);
        first = await push();
        expect(first.sent.filter((request) => request.startsWith("PUT"))).not.toEqual([]);
      });

      it("costs a question for each image and each tag, and nothing else", async () => {
        expect(await push()).toEqual({ stdout: first.stdout, sent: questions() });
        expect(JSON.parse((await push("--format", "json")).stdout)).toMatchObject({ status: "unchanged" });
      });

      it("puts nothing either where nothing is remembered of the first push: mounts go beside the questions", async () => {
        const again = await pushWith({ XDG_CACHE_HOME: workplace.path("another") });
        expect(again.stdout).toBe(first.stdout);
        expect(again.sent.filter((request) => !request.startsWith("POST"))).toEqual(questions());
      });

      it("has a tag moved back that somebody has moved, and only that", async () => {
        const digest = await digestOf("v1");
        const { mediaType, body } = AMD64!;
        const moved = await fetch(`${registry.url}${manifest("latest")}`, {
          method: "PUT",
          headers: { "content-type": mediaType },
          body,
        });
        expect(moved.status).toBe(201);

        const put = `PUT ${manifest("latest")}`;
        expect(await push()).toEqual({ stdout: first.stdout, sent: [...questions(), put].sort() });
        expect(await Promise.all(TAGS.map(digestOf))).toEqual(TAGS.map(() => digest));
        expect(await push()).toEqual({ stdout: first.stdout, sent: questions() });
      });

      it("is put again whole where its images and tags were deleted", async () => {
        const digests = [...IMAGES.map((image) => image.digest), await digestOf("v1")];
        for (const digest of digests) {
          const deleted = await fetch(`${registry.url}${manifest(digest ?? "")}`, { method: "DELETE" });
          expect(deleted.status).toBe(202);
        }
        const again = await push();
        expect(again.stdout).toBe(first.stdout);
        const puts = (sent: readonly string[]): string[] =>
          sent.filter((request) => request.startsWith("PUT"));
        expect(puts(again.sent)).toEqual(puts(first.sent));
        expect(new Set(await Promise.all(TAGS.map(digestOf))).size).toBe(1);
        expect(await push()).toEqual({ stdout: first.stdout, sent: questions() });
      });
    });
  },
);
