import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { Repository } from "../../src/content/repository.js";
import { ManifestError } from "../../src/errors.js";
import type { Manifest } from "../../src/oci/manifest.js";
import { appendTo } from "../../src/push/appendTo.js";
import { createRegistry } from "../../src/registry/createRegistry.js";
import type { SeenRequest, TestRegistryOptions } from "../../src/testing/index.js";
import { startPeer, type Peer } from "../helpers/peer.js";
import { imageItem, indexOf, manifestOfBuilt } from "../helpers/trees.js";

/** Jobs that add to one list at the same moment, and a registry in which each of their requests can be held up. */

/** Long beside what a request takes here, even on a busy machine. */
const SETTLE_MS = 400;
const TAG = "v1";
const PATH = "team/app";
const TAG_PATH = `/v2/${PATH}/manifests/${TAG}`;

type Override = Awaited<ReturnType<NonNullable<TestRegistryOptions["onRequest"]>>>;

/** A request of a job: its method, and the how many-eth with that method for the tag. */
interface TagRequest {
  readonly job: string;
  readonly method: string;
  readonly count: number;
  readonly request: SeenRequest;
}

type OnTag = (request: TagRequest) => Override | Promise<Override>;

interface Stage {
  readonly peer: Peer;
  /** Adds an image of its own, called as the job is, to the list. */
  readonly run: (job: string, settings?: RunSettings) => Promise<void>;
  /** What of the jobs is in the list, in its order. */
  readonly list: () => string[];
  /** Puts a list as somebody else would, past HTTP: with this one's image behind what is there, or in place of it. */
  readonly other: (name: string, how?: "behind" | "in place") => void;
  /** The methods of a job's requests for the tag, such as `GET HEAD PUT HEAD HEAD`. */
  readonly methods: (job: string) => string;
}

interface RunSettings {
  readonly settleMs?: number;
  readonly signal?: AbortSignal;
  /** Besides the tag that is added to. */
  readonly tags?: readonly string[];
}

async function withStage(
  onTag: OnTag,
  play: (stage: Stage) => Promise<void>,
  options: TestRegistryOptions & { readonly begins?: readonly string[] } = {},
): Promise<void> {
  const { begins = ["first"], ...registryOptions } = options;
  const counts = new Map<string, number>();
  const peer = await startPeer({
    ...registryOptions,
    onRequest: (request) => {
      const [path] = request.path.split("?");
      const job = request.headers["user-agent"] ?? "";
      if (path !== TAG_PATH) return undefined;
      const key = `${job} ${request.method}`;
      const count = (counts.get(key) ?? 0) + 1;
      counts.set(key, count);
      return onTag({ job, method: request.method, count, request });
    },
  });
  const images = new Map<string, Manifest>();
  const image = (name: string): Manifest => {
    const known = images.get(name) ?? imageItem(peer, PATH, { variant: name, seed: name }).manifest;
    images.set(name, known);
    return known;
  };
  const children = (): Manifest[] => {
    const there = peer.manifest(PATH, TAG);
    const digests = there === undefined ? [] : manifestOfBuilt(there).children.map(({ digest }) => digest);
    return digests.flatMap((digest) => [...images.values()].find((one) => one.digest === digest) ?? []);
  };
  const putPast = (manifests: readonly Manifest[]): void => {
    const { mediaType, bytes } = indexOf(manifests);
    peer.putManifest(PATH, mediaType, bytes, TAG);
  };
  if (begins.length > 0) putPast(begins.map(image));

  const run: Stage["run"] = async (job, { settleMs = SETTLE_MS, signal, tags = [] } = {}) => {
    const own = image(job);
    const registry = await createRegistry({
      domain: peer.host,
      userAgent: job,
      credentials: () =>
        Promise.resolve(
          options.auth === undefined ? undefined : { kind: "basic", username: "ci", password: "pw" },
        ),
      retryLimits: { baseMs: 1, capMs: 4, longestRetryAfterMs: 5_000, totalMs: 20_000 },
    });
    const repository = registry
      .session({ access: [{ path: PATH, actions: ["pull", "push"] }] })
      .repository(PATH);
    try {
      await appendTo({
        ...adding(repository, [TAG, ...tags], own, (digest) =>
          [...images.values()].find((one) => one.digest === digest),
        ),
        settleMs,
        signal,
      });
    } finally {
      await registry.close();
    }
  };

  try {
    await play({
      peer,
      run,
      list: () => children().map((child) => [...images].find(([, one]) => one === child)?.[0] ?? ""),
      other: (name, how = "behind") => {
        putPast([...(how === "behind" ? children() : [image("first")]), image(name)]);
      },
      methods: (job) =>
        peer.seen
          .filter(({ path, headers }) => path.split("?")[0] === TAG_PATH && headers["user-agent"] === job)
          .map(({ method }) => method)
          .join(" "),
    });
  } finally {
    await peer.close();
  }
}

/** What one who uses the library does: the list that is there, and one image more. */
function adding(
  repository: Repository,
  tags: readonly string[],
  own: Manifest,
  known: (digest: string) => Manifest | undefined,
): Pick<Parameters<typeof appendTo>[0], "repository" | "tag" | "put" | "isIn"> {
  return {
    repository,
    tag: TAG,
    put: async (base, guard) => {
      const there = (base?.children ?? []).flatMap(({ digest }) => known(digest) ?? []);
      const root = indexOf(there.includes(own) ? there : [...there, own]);
      await repository.put(root, tags, { role: "root", aroundMove: guard.around(root) });
      return root;
    },
    isIn: ({ children }) => children.some(({ digest }) => digest === own.digest),
  };
}

/** Something that is waited for, and happens once. */
function event(): { readonly happened: Promise<void>; readonly happen: () => void } {
  let happen = (): void => undefined;
  const happened = new Promise<void>((resolve) => (happen = resolve));
  return { happened, happen };
}

const NOTHING: OnTag = () => undefined;

/** What it failed with. */
async function failure(work: Promise<unknown>): Promise<ManifestError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof ManifestError) return error;
  throw new Error("it did not fail as it should", { cause: error });
}

describe("one who adds to a list", () => {
  test("reads it, asks whether it is still there, puts it, and looks twice whether it stays", async () => {
    await withStage(NOTHING, async ({ run, list, methods }) => {
      const begun = performance.now();
      await run("a");
      expect(performance.now() - begun).toBeGreaterThanOrEqual(SETTLE_MS);
      expect(list()).toEqual(["first", "a"]);
      expect(methods("a")).toBe("GET HEAD PUT HEAD HEAD");
    });
  });

  test("begins it where there is none", async () => {
    await withStage(
      NOTHING,
      async ({ run, list }) => {
        await run("a");
        expect(list()).toEqual(["a"]);
      },
      { begins: [] },
    );
  });

  test("waits for nobody where all is in it already", async () => {
    await withStage(
      NOTHING,
      async ({ run, list, methods }) => {
        const begun = performance.now();
        await run("a", { settleMs: 60_000 });
        expect(performance.now() - begun).toBeLessThan(30_000);
        expect(list()).toEqual(["first", "a"]);
        expect(methods("a")).toBe("GET HEAD PUT");
      },
      { begins: ["first", "a"] },
    );
  });

  test.each([
    ["one PUT for all of them", true],
    ["one for each", false],
  ])(
    "gives it several tags by %s: the others follow once the list's own has been asked for",
    async (_how, tagParameter) => {
      const asked: string[] = [];
      const record: OnTag = ({ method }) => {
        asked.push(method);
        return undefined;
      };
      await withStage(
        record,
        async ({ peer, run, list }) => {
          await run("a", { tags: ["latest", "stable"] });
          expect(list()).toEqual(["first", "a"]);
          const { digest = "" } = peer.manifest(PATH, TAG) ?? {};
          expect(peer.manifest(PATH, "latest")?.digest).toBe(digest);
          expect(peer.manifest(PATH, "stable")?.digest).toBe(digest);
          // The parameter moves the tag, or is ignored: it is asked for before each.
          const puts = peer.requests.filter((request) => request.startsWith("PUT"));
          expect(puts).toHaveLength(tagParameter ? 1 : 4);
          expect(asked.join(" ")).toBe(tagParameter ? "GET HEAD HEAD HEAD" : "GET HEAD HEAD PUT HEAD HEAD");
        },
        { tagParameter },
      );
    },
  );

  test("gives up when it is told to", async () => {
    const end = new AbortController();
    const onTag: OnTag = ({ method }) => {
      if (method === "PUT")
        setTimeout(() => {
          end.abort();
        }, 20);
      return undefined;
    };
    await withStage(onTag, async ({ run }) => {
      await expect(run("a", { settleMs: 60_000, signal: end.signal })).rejects.toMatchObject({
        name: "AbortError",
      });
    });
  });
});

describe("somebody else who adds to it", () => {
  test("before the question: nothing is put, and it begins again with their list", async () => {
    let stage: Stage | undefined;
    const onTag: OnTag = ({ method, count }) => {
      if (method === "HEAD" && count === 1) stage?.other("other");
      return undefined;
    };
    await withStage(onTag, async (given) => {
      stage = given;
      await given.run("a");
      expect(given.list()).toEqual(["first", "other", "a"]);
      expect(given.methods("a")).toBe("GET HEAD GET HEAD PUT HEAD HEAD");
    });
  });

  test("where there was no list: theirs is added to", async () => {
    let stage: Stage | undefined;
    const onTag: OnTag = ({ method, count }) => {
      if (method === "HEAD" && count === 1) stage?.other("other");
      return undefined;
    };
    await withStage(
      onTag,
      async (given) => {
        stage = given;
        await given.run("a");
        expect(given.list()).toEqual(["other", "a"]);
      },
      { begins: [] },
    );
  });

  test("between the question and the PUT, and is overwritten: they find it, and begin again", async () => {
    const asked = event();
    const overtaken = event();
    const onTag: OnTag = async ({ job, method, count }) => {
      if (method !== "PUT" || count > 1) return undefined;
      if (job === "late") {
        asked.happen();
        await overtaken.happened;
      } else {
        await asked.happened;
        setTimeout(overtaken.happen, SETTLE_MS / 10);
      }
      return undefined;
    };
    await withStage(onTag, async ({ run, list, methods }) => {
      await Promise.all([run("late"), run("early")]);
      expect(list()).toEqual(["first", "late", "early"]);
      expect(methods("late").match(/PUT/g)).toHaveLength(1);
      expect(methods("early").match(/PUT/g)).toHaveLength(2);
    });
  });

  test("behind the PUT, and does not lose it: it is looked at as long as theirs must be there to stay", async () => {
    let stage: Stage | undefined;
    const onTag: OnTag = ({ method, count }) => {
      if (method === "HEAD" && count === 3) stage?.other("other");
      return undefined;
    };
    await withStage(onTag, async (given) => {
      stage = given;
      const begun = performance.now();
      await given.run("a");
      expect(performance.now() - begun).toBeGreaterThanOrEqual(2 * SETTLE_MS);
      expect(given.list()).toEqual(["first", "a", "other"]);
      expect(given.methods("a")).toMatch(/^GET HEAD PUT( HEAD){3,}$/);
    });
  });

  test("behind every question: it is given up, said, and nothing of theirs is lost", async () => {
    let stage: Stage | undefined;
    const onTag: OnTag = ({ method, count }) => {
      if (method === "HEAD") stage?.other(`other${count}`);
      return undefined;
    };
    await withStage(onTag, async (given) => {
      stage = given;
      const error = await failure(given.run("a", { settleMs: 16 }));
      expect(error.code).toBe("TAG_MOVED");
      expect(error.message).toBe(
        `${given.peer.host}/${PATH}:${TAG}: others have changed it 40 times meanwhile`,
      );
      expect(error.hint).toContain("not in it");
      expect(given.methods("a")).not.toContain("PUT");
      expect(given.list()).toEqual(["first", ...Array.from({ length: 40 }, (_, at) => `other${at + 1}`)]);
    });
  });

  test("behind every PUT, without what it has put: it is given up and said", async () => {
    let stage: Stage | undefined;
    const onTag: OnTag = ({ method, count }) => {
      if (method === "HEAD" && count % 2 === 0) stage?.other(`other${count}`, "in place");
      return undefined;
    };
    await withStage(onTag, async (given) => {
      stage = given;
      const error = await failure(given.run("a", { settleMs: 16 }));
      expect(error.code).toBe("TAG_MOVED");
      expect(given.list()).not.toContain("a");
    });
  });

  test("all the time, but never without what it has put: that is enough at last", async () => {
    let stage: Stage | undefined;
    const onTag: OnTag = ({ method, count }) => {
      if (method === "HEAD" && count > 1) stage?.other(`other${count}`);
      return undefined;
    };
    await withStage(onTag, async (given) => {
      stage = given;
      await given.run("a", { settleMs: 16 });
      expect(given.list().slice(0, 2)).toEqual(["first", "a"]);
    });
  });

  test("in a crowd of eight: all are in it", async () => {
    await withStage(NOTHING, async ({ run, list }) => {
      const jobs = ["a", "b", "c", "d", "e", "f", "g", "h"];
      await Promise.all(jobs.map((job) => run(job)));
      expect(list().sort()).toEqual([...jobs, "first"].sort());
    });
  });
});

describe("a registry that takes longer for a PUT than others wait", () => {
  /** The PUT of `slow` is held until `quick` is done, which it has begun with meanwhile. */
  const overtaking =
    (quick: Promise<void>, begin: () => void, more: OnTag = NOTHING): OnTag =>
    async (request) => {
      if (request.job === "slow" && request.method === "PUT" && request.count === 1) {
        begin();
        await quick;
        return undefined;
      }
      return more(request);
    };

  test("overwrites what others have counted on: it was seen, and is put back", async () => {
    const [begun, done] = [event(), event()];
    await withStage(overtaking(done.happened, begun.happen), async ({ run, list, methods }) => {
      const slow = run("slow");
      await begun.happened;
      await run("quick");
      expect(list()).toEqual(["first", "quick"]);
      done.happen();
      await slow;
      expect(list().sort()).toEqual(["first", "quick", "slow"]);
      expect(methods("slow").match(/PUT/g)).toHaveLength(2);
    });
  });

  test("puts back all that two others have added one behind the other", async () => {
    const [begun, done] = [event(), event()];
    await withStage(overtaking(done.happened, begun.happen), async ({ run, list }) => {
      const slow = run("slow");
      await begun.happened;
      await run("quick");
      await run("quicker");
      done.happen();
      await slow;
      expect(list().sort()).toEqual(["first", "quick", "quicker", "slow"]);
    });
  });

  test("puts it back onto what somebody has made of the list since", async () => {
    const [begun, done] = [event(), event()];
    let stage: Stage | undefined;
    const onTag = overtaking(done.happened, begun.happen, ({ job, method, count }) => {
      // Right behind the slow PUT, of a list that has lost the quick one's.
      if (job === "slow" && method === "GET" && count === 2) stage?.other("third");
      return undefined;
    });
    await withStage(onTag, async (given) => {
      stage = given;
      const slow = given.run("slow");
      await begun.happened;
      await given.run("quick");
      done.happen();
      await slow;
      expect(given.list().sort()).toEqual(["first", "quick", "slow", "third"]);
    });
  });

  test("and answers nothing else in that time: it is said that something may be lost", async () => {
    const [begun, done] = [event(), event()];
    const onTag = overtaking(done.happened, begun.happen, async ({ job, method, count }) => {
      // The looks of the slow one are not answered before its PUT is.
      if (job !== "slow" || method !== "HEAD" || count === 1) return undefined;
      await done.happened;
      await sleep(100);
      return undefined;
    });
    await withStage(onTag, async ({ peer, run, list }) => {
      const slow = failure(run("slow"));
      await begun.happened;
      await run("quick");
      done.happen();
      const error = await slow;
      expect(error.code).toBe("OTHERS_OVERWRITTEN");
      expect(error.subject).toBe(`${peer.host}/${PATH}:${TAG}`);
      expect(error.hint).toContain("run again");
      // What it was there for is in the list: only the other one must be run again.
      expect(list()).toEqual(["first", "slow"]);
      await run("quick");
      expect(list()).toEqual(["first", "slow", "quick"]);
    });
  });

  test("and fails at those looks: the same is said", async () => {
    let isDone = false;
    const onTag: OnTag = async ({ job, method, count }) => {
      if (job !== "slow" || count === 1) {
        if (method === "PUT") {
          await sleep(1.5 * SETTLE_MS);
          isDone = true;
        }
        return undefined;
      }
      return isDone ? undefined : { status: 403 };
    };
    await withStage(onTag, async ({ run }) => {
      expect(await failure(run("slow"))).toMatchObject({ code: "OTHERS_OVERWRITTEN" });
    });
  });

  test("has acted at once and answers late: what others add to the new list meanwhile stays, and nothing is put again", async () => {
    const [acted, done] = [event(), event()];
    let stage: Stage | undefined;
    const onTag: OnTag = async ({ job, method, count }) => {
      if (job !== "slow" || method !== "PUT" || count > 1) return undefined;
      stage?.other("slow");
      acted.happen();
      await done.happened;
      // As it was put long before.
      return { status: 201 };
    };
    await withStage(onTag, async (given) => {
      stage = given;
      const slow = given.run("slow");
      await acted.happened;
      await given.run("quick");
      done.happen();
      await slow;
      expect(given.list()).toEqual(["first", "slow", "quick"]);
      expect(given.methods("slow").match(/PUT/g)).toHaveLength(1);
    });
  });

  test("overwrites an image that somebody has pushed in the list's place: that cannot be put back, and is said", async () => {
    const [begun, done] = [event(), event()];
    await withStage(overtaking(done.happened, begun.happen), async ({ peer, run, list }) => {
      const slow = failure(run("slow"));
      await begun.happened;
      peer.putImage(PATH, { tag: TAG, kind: "oci", seed: "an image" });
      setTimeout(done.happen, SETTLE_MS);
      expect(await slow).toMatchObject({ code: "OTHERS_OVERWRITTEN" });
      expect(list()).toEqual(["first", "slow"]);
    });
  });
});

describe("a PUT that is sent again", () => {
  /** Something becomes of the first PUT, and somebody else adds to the list before it is sent again. */
  async function expectNothingLost(
    first: (stage: Stage, request: SeenRequest) => Override,
    { methods, ...options }: TestRegistryOptions & { readonly methods: string },
  ): Promise<void> {
    let stage: Stage | undefined;
    const onTag: OnTag = ({ method, count, request }) =>
      method === "PUT" && count === 1 && stage !== undefined ? first(stage, request) : undefined;
    await withStage(
      onTag,
      async (given) => {
        stage = given;
        await given.run("a");
        expect(given.list().sort()).toEqual(["a", "first", "other"]);
        expect(given.methods("a")).toBe(methods);
      },
      options,
    );
  }

  test("because of 429, after the registry's own wait, does not overwrite what came meanwhile", () =>
    expectNothingLost(
      (stage) => {
        setTimeout(() => {
          stage.other("other");
        }, 100);
        return { status: 429, headers: { "Retry-After": "1" } };
      },
      { methods: "GET HEAD PUT HEAD GET HEAD PUT HEAD HEAD" },
    ));

  test.each([500, 502, 503, 504])("because of %s does not either", (status) =>
    expectNothingLost(
      (stage) => {
        stage.other("other");
        return { status };
      },
      // Where it may have been acted on, the tag is asked for that, too.
      { methods: "GET HEAD PUT HEAD HEAD GET HEAD PUT HEAD HEAD" },
    ),
  );

  test("because the connection was cut before it was acted on does not either", () =>
    expectNothingLost(
      (stage) => {
        stage.other("other");
        return { cut: "before" };
      },
      { methods: "GET HEAD PUT HEAD HEAD GET HEAD PUT HEAD HEAD" },
    ));

  test("because the connection was cut behind it does not overwrite what somebody has added to it", () =>
    expectNothingLost(
      (stage) => {
        stage.other("a");
        stage.other("other");
        return { cut: "before" };
      },
      // All is in the list that is read then: it is put as it is, and looked at as long as usual.
      { methods: "GET HEAD PUT HEAD HEAD GET HEAD PUT HEAD HEAD" },
    ));

  test("to where it is redirected does not overwrite what came meanwhile", () =>
    expectNothingLost(
      (stage) => {
        stage.other("other");
        return { status: 307, headers: { Location: `${TAG_PATH}?again=1` } };
      },
      { methods: "GET HEAD PUT HEAD GET HEAD PUT HEAD HEAD" },
    ));

  test("with another token does not either", () =>
    expectNothingLost(
      (stage) => {
        stage.other("other");
        stage.peer.expireTokens();
        return undefined;
      },
      {
        auth: { kind: "bearer", users: { ci: "pw" } },
        methods: "GET GET HEAD PUT HEAD GET HEAD PUT HEAD HEAD",
      },
    ));

  test("after it was acted on and the connection cut, with nobody else there, is not sent again", async () => {
    const onTag: OnTag = ({ method, count }) =>
      method === "PUT" && count === 1 ? { cut: "after" } : undefined;
    await withStage(onTag, async ({ run, list, methods }) => {
      await run("a");
      expect(list()).toEqual(["first", "a"]);
      expect(methods("a")).toBe("GET HEAD PUT HEAD HEAD HEAD");
    });
  });
});
