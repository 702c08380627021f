import { beforeEach, describe, expect, it } from "vitest";
import { peakConcurrency } from "../../src/testing/index.js";
import { putBuild, type Build } from "../helpers/builds.js";
import { answer, type Peer, type PeerOptions } from "../helpers/peer.js";
import { useWorkplace } from "../helpers/workplace.js";

/** One list under many tags: one request where the registry knows how, else all at once behind the list itself. */

const workplace = useWorkplace();
/** As many as requests go at once over HTTP/1.1 before it is known how quick a registry is. */
const TAGS = Array.from({ length: 8 }, (_, index) => `v${index}`);
const REPOSITORY = "team/list";

let registry: Peer;
let builds: readonly Build[];

async function begin(options: PeerOptions = {}): Promise<void> {
  registry = await workplace.registry(options);
  builds = ["amd64", "arm64"].map((architecture) =>
    putBuild(registry, "team/app", { architecture, tag: architecture }),
  );
}

const sources = (): string[] => ["amd64", "arm64"].map((tag) => `${registry.host}/team/app:${tag}`);
const name = (tag: string): string => `${registry.host}/${REPOSITORY}:${tag}`;

/** The ways to give a list eight tags. Whoever runs them looks at the requests of the last command alone. */
const COMMAND_LINES: readonly [name: string, run: () => ReturnType<typeof workplace.run>][] = [
  [
    "imagetools create -t ×8",
    () => workplace.run("imagetools", "create", ...TAGS.flatMap((tag) => ["-t", name(tag)]), ...sources()),
  ],
  [
    "push --tag ×7",
    async () => {
      const [first = "", ...others] = TAGS;
      await workplace.out("create", name(first), ...sources());
      registry.resetLog();
      return workplace.run("push", ...others.flatMap((tag) => ["--tag", tag]), name(first));
    },
  ],
  [
    "push --tag ×7, whole references",
    async () => {
      const [first = "", ...others] = TAGS;
      await workplace.out("create", name(first), ...sources());
      registry.resetLog();
      return workplace.run("push", ...others.flatMap((tag) => ["--tag", name(tag)]), name(first));
    },
  ],
];

interface Put {
  readonly path: string;
  readonly start: number;
  readonly end: number;
}

/** The PUTs of the list, which images and attestations are before. */
function listPuts(digest: string): Put[] {
  return registry.log.flatMap(({ method, path, start, end = Infinity }) =>
    method === "PUT" && (path.includes(digest) || /\/manifests\/v\d/.test(path))
      ? [{ path, start, end }]
      : [],
  );
}

const digestOfList = (): string => registry.manifest(REPOSITORY, TAGS[0] ?? "")?.digest ?? "nothing";

describe.each(COMMAND_LINES)("%s", (_, run) => {
  it("sends one request to a registry that takes tags in a query", async () => {
    await begin();
    expect(await run()).toMatchObject({ status: 0, stderr: "" });
    expect(registry.tags(REPOSITORY)).toEqual(TAGS);
    const digest = digestOfList();
    const query = TAGS.map((tag) => `tag=${tag}`).join("&");
    expect(listPuts(digest).map(({ path }) => path)).toEqual([
      `/v2/${REPOSITORY}/manifests/${digest}?${query}`,
    ]);
    expect(new Set(TAGS.map((tag) => registry.manifest(REPOSITORY, tag)?.digest))).toEqual(new Set([digest]));
  });

  it("sends eight at once to one that does not, when the list is there under its digest", async () => {
    let waiting: (() => void)[] = [];
    await begin({
      tagParameter: false,
      // None is answered before all have come: whoever sends them one by one waits for ever.
      onRequest: ({ method, path }) => {
        if (method !== "PUT" || !/\/manifests\/v\d$/.test(path)) return undefined;
        return new Promise((resolve) => {
          waiting.push(() => {
            resolve(undefined);
          });
          if (waiting.length < TAGS.length) return;
          for (const go of waiting) go();
          waiting = [];
        });
      },
    });
    expect(await run()).toMatchObject({ status: 0, stderr: "" });
    expect(registry.tags(REPOSITORY)).toEqual(TAGS);
    const [byDigest, ...byTag] = listPuts(digestOfList());
    expect(byDigest?.path).toContain(`/manifests/${digestOfList()}`);
    expect(byTag.map(({ path }) => path).sort()).toEqual(
      TAGS.map((tag) => `/v2/${REPOSITORY}/manifests/${tag}`),
    );
    expect(byTag.every(({ start }) => start > (byDigest?.end ?? Infinity))).toBe(true);
    const puts = registry.log.filter(
      ({ method, path }) => method === "PUT" && /\/manifests\/v\d$/.test(path),
    );
    expect(peakConcurrency(puts)).toBe(TAGS.length);
  });

  it("puts images and attestations once, and before the list", async () => {
    await begin({ tagParameter: false });
    await run();
    const digest = digestOfList();
    const first = Math.min(...listPuts(digest).map(({ start }) => start));
    for (const { image, attestation } of builds) {
      for (const child of [image, attestation]) {
        const puts = registry.log.filter(
          ({ method, path }) => method === "PUT" && path.endsWith(child.digest),
        );
        expect(puts).toHaveLength(1);
        expect(puts[0]?.end ?? Infinity).toBeLessThan(first);
      }
    }
  });

  it.each([
    ["one that takes tags in a query", true],
    ["one that does not", false],
  ])(
    "moves the others where one tag is immutable, and names that one: %s",
    async (_registry, tagParameter) => {
      const theirs = { tag: "v4", seed: "released" };
      await begin({
        tagParameter,
        intercept: (request, response) => {
          const path = request.url ?? "";
          // As ECR does: neither by its own name nor in a query.
          const isRefused =
            request.method === "PUT" && /\/manifests\/(?:v4$|sha256:\w+\?.*\btag=v4\b)/.test(path);
          const errors = [
            { code: "TAG_INVALID", message: "The image tag 'v4' already exists and is immutable." },
          ];
          return (
            isRefused &&
            answer(response, 400, { "content-type": "application/json" }, JSON.stringify({ errors }))
          );
        },
      });
      const { digest: stays } = registry.putImage(REPOSITORY, theirs);
      const { status, stderr } = await run();
      expect(status).toBe(1);
      expect(stderr).toContain("v4");
      expect(stderr).toContain(`immutable and stays at ${stays}`);
      expect(registry.manifest(REPOSITORY, "v4")?.digest).toBe(stays);
      const moved = TAGS.filter((tag) => tag !== "v4").map(
        (tag) => registry.manifest(REPOSITORY, tag)?.digest,
      );
      expect(new Set(moved)).toEqual(new Set([digestOfList()]));
      expect(digestOfList()).not.toBe(stays);
    },
  );

  it("succeeds where an immutable tag names the list already", async () => {
    let isImmutable = false;
    await begin({
      tagParameter: false,
      intercept: (request, response) =>
        isImmutable &&
        request.method === "PUT" &&
        (request.url ?? "").endsWith("/manifests/v4") &&
        answer(response, 409),
    });
    await run();
    isImmutable = true;
    await workplace.run("rm", name("v0"));
    expect(await run()).toMatchObject({ status: 0 });
  });
});

describe("the same tag twice", () => {
  beforeEach(() => begin({ tagParameter: false }));

  it("is put once", async () => {
    const twice = ["v0", "v1", "v0", "v1"].flatMap((tag) => ["-t", name(tag)]);
    await workplace.out("imagetools", "create", ...twice, ...sources());
    await workplace.out("create", name("v2"), ...sources());
    await workplace.out("push", "--tag", "v2", "--tag", name("v2"), "--tag", "v3", "--tag", "v3", name("v2"));
    const puts = registry.requests.filter((request) => /^PUT \S+\/manifests\/v\d$/.test(request)).sort();
    expect(puts).toEqual(["v0", "v1", "v2", "v3"].map((tag) => `PUT /v2/${REPOSITORY}/manifests/${tag}`));
  });
});

describe("more tags than a query has room for", () => {
  it("all move, as many at once as fit", async () => {
    await begin();
    const many = Array.from({ length: 80 }, (_, index) => `${"release-".repeat(12)}${index}`);
    await workplace.out("imagetools", "create", ...many.flatMap((tag) => ["-t", name(tag)]), ...sources());
    expect(registry.tags(REPOSITORY)).toEqual([...many].sort());
    const [first = "", ...others] = registry.requests.filter((request) =>
      /^PUT \S+manifests\/(?:\S+\?|rel)/.test(request),
    );
    expect(first.length).toBeLessThan(8 * 1024);
    expect(others.length).toBeLessThan(50);
  });
});
