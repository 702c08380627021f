import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  addEntries,
  createRegistry,
  emptyDraft,
  execute,
  locationOf,
  ManifestError,
  NotVerifiedError,
  openLayout,
  openStore,
  parseReference,
  plan,
  planReport,
  PlanReport,
  RegistryError,
  registrySource,
  SourceReader,
  survey,
  verifyWithin,
  type Draft,
  type Entry,
  type Location,
  type PushEvent,
  type Reference,
  type RegistryClient,
  type RegistryEvent,
  type Repository,
} from "../src/index.js";
import { startRegistry, type RunningRegistry } from "../src/testing/index.js";
import {
  append,
  carryOver,
  check,
  combined,
  expectPlatforms,
  pushToSeveral,
  showPlan,
} from "./helpers/libraryPrograms.js";

describe("the library", () => {
  let registry: RunningRegistry;
  let folder: string;

  beforeAll(async () => {
    registry = await startRegistry();
    folder = await mkdtemp(join(tmpdir(), "tsmanifest-library-"));
    for (const architecture of ["amd64", "arm64"]) {
      registry.putImage(`build/${architecture}`, {
        tag: "v1",
        os: "linux",
        architecture,
        layers: 2,
        seed: architecture,
      });
    }
  });

  afterAll(async () => {
    await registry.close();
    await rm(folder, { recursive: true, force: true });
  });

  const sources = () =>
    ["amd64", "arm64"].map((architecture) => parseReference(`${registry.host}/build/${architecture}:v1`));

  const access = [{ path: "library/example", actions: ["pull", "push"] }] as const;
  const read = (client: RegistryClient, ref: Reference): Promise<Entry[]> =>
    new SourceReader().entries(registrySource(ref, client.session({ access }).repository(ref.path)));

  it.each(["sha256", "sha384", "sha512"])(
    "checks a reference with a tag against its %s digest",
    async (algorithm) => {
      const client = await createRegistry({ domain: registry.host });
      const digestBy = (bytes: Buffer) => `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
      const fetch = (digest: string) =>
        read(client, parseReference(`${registry.host}/build/amd64:v1@${digest}`));
      try {
        const bytes = registry.manifest("build/amd64", "v1")?.body ?? expect.unreachable();
        expect((await fetch(digestBy(bytes))).map(({ raw }) => raw)).toEqual([bytes]);
        const wrong = digestBy(Buffer.from("something else"));
        await expect(fetch(wrong)).rejects.toMatchObject({ code: "MANIFEST_MISMATCH", subject: wrong });
      } finally {
        await client.close();
      }
    },
  );

  it("makes and pushes a list of its pieces", async () => {
    const list = parseReference(`${registry.host}/library/example:v1`);
    const client = await createRegistry({ domain: list.domain });
    const session = client.session({ access });
    const events: PushEvent["kind"][] = [];
    try {
      const entries = await Promise.all(sources().map((source) => read(client, source)));
      const { digest } = await execute(
        plan(addEntries(emptyDraft(list), entries.flat())),
        (location) =>
          location.kind === "registry" ? session.repository(location.path) : expect.unreachable(),
        { onEvent: ({ kind }) => events.push(kind) },
      );
      expect(registry.manifest("library/example", "v1")?.digest).toBe(digest);
    } finally {
      await client.close();
    }
    expect(events.filter((kind) => kind === "child")).toHaveLength(2);
  });

  it("keeps a list in a store and finds it there again", async () => {
    const list = parseReference(`${registry.host}/library/stored:v1`);
    const client = await createRegistry({ domain: list.domain });
    const entries = (await Promise.all(sources().map((source) => read(client, source)))).flat();
    await client.close();
    const store = openStore(join(folder, "manifests"));
    await store.change(list, () => addEntries(emptyDraft(list), entries));
    expect((await store.read(list))?.entries.map(({ descriptor }) => descriptor.digest)).toEqual(
      entries.map(({ descriptor }) => descriptor.digest),
    );
    await store.change(list, () => undefined);
    expect(await store.read(list)).toBeUndefined();
  });

  it("throws errors that say what is not there, and which request failed", async () => {
    const client = await createRegistry({ domain: registry.host });
    const name = `${registry.host}/build/none:v1`;
    const failure: unknown = await read(client, parseReference(name)).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ManifestError);
    expect(failure).toMatchObject({ code: "MANIFEST_UNKNOWN", subject: name });
    let cause = failure;
    while (cause instanceof Error && !(cause instanceof RegistryError)) cause = cause.cause;
    expect(cause).toMatchObject({
      status: 404,
      url: expect.stringContaining("/v2/build/none/manifests/v1") as string,
    });
    await client.close();
  });

  it("gives up what is under way when its signal is aborted", async () => {
    const silent = await startRegistry({ onRequest: () => new Promise<undefined>(() => undefined) });
    const abort = new AbortController();
    const client = await createRegistry({ domain: silent.host, signal: abort.signal });
    const waiting = read(client, parseReference(`${silent.host}/a:v1`));
    setTimeout(() => {
      abort.abort(new Error("enough"));
    }, 50);
    await expect(waiting).rejects.toThrow("enough");
    await client.close();
    await silent.close();
  });

  it("tells of every exchange, for a log", async () => {
    const events: RegistryEvent[] = [];
    const client = await createRegistry({ domain: registry.host, onEvent: (event) => events.push(event) });
    await read(client, parseReference(`${registry.host}/build/amd64:v1`));
    await client.close();
    expect(events.map((event) => event.kind)).toEqual(["exchange", "exchange"]);
  });
});

describe("the programs of docs/library.md", () => {
  let here: RunningRegistry;
  let there: RunningRegistry;
  let clients: ReadonlyMap<string, RegistryClient>;

  beforeAll(async () => {
    [here, there] = await Promise.all([startRegistry(), startRegistry()]);
    const opened = [here, there].map(async ({ host }) => {
      return [host, await createRegistry({ domain: host })] as const;
    });
    clients = new Map(await Promise.all(opened));
    for (const architecture of ["amd64", "arm64"]) {
      const tag = `v1-${architecture}`;
      const image = here.putImage("build/app", { kind: "oci", architecture, seed: architecture });
      here.putList("build/app", { kind: "oci", tag, children: [image] });
      here.putImage("plain/app", { tag, architecture, seed: architecture });
    }
  });

  afterAll(async () => {
    for (const client of clients.values()) await client.close();
    await Promise.all([here.close(), there.close()]);
  });

  const open = (location: Location): Repository => {
    if (location.kind === "layout") return openLayout(location.folder);
    const { domain, path } = location;
    const client = clients.get(domain) ?? expect.unreachable();
    return client.session({ access: [{ path, actions: ["pull", "push"] }] }).repository(path);
  };
  const nameIn = ({ host }: RunningRegistry, name: string) => parseReference(`${host}/${name}`);

  async function draftOf(repository: string, name = "team/app:v1"): Promise<Draft> {
    const entries = ["amd64", "arm64"].map((architecture) => {
      const ref = nameIn(here, `${repository}:v1-${architecture}`);
      return new SourceReader().entries(registrySource(ref, open(locationOf(ref))));
    });
    return addEntries(emptyDraft(nameIn(here, name)), (await Promise.all(entries)).flat());
  }

  it.each(["several registries", "append", "plan", "verify", "expectations", "attached", "combine"])(
    "are there as they are tested: %s",
    async (name) => {
      const [programs, document] = await Promise.all(
        ["helpers/libraryPrograms.ts", "../docs/library.md"].map((path) =>
          readFile(fileURLToPath(new URL(path, import.meta.url)), "utf8"),
        ),
      );
      const [, program] = programs?.split(`// program: ${name}\n`) ?? [];
      const [code = ""] = program?.split("// end\n") ?? [];
      const oneLine = (text = "") => text.replace(/\s+/g, " ").trim();
      expect(oneLine(code)).not.toBe("");
      expect(oneLine(document).includes(oneLine(code))).toBe(true);
    },
  );

  it("push a list to several registries under several tags", async () => {
    const draft = await draftOf("build/app");
    const elsewhere = nameIn(there, "mirror/app:v1");
    const [first, second] = await pushToSeveral(draft, draft.name, elsewhere, open);
    expect(first?.digest).toBe(second?.digest);
    for (const tag of ["v1", "latest"]) {
      expect(here.manifest("team/app", tag)?.digest).toBe(first?.digest);
      expect(there.manifest("mirror/app", tag)?.digest).toBe(first?.digest);
    }
  });

  it("add an image to a list of the registry, and begin a list that is not there", async () => {
    const list = nameIn(here, "team/added:v1");
    await append(list, nameIn(here, "plain/app:v1-amd64"), open);
    await append(list, nameIn(here, "plain/app:v1-arm64"), open);
    const images = ["v1-amd64", "v1-arm64"].map((tag) => here.manifest("plain/app", tag)?.digest);
    const children = (await open(locationOf(list)).get("v1")).children.map(({ digest }) => digest);
    expect(children.sort()).toEqual(images.sort());
  });

  it("show what a push would send, and send nothing", async () => {
    const draft = await draftOf("plain/app", "team/planned:v1");
    expect(await showPlan(draft, open)).toContain("tag v1: new");
    expect(here.tags("team/planned")).toEqual([]);
    const report = planReport([await survey(plan(draft), open)]);
    expect(PlanReport.parse(report)).toEqual(report);
  });

  it("verify what was pushed, and say what is not there", async () => {
    const planned = plan(await draftOf("plain/app", "team/verified:v1"));
    await execute(planned, open);
    await check(planned, open);
    const other = here.putImage("team/verified", { tag: "v1", seed: "somebody else's" });
    const failure: unknown = await verifyAtOnce(planned);
    expect(failure).toBeInstanceOf(NotVerifiedError);
    expect(failure).toMatchObject({ faults: [{ kind: "moved", digest: other.digest }] });
  });

  const verifyAtOnce = (planned: ReturnType<typeof plan>): Promise<unknown> =>
    verifyWithin(planned, open, { waitMs: 0 }).catch((error: unknown) => error);

  it("refuse a list with other platforms than the expected ones", async () => {
    const draft = await draftOf("plain/app");
    expectPlatforms(draft);
    const half = { ...draft, entries: draft.entries.slice(0, 1) };
    expect(() => {
      expectPlatforms(half);
    }).toThrow(/^missing linux\/a/);
  });

  it("carry an index over with what is attached to it and to its images", async () => {
    const image = here.putImage("signed/app", { kind: "oci" });
    const index = here.putList("signed/app", { kind: "oci", tag: "v1", children: [image] });
    const attached = [image, index].map(({ mediaType, digest, size }) => {
      const subject = { mediaType, digest, size };
      const artifactType = "application/spdx+json";
      return here.putImage("signed/app", { kind: "oci", subject, artifactType, seed: digest }).digest;
    });
    await carryOver(nameIn(here, "signed/app:v1"), nameIn(there, "signed/copy:v1"), open);
    expect(there.manifest("signed/copy", "v1")?.digest).toBe(index.digest);
    for (const digest of attached) expect(there.manifest("signed/copy", digest)).toBeDefined();
  });

  it("combine indexes into one with an annotation", async () => {
    const repository = open(locationOf(nameIn(here, "build/app")));
    expect(await combined(["v1-amd64", "v1-arm64"], repository)).toMatch(/^sha256:/);
  });
});
