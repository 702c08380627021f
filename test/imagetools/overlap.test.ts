import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { Built, Override, SeenRequest } from "../../src/testing/index.js";
import { putBuild } from "../helpers/builds.js";
import type { Peer, PeerOptions } from "../helpers/peer.js";
import { SECRETS } from "../helpers/secrets.js";
import { changesIn, useWorkplace } from "../helpers/workplace.js";

/** `imagetools create` in one process: what waits for what, and what is left behind where something fails in the middle. */

const workplace = useWorkplace();
const ARCHITECTURES = ["amd64", "arm64", "s390x"];

/** Held until something has come. */
class Gate {
  #open: () => void = () => undefined;
  readonly opened = new Promise<void>((resolve) => (this.#open = resolve));
  open(): void {
    this.#open();
  }
}

const isManifest = ({ method, path }: SeenRequest, image: string): boolean =>
  method === "GET" && path === `/v2/build/${image}/manifests/v1`;
const isConfig = ({ method, path }: SeenRequest, image: string): boolean =>
  method === "GET" && path.startsWith(`/v2/build/${image}/blobs/`);
const isMount = ({ method, query }: SeenRequest): boolean => method === "POST" && query.has("mount");
const isChild = ({ method, path }: SeenRequest): boolean =>
  method === "PUT" && path.startsWith("/v2/me/app/manifests/sha256:");

interface Stage {
  readonly registry: Peer;
  readonly images: readonly Built[];
  readonly argv: readonly string[];
}

async function stage(
  onRequest: (request: SeenRequest) => Override | undefined | Promise<Override | undefined>,
  options: PeerOptions = {},
): Promise<Stage> {
  const registry = await workplace.registry({ ...options, onRequest });
  const images = ARCHITECTURES.map((architecture) =>
    registry.putImage(`build/${architecture}`, { kind: "oci", architecture, tag: "v1", layers: 2 }),
  );
  const sources = ARCHITECTURES.map((architecture) => `${registry.host}/build/${architecture}:v1`);
  return { registry, images, argv: ["imagetools", "create", "-t", `${registry.host}/me/app:v1`, ...sources] };
}

/** Nothing that somebody could see has changed, nothing is half there, and nothing is asked any more. */
async function expectUntouched({ registry }: Stage): Promise<void> {
  expect(registry.manifest("me/app", "v1")).toBeUndefined();
  const opened = registry.log.filter(({ method, status }) => method === "POST" && status === 202).length;
  const ended = registry.log.flatMap(({ method, path, status }) => {
    const [, upload] = /\/uploads\/([^?]+)/.exec(path) ?? [];
    return upload !== undefined && (method === "DELETE" || (method === "PUT" && status === 201))
      ? [upload]
      : [];
  });
  expect(new Set(ended).size).toBe(opened);
  // A question may have been on its way; nothing else is, and nothing follows it.
  const atTheEnd = registry.requests.length;
  await sleep(100);
  expect(registry.requests.slice(atTheEnd).filter((one) => !/^(?:GET|HEAD) /.test(one))).toEqual([]);
  const { length } = registry.requests;
  await sleep(100);
  expect(registry.requests).toHaveLength(length);
}

describe("an image", () => {
  it("is put while the config of another is still on its way", async () => {
    const put = new Gate();
    let count = 0;
    const { registry, argv } = await stage(async (request) => {
      if (isChild(request) && ++count === ARCHITECTURES.length) put.open();
      if (isConfig(request, "arm64")) await put.opened;
      return undefined;
    });
    await workplace.out(...argv);
    expect(registry.manifest("me/app", "v1")).toBeDefined();
  });

  it("is put while the blobs of another are still on their way", async () => {
    const put = new Gate();
    let count = 0;
    const { registry, argv } = await stage(async (request) => {
      if (isChild(request) && ++count === ARCHITECTURES.length - 1) put.open();
      if (isMount(request) && request.query.get("from") === "build/arm64") await put.opened;
      return undefined;
    });
    await workplace.out(...argv);
    expect(registry.manifest("me/app", "v1")).toBeDefined();
  });

  it("is mounted, and its config is read, while the manifest of another is still on its way", async () => {
    const begun = new Gate();
    const left = new Set(["amd64", "s390x"].flatMap((image) => [`mount ${image}`, `config ${image}`]));
    const { registry, argv } = await stage(async (request) => {
      if (isManifest(request, "arm64")) await begun.opened;
      if (isMount(request)) left.delete(`mount ${request.query.get("from")?.replace("build/", "") ?? ""}`);
      for (const image of ARCHITECTURES) if (isConfig(request, image)) left.delete(`config ${image}`);
      if (left.size === 0) begun.open();
      return undefined;
    });
    await workplace.out(...argv);
    expect(registry.manifest("me/app", "v1")).toBeDefined();
  });

  it("of an index is mounted while another source is still on its way", async () => {
    const mounted = new Gate();
    const { registry, argv } = await stage(async (request) => {
      if (isManifest(request, "arm64")) await mounted.opened;
      if (isMount(request) && request.query.get("from") === "build/index") mounted.open();
      return undefined;
    });
    const { image, attestation } = putBuild(registry, "build/index", { architecture: "riscv64", tag: "v1" });
    await workplace.out(...argv, `${registry.host}/build/index:v1`);
    for (const { digest } of [image, attestation]) expect(registry.manifest("me/app", digest)).toBeDefined();
  });

  it("of another registry is asked for where it goes while its config is still on its way", async () => {
    const asked = new Gate();
    const target = await workplace.registry({
      onRequest: ({ method, route }) => {
        if (method === "POST" && route?.kind === "uploads") asked.open();
        return undefined;
      },
    });
    const { images, argv } = await stage(async (request) => {
      if (isConfig(request, "arm64")) await asked.opened;
      return undefined;
    });
    await workplace.out("imagetools", "create", "-t", `${target.host}/me/app:v1`, ...argv.slice(4));
    for (const { digest } of images) expect(target.manifest("me/app", digest)).toBeDefined();
  });

  it("whose config is read is not asked for it again when it is copied", async () => {
    const target = await workplace.registry();
    const { registry, images, argv } = await stage(() => undefined);
    await workplace.out("imagetools", "create", "-t", `${target.host}/me/app:v1`, ...argv.slice(4));
    for (const { blobs } of images) {
      for (const digest of blobs) {
        expect(registry.requests.filter((one) => one.startsWith("GET") && one.endsWith(digest))).toHaveLength(
          1,
        );
      }
    }
  });
});

describe("a list that is added to", () => {
  it("is read beside the sources", async () => {
    const asked = new Gate();
    const { registry, argv } = await stage(async (request) => {
      if (isManifest(request, "arm64")) asked.open();
      if (request.method === "GET" && request.path === "/v2/me/app/manifests/v1") await asked.opened;
      return undefined;
    });
    const other = registry.putImage("me/app", { kind: "oci", architecture: "riscv64", tag: "v1" });
    await workplace.out(...argv.slice(0, 2), "--append", ...argv.slice(2));
    const list = registry.manifest("me/app", "v1")?.body.toString();
    expect(list).toContain(other.digest);
    expect(list).toContain("s390x");
  });

  it("and is not there keeps everything from being put", async () => {
    const stageOf = await stage(() => undefined);
    const { status, stderr } = await workplace.run(
      ...stageOf.argv.slice(0, 2),
      "--append",
      ...stageOf.argv.slice(2),
    );
    expect(status).toBe(1);
    expect(stderr).toContain("me/app:v1: not found");
    expect(stageOf.registry.requests.filter((request) => request.startsWith("PUT"))).toEqual([]);
    await expectUntouched(stageOf);
  });
});

describe("what may be refused for what a config says", () => {
  it.each([["--strict"], ["--expect", "linux/amd64,linux/arm64,linux/s390x"], ["--platform", "linux/amd64"]])(
    "is mounted only when all configs are read: %s",
    async (...flags) => {
      const { registry, argv } = await stage(() => undefined);
      await workplace.out(...argv, ...flags);
      const { log } = registry;
      const firstMount = log.find(({ method }) => method === "POST")?.start ?? 0;
      const configs = log.filter(({ method, path }) => method === "GET" && path.includes("/blobs/sha256:"));
      expect(configs).toHaveLength(ARCHITECTURES.length);
      for (const { end } of configs) expect(end).toBeLessThan(firstMount);
    },
  );
});

describe("a source that is not there", () => {
  it.each([
    { mounts: "allow", word: "mounted" },
    { mounts: "refuse202", word: "about to be copied" },
  ] as const)("keeps everything from being put, though the others were $word", async ({ mounts }) => {
    const asked = new Gate();
    const blobs = (ARCHITECTURES.length - 1) * 3;
    let count = 0;
    const scene = await stage(
      async (request) => {
        if (isMount(request) && ++count === blobs) asked.open();
        if (!isManifest(request, "arm64")) return undefined;
        await asked.opened;
        // All that was mounted has been answered, and could have been followed by something.
        await new Promise((resolve) => setTimeout(resolve, 100));
        return { status: 404 };
      },
      { mounts },
    );
    const { status, stderr } = await workplace.run(...scene.argv);
    expect(status).toBe(1);
    expect(stderr).toContain("build/arm64:v1");
    expect(scene.registry.requests.filter((one) => /^PUT \S+\/manifests\//.test(one))).toEqual([]);
    await expectUntouched(scene);
  });
});

describe("a config", () => {
  it("that is not there is what is told, though the registry is asking for patience meanwhile", async () => {
    const scene = await stage((request) => {
      if (isConfig(request, "arm64")) return { status: 404 };
      return isMount(request) ? { status: 429, headers: { "retry-after": "1" } } : undefined;
    });
    const { status, stderr } = await workplace.run(...scene.argv);
    expect(status).toBe(1);
    expect(stderr).toContain("blob unknown to registry");
    expect(stderr).toContain("/build/arm64@sha256:");
    expect(changesIn(scene.registry).filter((one) => one.startsWith("PUT"))).toEqual([]);
    await expectUntouched(scene);
  });

  it.each([
    { name: "has other bytes than it should", body: '{"os":"linux","architecture":"arm64"}' },
    { name: "is no JSON", body: "\u001b[2Jnothing" },
    { name: "is too large to be one", body: " ".repeat(17 * 1024 * 1024) },
  ])("that $name keeps the tag from being moved, and says so in one line", async ({ body }) => {
    const scene = await stage((request) => (isConfig(request, "arm64") ? { status: 200, body } : undefined));
    const { status, stderr } = await workplace.run(...scene.argv);
    expect(status).toBe(1);
    expect(stderr).not.toContain("\u001b");
    expect(stderr.trim().split("\n").length).toBeLessThanOrEqual(2);
    expect(scene.registry.requests.some((one) => one === "PUT /v2/me/app/manifests/v1")).toBe(false);
    await expectUntouched(scene);
  });

  it("that is slow does not keep a token that has ended meanwhile from being renewed for the others", async () => {
    const put = new Gate();
    let count = 0;
    const place: { registry?: Peer } = {};
    let isEnded = false;
    const { registry, argv } = await stage(
      async (request) => {
        if (isMount(request) && !isEnded) {
          isEnded = true;
          place.registry?.expireTokens();
        }
        if (isChild(request) && ++count === ARCHITECTURES.length) put.open();
        if (isConfig(request, "arm64") && request.headers.authorization !== undefined) await put.opened;
        return undefined;
      },
      { auth: { kind: "bearer", users: { me: SECRETS.password } } },
    );
    place.registry = registry;
    const auths = { [registry.host]: { auth: btoa(`me:${SECRETS.password}`) } };
    workplace.write("config.json", JSON.stringify({ auths }));
    await workplace.out(...argv);
    expect(registry.manifest("me/app", "v1")).toBeDefined();
  });
});

describe("Ctrl-C", () => {
  it.each([
    { moment: "while the manifests are read", at: (one: SeenRequest) => isManifest(one, "arm64") },
    { moment: "while blobs are mounted", at: isMount },
    { moment: "while the configs are read", at: (one: SeenRequest) => isConfig(one, "arm64") },
    { moment: "while the images are put", at: isChild },
  ])("$moment leaves the tag as it was, and nothing open", async ({ at }) => {
    const interruption = new AbortController();
    const scene = await stage(
      async (request) => {
        if (!at(request) || interruption.signal.aborted) return undefined;
        interruption.abort();
        await new Promise((resolve) => setTimeout(resolve, 50));
        return undefined;
      },
      { mounts: "refuse202" },
    );
    const { status, stderr } = await workplace.runInterrupted(interruption.signal, ...scene.argv);
    expect(status).toBe(1);
    expect(stderr).toContain("interrupted");
    expect(scene.registry.requests.some((one) => one === "PUT /v2/me/app/manifests/v1")).toBe(false);
    // What was asked before is answered by now.
    await new Promise((resolve) => setTimeout(resolve, 100));
    await expectUntouched(scene);
  });
});

describe("with --dry-run", () => {
  it("nothing is changed, and nothing is asked of the target", async () => {
    const { registry, argv } = await stage(() => undefined);
    await workplace.out(...argv, "--dry-run");
    expect(registry.requests.every((request) => request.startsWith("GET /v2/build/"))).toBe(true);
  });
});
