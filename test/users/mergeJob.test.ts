import { mkdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { putBuild, type Build } from "../helpers/builds.js";
import { seed } from "../helpers/images.js";
import { answer, listen, type Peer, type PeerOptions } from "../helpers/peer.js";
import { buildProgram, type Program } from "../helpers/program.js";
import { attestationOf, realImage, realIndex } from "../helpers/realImages.js";
import { SECRETS } from "../helpers/secrets.js";
import { blobTransfersIn, changesIn, listOf, platformsOf, useWorkplace } from "../helpers/workplace.js";

/**
 * N jobs build and push an image each, by digest, and a last job makes one name of them: what its authors run into, with a
 * thread for each situation. What an Action or a file of lists answers is not here: lists by the dozen in one process, the
 * outputs of docker/metadata-action without a shell, the summary for people.
 */

const workplace = useWorkplace();
const REPOSITORY = "me/app";

let registry: Peer;
/** What the jobs have pushed, by architecture. */
let jobs: Readonly<Record<"amd64" | "arm64", Build>>;

async function build(options: PeerOptions = {}): Promise<void> {
  registry = await workplace.registry(options);
  jobs = {
    amd64: putBuild(registry, REPOSITORY, { architecture: "amd64", tag: "build-amd64", layers: 2 }),
    arm64: putBuild(registry, REPOSITORY, { architecture: "arm64", tag: "build-arm64", layers: 2 }),
  };
}

const name = (tag: string): string => `${registry.host}/${REPOSITORY}:${tag}`;
const sources = (): string[] => [name("build-amd64"), name("build-arm64")];
const digests = (): string[] => [jobs.amd64.index.digest, jobs.arm64.index.digest];

type Run = (list: string, ...more: string[]) => ReturnType<typeof workplace.run>;

/** A list by either command line; of docker's, the last command that ran. */
const COMMAND_LINES: readonly [name: string, run: Run][] = [
  ["imagetools create", (list, ...more) => workplace.run("imagetools", "create", "-t", list, ...more)],
  [
    "create and push",
    async (list, ...more) => {
      const created = await workplace.run("create", list, ...more);
      return created.status === 0 ? workplace.run("push", "--cross-registry", list) : created;
    },
  ],
];

/** `[attestation, image]`, as the list says. */
function tiedIn(tag: string, repository = REPOSITORY): string[][] {
  return listOf(registry.manifest(repository, tag)?.body)
    .manifests.flatMap(({ digest, annotations }) => {
      const image = annotations?.["vnd.docker.reference.digest"];
      return image === undefined ? [] : [[digest, image]];
    })
    .sort();
}

const imagesIn = (tag: string): string[] =>
  platformsOf(registry.manifest(REPOSITORY, tag)?.body).filter((platform) => platform !== "unknown/unknown");

describe.each(COMMAND_LINES)("%s", (_, run) => {
  describe("an old script whose images are indexes now, since buildx attests them (scylladb/vector-store#552)", () => {
    it("goes on, and the attestations stay tied to their images", async () => {
      await build();
      expect(await run(name("v1"), ...sources())).toMatchObject({ status: 0, stderr: "" });
      expect(imagesIn("v1")).toEqual(["linux/amd64", "linux/arm64"]);
      expect(tiedIn("v1")).toEqual(
        Object.values(jobs)
          .map(({ attestation, image }) => [attestation.digest, image.digest])
          .sort(),
      );
    });

    it("shows every platform's provenance afterwards: nobody has to switch it off (airweave#1340)", async () => {
      registry = await workplace.registry();
      const images = ["amd64", "arm64"].map((architecture) =>
        realImage(`${REPOSITORY}:${architecture}`, architecture),
      );
      const indexes = images.map((image, index) =>
        realIndex(`${REPOSITORY}:build-${index}`, [[["amd64", "arm64"][index] ?? "", image]]),
      );
      await seed(`http://${registry.host}`, [
        ...images.flatMap((image) => [image, attestationOf(image)]),
        ...indexes,
      ]);
      expect(await run(name("v1"), name("build-0"), name("build-1"))).toMatchObject({ status: 0 });
      const format = ["--format", "{{json .Provenance}}"];
      const shown = z
        .record(z.string(), z.looseObject({ SLSA: z.looseObject({}) }))
        .parse(JSON.parse(await workplace.out("imagetools", "inspect", ...format, name("v1"))));
      expect(Object.keys(shown).sort()).toEqual(["linux/amd64", "linux/arm64"]);
      for (const [index, { SLSA }] of Object.values(shown).entries()) {
        expect(JSON.stringify(SLSA)).toContain(images[index]?.name);
      }
    });
  });

  describe("a job that builds nothing (blinklabs-io/dingo#3470, attunehq/hurry#284)", () => {
    it("copies no blob through itself: within a registry all is mounted", async () => {
      await build();
      const list = `${registry.host}/me/release:v1`;
      expect(await run(list, ...sources())).toMatchObject({ status: 0, stderr: "" });
      // Of each image the config is read, once: it says what it is for. An index says it itself.
      expect(blobTransfersIn(registry)).toEqual([]);
      expect(registry.blobs("me/release")).toEqual(
        expect.arrayContaining(Object.values(jobs).flatMap(({ image }) => [...image.blobs])),
      );
    });
  });

  describe("a folder of files that are named by digest (danny-avila/LibreChat#15444)", () => {
    it("is a source of its own", async () => {
      await build();
      const from = ["--from", workplace.touch(digests()), "--expect", "linux/amd64,linux/arm64"];
      expect(await run(name("v1"), ...from)).toMatchObject({ status: 0, stderr: "" });
      expect(imagesIn("v1").sort()).toEqual(["linux/amd64", "linux/arm64"]);
    });

    it("which has another image's digest, from another repository: it is named, and nothing is pushed", async () => {
      await build();
      const other = putBuild(registry, "me/api", { architecture: "amd64", seed: "api" });
      const folder = workplace.touch([...digests(), other.index.digest]);
      const { status, stderr } = await run(name("v1"), "--from", folder);
      expect(status).toBe(1);
      expect(stderr).toContain(`${registry.host}/${REPOSITORY}@${other.index.digest}`);
      expect(stderr).toContain("it may be the digest of another image");
      expect(changesIn(registry)).toEqual([]);
    });

    it("which has another image's digests, from the same repository: too many platforms are refused", async () => {
      await build();
      const others = ["amd64", "arm64"].map((architecture) =>
        putBuild(registry, REPOSITORY, { architecture, seed: "another target of the same matrix" }),
      );
      const folder = workplace.touch([...digests(), ...others.map(({ index }) => index.digest)]);
      const { status, stderr } = await run(
        name("v1"),
        "--from",
        folder,
        "--expect",
        "linux/amd64,linux/arm64",
      );
      expect(status).toBe(1);
      expect(stderr).toContain(`${name("v1")} would not have the expected platforms: `);
      for (const platform of ["linux/amd64", "linux/arm64"]) expect(stderr).toContain(`${platform} twice`);
      expect(changesIn(registry)).toEqual([]);
    });

    it("which lacks one, whose job has failed: the list of one platform is not pushed (OpenMS#9954)", async () => {
      await build();
      const folder = workplace.touch(digests().slice(0, 1));
      const { status, stderr } = await run(
        name("v1"),
        "--from",
        folder,
        "--expect",
        "linux/amd64,linux/arm64",
      );
      expect(status).toBe(1);
      expect(stderr).toContain("missing linux/arm64");
      expect(changesIn(registry)).toEqual([]);
    });

    it("which is empty, since the artifact was not found", async () => {
      await build();
      mkdirSync(workplace.path("digests"));
      const { status, stderr } = await run(name("v1"), "--from", workplace.path("digests"));
      expect(status).toBe(1);
      expect(stderr).toContain(`${workplace.path("digests")}: an empty folder`);
      expect(registry.requests).toEqual([]);
    });

    it("is not needed where builds write metadata files", async () => {
      await build();
      const files = Object.entries(jobs).map(([architecture, { index }]) =>
        workplace.write(
          `${architecture}.json`,
          JSON.stringify({
            "containerimage.digest": index.digest,
            "image.name": `${registry.host}/${REPOSITORY}`,
          }),
        ),
      );
      expect(await run(name("v1"), ...files.flatMap((file) => ["--from", file]))).toMatchObject({
        status: 0,
      });
      expect(imagesIn("v1")).toEqual(["linux/amd64", "linux/arm64"]);
      expect(tiedIn("v1")).toHaveLength(2);
    });
  });

  describe("a registry that answers 429 to everybody, retry-after: 12.5ms (modsecurity-crs-docker#449)", () => {
    it("is asked again, by a dozen jobs at once", async () => {
      const refused = new Map<string, number>();
      await build({
        intercept: (request, response) => {
          const asked = `${request.method ?? ""} ${request.url ?? ""}`;
          const times = refused.get(asked) ?? 0;
          if (times === 2) return false;
          refused.set(asked, times + 1);
          return answer(response, 429, { "retry-after": "12.5ms" }, "too many requests");
        },
      });
      const lists = Array.from({ length: 12 }, (_, index) => `${registry.host}/lists/app-${index}:v1`);
      const results = await Promise.all(lists.map((list) => run(list, ...sources())));
      expect(results.map(({ status }) => status)).toEqual(lists.map(() => 0));
      expect(refused.size).toBeGreaterThan(12 * 4);
    });

    it("is asked again, and less, by one job that makes all of its lists", async () => {
      let refused = 0;
      await build({
        intercept: (_request, response) => {
          if (++refused > 40) return false;
          return answer(response, 429, { "retry-after": "12.5ms" }, "too many requests");
        },
      });
      const lists = Array.from({ length: 12 }, (_, index) => ({
        target: `${registry.host}/lists/app-${index}:v1`,
        sources: sources(),
      }));
      const file = workplace.write("lists.yaml", JSON.stringify({ version: 1, lists }));
      expect(await workplace.run("apply", "-f", file)).toMatchObject({ status: 0, stderr: "" });
      expect(registry.repositories().filter((name) => name.startsWith("lists/"))).toHaveLength(12);
      // What the lists have in common is read once.
      const read = registry.log.filter(({ method }) => method === "GET").map(({ path }) => path);
      expect(read).toHaveLength(new Set(read).size);
    });
  });

  describe("the same image in Docker Hub and GHCR (icereed/paperless-gpt#1068)", () => {
    it("is not copied from one to the other: what was pushed to both is taken from each", async () => {
      await build();
      const ghcr = await workplace.registry();
      for (const architecture of ["amd64", "arm64"]) putBuild(ghcr, REPOSITORY, { architecture, layers: 2 });
      // As people write it: the GHCR list of Docker Hub's images.
      const result = await run(`${ghcr.host}/${REPOSITORY}:v1`, ...sources());
      expect(result).toMatchObject({ status: 0, stderr: "" });
      expect(blobTransfersIn(registry)).toEqual([]);
      expect(
        changesIn(ghcr).every((request) => request.startsWith("PUT ") && request.includes("/manifests/v1")),
      ).toBe(true);
    });
  });

  describe("a loop that tries again (stackrox/stackrox#22856, projectcalico/calico#12103)", () => {
    it("succeeds as soon as the registry does: the failed try has left nothing behind", async () => {
      let isDown = true;
      await build({ intercept: (_request, response) => isDown && answer(response, 503) });
      const tries: (number | undefined)[] = [];
      for (let attempt = 0; attempt < 5 && tries.at(-1) !== 0; attempt++) {
        isDown = attempt < 2;
        tries.push((await run(name("v1"), "--retries", "0", ...sources())).status);
      }
      expect(tries).toEqual([1, 1, 0]);
      expect(imagesIn("v1")).toEqual(["linux/amd64", "linux/arm64"]);
    });

    it("succeeds when the image that was missing has been pushed", async () => {
      await build();
      const late = `${registry.host}/${REPOSITORY}:build-s390x`;
      expect(await run(name("v1"), ...sources(), late)).toMatchObject({ status: 1 });
      expect(registry.tags(REPOSITORY)).not.toContain("v1");
      putBuild(registry, REPOSITORY, { architecture: "s390x", tag: "build-s390x" });
      expect(await run(name("v1"), ...sources(), late)).toMatchObject({ status: 0 });
      expect(imagesIn("v1")).toEqual(["linux/amd64", "linux/arm64", "linux/s390x"]);
    });

    it("is not needed: what may pass is tried again within", async () => {
      let failures = 0;
      await build({
        intercept: (_request, response) => failures++ < 3 && answer(response, failures % 2 === 0 ? 502 : 503),
      });
      expect(await run(name("v1"), ...sources())).toMatchObject({ status: 0, stderr: "" });
    });
  });
});

describe("a signature to make, while another job moves the tag (NousResearch/hermes-agent#30598, binwalk-ng#77)", () => {
  /** As soon as the tag has moved, somebody else moves it again. */
  async function buildBesideAnother(): Promise<void> {
    await build({
      onRequest: ({ method, path }) => {
        if (method === "PUT" && path.includes("/manifests/v1")) {
          setImmediate(() => registry.putImage(REPOSITORY, { tag: "v1", seed: "somebody else's" }));
        }
        return undefined;
      },
    });
  }

  it("push's last line is the digest of what was pushed, which is there to be signed", async () => {
    await buildBesideAnother();
    await workplace.out("create", name("v1"), ...sources());
    const expected = await workplace.out("inspect", name("v1"));
    const digest = (await workplace.out("push", name("v1"))).trimEnd().split("\n").at(-1) ?? "";
    expect(`${registry.manifest(REPOSITORY, digest)?.body.toString() ?? ""}\n`).toBe(expected);
  });

  it("imagetools create --metadata-file has it, with the repository's name", async () => {
    await buildBesideAnother();
    const file = workplace.path("metadata.json");
    await workplace.out("imagetools", "create", "--metadata-file", file, "-t", name("v1"), ...sources());
    const { "containerimage.descriptor": descriptor, "image.name": repository } = z
      .object({ "containerimage.descriptor": z.object({ digest: z.string() }), "image.name": z.string() })
      .parse(JSON.parse(readFileSync(file, "utf8")));
    expect(repository).toBe(`${registry.host}/${REPOSITORY}`);
    expect(platformsOf(registry.manifest(REPOSITORY, descriptor.digest)?.body)).toEqual([
      "linux/amd64",
      "unknown/unknown",
      "linux/arm64",
      "unknown/unknown",
    ]);
  });
});

describe("docker/metadata-action's tags and annotations, as arguments (astral-sh/uv#8685)", () => {
  it("are taken as they are written: blanks, colons, equals signs, line ends", async () => {
    await build();
    const annotations = {
      "org.opencontainers.image.created": "2026-11-27T05:00:00.000Z",
      "org.opencontainers.image.description": 'Say "hello", $USER: a=b & c\nin two lines',
      "org.opencontainers.image.url": "https://github.com/me/app?a=b",
    };
    const tags = ["1.2.3", "1.2", "1", "latest", "sha-860c190"];
    await workplace.out(
      ...["imagetools", "create", ...tags.flatMap((tag) => ["-t", name(tag)])],
      ...Object.entries(annotations).flatMap(([key, value]) => ["--annotation", `index:${key}=${value}`]),
      ...["--from", workplace.touch(digests())],
    );
    for (const tag of tags) {
      expect(listOf(registry.manifest(REPOSITORY, tag)?.body).annotations).toEqual(annotations);
    }
  });
});

describe("a runner without docker: kaniko, buildah, GitLab (kaniko#1102, barryw/sim6502#19)", () => {
  let program: Program;
  beforeAll(async () => {
    program = await buildProgram();
  });
  afterAll(() => {
    program.remove();
  });

  /** With nothing in PATH, and nothing in the home. */
  async function runBare(env: Readonly<Record<string, string>>, ...argv: string[]) {
    const { status, stdout, stderr } = await program.start(
      argv,
      { PATH: workplace.path("nothing"), HOME: workplace.folder, ...env },
      workplace.folder,
    ).ended;
    return { status, stdout, stderr };
  }

  it("makes a list of images that have no attestations, with what GitLab says of its registry", async () => {
    const users = { "gitlab-ci-token": SECRETS.password };
    registry = await workplace.registry({ auth: { kind: "bearer", users } });
    const images = ["amd64", "arm64"].map((architecture) => registry.putImage(REPOSITORY, { architecture }));
    // kaniko --digest-file and --image-name-with-digest-file
    const files = [
      workplace.write("amd64.digest", images[0]?.digest ?? ""),
      workplace.write("arm64.digest", `${registry.host}/${REPOSITORY}@${images[1]?.digest ?? ""}\n`),
    ];
    const auth = Buffer.from(`gitlab-ci-token:${SECRETS.password}`).toString("base64");
    const env = { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [registry.host]: { auth } } }) };

    const create = ["imagetools", "create", "-t", name("v1"), ...files.flatMap((file) => ["-f", file])];
    expect(await runBare(env, ...create)).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(imagesIn("v1")).toEqual(["linux/amd64", "linux/arm64"]);

    const named = images.map(({ digest }) => `${registry.host}/${REPOSITORY}@${digest}`);
    expect(await runBare(env, "create", name("v2"), ...named)).toMatchObject({ status: 0, stderr: "" });
    const pushed = await runBare(env, "push", name("v2"));
    expect(pushed).toMatchObject({ status: 0, stderr: "" });
    expect(pushed.stdout).toBe(`${registry.manifest(REPOSITORY, "v2")?.digest ?? ""}\n`);
  });

  it("needs no home that it can write to, for imagetools create", async () => {
    await build();
    const argv = ["imagetools", "create", "-t", name("v1"), ...sources()];
    expect(await runBare({ HOME: "/proc/nowhere" }, ...argv)).toEqual({ status: 0, stdout: "", stderr: "" });
  });

  it("goes through the proxy of the company, with the registry's name", async () => {
    await build();
    const requests: string[] = [];
    const server: Server = createServer((request, response) => {
      requests.push(`${request.method ?? ""} ${request.url ?? ""}`);
      response.writeHead(502).end();
    });
    const proxy = await listen(server);
    try {
      const env = { HTTP_PROXY: `http://127.0.0.1:${proxy.port}` };
      const argv = ["imagetools", "create", "--plain-http", "--retries", "0"];
      const result = await runBare(
        env,
        ...argv,
        "-t",
        "registry.invalid/me/app:v1",
        "registry.invalid/me/app:amd64",
      );
      expect(result.status).toBe(1);
      expect(requests.every((request) => request.includes("http://registry.invalid/v2/"))).toBe(true);
      expect(requests).not.toEqual([]);
    } finally {
      await proxy.close();
    }
  });
});
