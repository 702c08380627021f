import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  addEntries,
  createRegistry,
  emptyDraft,
  execute,
  ManifestError,
  openStore,
  parseReference,
  plan,
  RegistryError,
  registrySource,
  SourceReader,
  type Entry,
  type PushEvent,
  type Reference,
  type RegistryClient,
  type RegistryEvent,
} from "../src/index.js";
import { startRegistry, type RunningRegistry } from "../src/testing/index.js";

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

  it("makes and pushes a list as the README shows", async () => {
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
