import { createServer, request as forward } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OCI_INDEX } from "../../src/oci/mediaTypes.js";
import { seed, seedImage } from "../helpers/images.js";
import { listen, type Listening } from "../helpers/peer.js";
import { peerPath } from "../helpers/peers.js";
import { describeWithPrograms, startRegistryServer, type RegistryServer } from "../helpers/registryServer.js";
import { useWorkplace } from "../helpers/workplace.js";

/** Ten tags for one list in registries that know nothing of tags in a query: distribution 2 and 3. */

const TAGS = Array.from({ length: 10 }, (_, index) => `v${index}`);
const images = [
  seedImage("team/app:amd64", { kind: "oci" }),
  seedImage("team/app:arm64", { kind: "oci", config: { os: "linux", architecture: "arm64" } }),
];

interface Recorded {
  readonly method: string;
  readonly path: string;
  /** A counter of events over all requests, so that order and overlap are exact. */
  readonly start: number;
  end: number;
}

/** Hands everything on, and keeps what came when. Answers to tags are held back until as many have come as are expected. */
async function startRecorder(port: number): Promise<Listening & { readonly recorded: readonly Recorded[] }> {
  const recorded: Recorded[] = [];
  let events = 0;
  let waiting: (() => void)[] = [];
  const server = createServer((incoming, response) => {
    const { method = "", url: path = "", headers } = incoming;
    const one: Recorded = { method, path, start: ++events, end: Infinity };
    recorded.push(one);
    const outgoing = forward({ host: "127.0.0.1", port, method, path, headers }, (answered) => {
      const answer = (): void => {
        one.end = ++events;
        response.writeHead(answered.statusCode ?? 502, answered.headers);
        answered.pipe(response);
      };
      if (method !== "PUT" || !/\/manifests\/v\d$/.test(path)) {
        answer();
        return;
      }
      waiting.push(answer);
      if (waiting.length < TAGS.length) return;
      for (const go of waiting) go();
      waiting = [];
    });
    outgoing.on("error", () => response.destroy());
    incoming.pipe(outgoing);
  });
  const listening = await listen(server);
  return { ...listening, recorded };
}

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
      let recorder: Awaited<ReturnType<typeof startRecorder>>;
      let host: string;
      beforeAll(async () => {
        registry = await startRegistryServer({ program });
        await seed(registry.url, images);
        recorder = await startRecorder(Number(registry.host.split(":")[1]));
        host = `127.0.0.1:${recorder.port}`;
      });
      afterAll(async () => {
        await recorder.close();
        await registry.close();
      });

      it.each(["imagetools create -t", "push --tag"])(
        "%s moves them at once, behind the list",
        async (command) => {
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
