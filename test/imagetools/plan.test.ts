import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, it } from "vitest";
import { PlanReport } from "../../src/ui/planReportSchema.js";
import { attach, attachByTag, putBuild, SBOM, type Build } from "../helpers/builds.js";
import type { Peer } from "../helpers/peer.js";
import { changesIn, useWorkplace } from "../helpers/workplace.js";

/** `--plan`: what it says that would be sent, beside what is sent then, by both command lines. */

const workplace = useWorkplace();

let hub: Peer;
let ghcr: Peer;
let builds: readonly Build[];
beforeEach(async () => {
  hub = await workplace.registry();
  ghcr = await workplace.registry();
  builds = ["amd64", "arm64"].map((architecture) =>
    putBuild(hub, "me/app", { architecture, tag: architecture, layers: 2 }),
  );
});

const sources = (): string[] => ["amd64", "arm64"].map((tag) => `${hub.host}/me/app:${tag}`);

type Argv = readonly string[];

/** A command that pushes, and what has to be done before it. */
interface Case {
  readonly name: string;
  readonly prepare?: () => Promise<unknown>;
  readonly argv: () => Argv;
}

const LIST = (): string => `${hub.host}/me/list:v1`;

/** `imagetools create`, and `create` with `push`, of the same list to the same places. */
function cases(more: {
  readonly prepare?: () => Promise<unknown>;
  readonly tags?: () => readonly string[];
  readonly flags?: readonly string[];
}): Case[] {
  const { prepare, tags = () => [], flags = [] } = more;
  return [
    {
      name: "imagetools create",
      ...(prepare && { prepare }),
      argv: () => [
        ...["imagetools", "create", ...flags, "-t", LIST()],
        ...tags().flatMap((tag) => ["-t", tag]),
        ...sources(),
      ],
    },
    {
      name: "push",
      prepare: async () => {
        await prepare?.();
        await workplace.out("create", LIST(), ...sources());
      },
      argv: () => ["push", "--cross-registry", ...flags, ...tags().flatMap((tag) => ["--tag", tag]), LIST()],
    },
  ];
}

const pushElsewhere = (): Promise<unknown> =>
  workplace.out("imagetools", "create", "-t", LIST(), ...sources());

const SITUATIONS: readonly (readonly [string, Case[]])[] = [
  ["nothing there yet", cases({})],
  ["everything there already", cases({ prepare: pushElsewhere })],
  [
    "another list there",
    cases({
      prepare: () => {
        putBuild(hub, "me/list", { architecture: "amd64", tag: "v1", seed: "before" });
        return Promise.resolve();
      },
    }),
  ],
  [
    "one of the images there",
    cases({
      prepare: () => {
        putBuild(hub, "me/list", { architecture: "amd64", layers: 2 });
        return Promise.resolve();
      },
    }),
  ],
  ["ten tags", cases({ tags: () => Array.from({ length: 9 }, (_, at) => `${hub.host}/me/list:t${at}`) })],
  ["another registry, which has nothing", cases({ tags: () => [`${ghcr.host}/you/list:v1`] })],
  [
    "another registry, which has an image by the path of its source",
    cases({
      prepare: () => {
        putBuild(ghcr, "me/app", { architecture: "arm64", layers: 2 });
        return Promise.resolve();
      },
      tags: () => [`${ghcr.host}/you/list:v1`, `${ghcr.host}/you/list:v2`],
    }),
  ],
  [
    "what is attached",
    cases({
      prepare: () => {
        for (const { image } of builds) {
          attach(hub, "me/app", attach(hub, "me/app", image, SBOM), SBOM);
          attachByTag(hub, "me/app", image, "sig");
        }
        return Promise.resolve();
      },
      tags: () => [`${ghcr.host}/you/list:v1`],
      flags: ["--referrers"],
    }),
  ],
];

/** With the flags of a plan behind its name. */
function planned(argv: Argv, ...more: string[]): string[] {
  const at = argv[0] === "imagetools" ? 2 : 1;
  return [...argv.slice(0, at), "--plan", ...more, ...argv.slice(at)];
}

async function reportOf(argv: Argv): Promise<PlanReport> {
  return PlanReport.parse(JSON.parse(await workplace.out(...planned(argv, "--format", "json"))));
}

/** `PUT 127.0.0.1:1234/v2/…`, without what a registry chooses itself. */
const uploadless = (request: string): string =>
  request.replace(/\/blobs\/uploads\/[^?…]+/, "/blobs/uploads/…");

/** All that changes something, and what asks for blobs or carries them, but for what is asked of sources to find a platform. */
function sentTo(registry: Peer, from: number): string[] {
  const configs = new Set(builds.flatMap(({ image, attestation }) => [image.blobs[0], attestation.blobs[0]]));
  return registry.requests.slice(from).flatMap((request) => {
    const [method = "", path = ""] = request.split(" ");
    const digest = /^GET \S+\/blobs\/(\S+)$/.exec(request)?.[1];
    const isWanted =
      !/^(?:GET|HEAD)$/.test(method) || (path.includes("/blobs/") && !configs.has(digest ?? ""));
    return isWanted ? [uploadless(`${method} ${registry.host}${path}`)] : [];
  });
}

function isComparable({ method, url }: PlanReport["requests"][number]): boolean {
  const configs = builds.flatMap(({ image, attestation }) => [image.blobs[0], attestation.blobs[0]]);
  const isConfig = method === "GET" && configs.some((digest) => url.endsWith(`/blobs/${digest ?? ""}`));
  return method !== "WRITE" && !isConfig && (!/^(?:GET|HEAD)$/.test(method) || url.includes("/blobs/"));
}

/** The values of one list that another has not, each as often. */
function without(all: readonly string[], others: readonly string[]): string[] {
  const left = [...others];
  return all.filter((one) => {
    const at = left.indexOf(one);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

describe.each(SITUATIONS)("with %s", (_, both) => {
  describe.each(both)("$name --plan", ({ prepare, argv }) => {
    beforeEach(() => prepare?.());

    it("changes nothing", async () => {
      const before = [hub, ghcr].map((registry) => registry.requests.length);
      const files = readdirSync(workplace.folder, { recursive: true }).sort();
      await workplace.out(...planned(argv()));
      await reportOf(argv());
      for (const [index, registry] of [hub, ghcr].entries()) {
        expect(registry.requests.slice(before[index]).filter((one) => !/^(?:GET|HEAD) /.test(one))).toEqual(
          [],
        );
      }
      expect(readdirSync(workplace.folder, { recursive: true }).sort()).toEqual(files);
    });

    it("says what is sent then, level by level", async () => {
      const { requests, targets } = await reportOf(argv());
      expect(requests.map(({ level }) => level)).toEqual(requests.map(({ level }) => level).sort());
      const before = [hub.requests.length, ghcr.requests.length] as const;
      await workplace.out(...argv());
      const sent = [...sentTo(hub, before[0]), ...sentTo(ghcr, before[1])];

      const comparable = requests.filter(isComparable);
      const text = ({ method, url }: (typeof requests)[number]): string =>
        `${method} ${url.replace("http://", "")}`;
      const certain = comparable.filter(({ optional }) => optional !== true).map(text);
      const optional = comparable.filter((one) => one.optional === true).map(text);
      expect({ notSent: without(certain, sent) }).toEqual({ notSent: [] });
      expect({ notPlanned: without(sent, [...certain, ...optional]) }).toEqual({ notPlanned: [] });
      // The tags move last, wherever they are.
      const last = requests.filter(({ level, method }) => level === 4 && method === "PUT").map(text);
      for (const registry of [hub, ghcr]) {
        const changes = sentTo(registry, registry === hub ? before[0] : before[1]);
        const moves = changes.findIndex((one) => last.includes(one));
        if (moves !== -1) expect(without(changes.slice(moves), last)).toEqual([]);
      }
      // And the list is the one that was shown.
      for (const { name, root, tags } of targets) {
        const registry = name.startsWith(hub.host) ? hub : ghcr;
        for (const tag of tags) {
          expect(registry.manifest(name.slice(registry.host.length + 1), tag.name)?.digest).toBe(root.digest);
        }
      }
    });

    it("counts what is there, is put, mounted and copied", async () => {
      const { requests, targets } = await reportOf(argv());
      for (const { name, manifests, blobs, tags } of targets) {
        const isDone = manifests.put.length === 0 && tags.every(({ state }) => state === "same");
        const own = requests.filter(({ target, optional }) => target === name && optional !== true);
        const count = (method: string, path: RegExp): number =>
          own.filter((one) => one.method === method && path.test(one.url)).length;
        expect(count("PUT", /\/manifests\//)).toBeGreaterThanOrEqual(manifests.put.length + (isDone ? 0 : 1));
        expect(count("POST", /mount=/)).toBe(blobs.mount.count);
        expect(count("PUT", /\/blobs\/uploads\/…\?digest=/)).toBe(blobs.copy.count);
        const bytes = own.filter(({ method, url }) => method === "PUT" && url.includes("/blobs/"));
        expect(bytes.reduce((sum, one) => sum + (one.bytes ?? 0), 0)).toBe(blobs.copy.bytes);
        expect(blobs.copy.from).toEqual(blobs.copy.count === 0 ? [] : [`${hub.host}/me/app`]);
      }
    });

    it("says the same as text", async () => {
      const { requests, targets } = await reportOf(argv());
      const text = await workplace.out(...planned(argv()));
      for (const { name, root, tags } of targets) {
        expect(text).toContain(`${name}\n  pushes   ${root.digest}`);
        for (const tag of tags) expect(text).toContain(`  tag ${tag.name}: `);
      }
      const lines = text.split("\n").map((line) => line.trim().replace(/ {2,}/g, " "));
      const expected = requests.map(
        ({ method, url, optional }) => `${method} ${url}${optional === true ? " (may not be needed)" : ""}`,
      );
      expect(without(expected, lines)).toEqual([]);
    });
  });
});

describe.each(["imagetools create", "push"])("the difference that %s --plan shows", (command) => {
  async function plan(list: string, ...of: string[]): Promise<string> {
    if (command === "imagetools create") {
      return workplace.out("imagetools", "create", "--plan", "-t", list, ...of);
    }
    await workplace.out("create", "--replace", list, ...of);
    return workplace.out("push", "--plan", list);
  }

  it("is that of platforms added, removed, changed and unchanged", async () => {
    putBuild(hub, "me/app", { architecture: "s390x", tag: "s390x" });
    const rebuilt = putBuild(hub, "me/app", { architecture: "arm64", tag: "arm64-again", seed: "again" });
    const before = [...sources()];
    await workplace.out("imagetools", "create", "-t", LIST(), ...before);
    const [amd, arm] = builds;
    const text = await plan(
      LIST(),
      `${hub.host}/me/app:amd64`,
      `${hub.host}/me/app:arm64-again`,
      `${hub.host}/me/app:s390x`,
    );
    expect(text).toContain(`~ linux/arm64  ${arm?.image.digest ?? ""} → ${rebuilt.image.digest}`);
    expect(text).toMatch(/\+ linux\/s390x\s+sha256:/);
    expect(text).toContain("= 1 image as before");
    const back = await plan(LIST(), `${hub.host}/me/app:amd64`, `${hub.host}/me/app:amd64`);
    expect(back).toContain(`- linux/arm64  ${arm?.image.digest ?? ""}`);
    expect(back).not.toContain(`- linux/amd64  ${amd?.image.digest ?? ""}`);
    expect(changesIn(hub).filter((request) => request.includes("/manifests/v1"))).toHaveLength(1);
  });

  it("is new for a tag that is not there, and nothing for one that names the list already", async () => {
    expect(await plan(LIST(), ...sources())).toContain("tag v1: new\n");
    if (command === "push") await workplace.out("push", LIST());
    else await workplace.out("imagetools", "create", "-t", LIST(), ...sources());
    expect(await plan(LIST(), ...sources())).toContain("tag v1: names it already\n");
  });
});

describe("what --plan leaves alone", () => {
  it("is the file of --metadata-file, the draft that --purge deletes, and a layout", async () => {
    const metadata = workplace.path("metadata.json");
    const create = ["imagetools", "create", "--plan", "--metadata-file", metadata, "-t", LIST()];
    await workplace.out(...create, ...sources());
    expect(existsSync(metadata)).toBe(false);

    await workplace.out("create", LIST(), ...sources());
    await workplace.out("push", "--plan", "--purge", LIST());
    expect(await workplace.out("ls")).toContain(LIST());

    const layout = `oci-layout://${workplace.path("out")}:v1`;
    await workplace.out("imagetools", "create", "--plan", "-t", layout, ...sources());
    await workplace.out("push", "--plan", "--to", layout, LIST());
    expect(existsSync(workplace.path("out"))).toBe(false);
  });
});

describe("a layout as the target", () => {
  it.each(["imagetools create", "push"])(
    "%s writes the files that its plan names, with their sizes",
    async (command) => {
      const layout = `oci-layout://${workplace.path("out")}:v1`;
      if (command === "push") await workplace.out("create", LIST(), ...sources());
      const argv =
        command === "push"
          ? ["push", "--to", layout, LIST()]
          : ["imagetools", "create", "-t", layout, ...sources()];
      const { requests } = await reportOf(argv);
      const writes = requests.filter(({ method }) => method === "WRITE");
      await workplace.out(...argv);
      const files = readdirSync(workplace.path("out"), { recursive: true, encoding: "utf8" })
        .map((file) => join(workplace.path("out"), file))
        .filter((file) => statSync(file).isFile());
      expect(writes.map(({ url }) => fileURLToPath(url)).sort()).toEqual(files.sort());
      for (const { url, bytes } of writes) {
        if (bytes !== undefined) expect(statSync(fileURLToPath(url)).size).toBe(bytes);
      }
    },
  );
});

describe("a list that is appended to", () => {
  it("is planned with what the registry has now, and nothing moves", async () => {
    await workplace.out("imagetools", "create", "-t", LIST(), ...sources().slice(0, 1));
    const more = sources().slice(1);
    const { targets } = await reportOf(["imagetools", "create", "--append", "-t", LIST(), ...more]);
    expect(targets[0]?.tags[0]?.difference?.images.map(({ platform, change }) => [platform, change])).toEqual(
      [["linux/arm64", "added"]],
    );
    await workplace.out("create", "--append", LIST(), ...more);
    const pushed = await reportOf(["push", LIST()]);
    expect(pushed.targets[0]?.tags[0]?.difference?.unchanged).toBe(1);
    expect(changesIn(hub).filter((request) => request.includes("/me/list/manifests/v1"))).toHaveLength(1);
    await workplace.out("push", LIST());
    expect(hub.manifest("me/list", "v1")?.digest).toBe(pushed.targets[0]?.root.digest);
  });
});
