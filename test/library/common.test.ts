import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  append,
  connect,
  copy,
  createDraft,
  CredentialsRefusedError,
  diff,
  encodeList,
  inspect,
  NotFoundError,
  NotVerifiedError,
  openLayout,
  PlanError,
  pushList,
  userDocker,
} from "../../src/index.js";
import { certificate, privateKey } from "../helpers/certificates.js";
import { startRegistry, type RunningRegistry } from "../../src/testing/index.js";

/** The functions that do what is common in one call, over real HTTP and real folders. */

let here: RunningRegistry;
let there: RunningRegistry;
let folder: string;

beforeEach(async () => {
  [here, there] = await Promise.all([startRegistry(), startRegistry()]);
  folder = await mkdtemp(join(tmpdir(), "tsmanifest-library-"));
  for (const architecture of ["amd64", "arm64"]) {
    here.putImage("team/app", {
      tag: architecture,
      architecture,
      kind: "oci",
      layers: 2,
      seed: architecture,
    });
  }
});

afterEach(async () => {
  await Promise.all([here.close(), there.close()]);
  await rm(folder, { recursive: true, force: true });
});

const app = (tag: string, { host }: RunningRegistry = here): string => `${host}/team/app:${tag}`;
const both = (): string[] => [app("amd64"), app("arm64")];
const platformsIn = async (name: string): Promise<(string | undefined)[]> =>
  (await inspect(name)).root.children.map(({ platform }) => platform);

describe("pushList", () => {
  it("makes a list of images, and says what became of it", async () => {
    const result = await pushList(app("v1"), { from: both() });
    expect(result).toMatchObject({
      status: "pushed",
      digest: here.manifest("team/app", "v1")?.digest,
      tags: [app("v1")],
      platforms: ["linux/amd64", "linux/arm64"],
      sent: { manifests: 1, copied: 0 },
    });
  });

  it("sends nothing where all is as it should be", async () => {
    await pushList(app("v1"), { from: both() });
    here.resetLog();
    expect(await pushList(app("v1"), { from: both() })).toMatchObject({ status: "unchanged" });
    expect(here.log.filter(({ method }) => method !== "GET" && method !== "HEAD")).toEqual([]);
  });

  it("goes to several places under several tags, with what is missing there", async () => {
    const targets = [app("v1"), app("latest"), app("v1", there), `oci-layout://${folder}/out:v1`];
    const { digest = "", tags } = await pushList(targets, { from: both(), verify: "blobs" });
    expect(tags).toHaveLength(4);
    for (const tag of ["v1", "latest"]) expect(here.manifest("team/app", tag)?.digest).toBe(digest);
    expect(there.manifest("team/app", "v1")?.digest).toBe(digest);
    expect((await openLayout(join(folder, "out")).get("v1")).digest).toBe(digest);
  });

  it("takes digests, layouts, descriptors, what builds left, and what the list says of an image", async () => {
    const [amd64, arm64] = ["amd64", "arm64"].map((tag) => here.manifest("team/app", tag));
    await copy(app("arm64"), `oci-layout://${folder}/arm:v1`);
    await mkdir(join(folder, "digests"));
    await writeFile(join(folder, "digests", amd64?.digest.slice("sha256:".length) ?? ""), "");
    const { manifests } = await pushList(app("v1"), {
      from: [
        { from: join(folder, "digests") },
        { image: `oci-layout://${folder}/arm:v1`, platform: "linux/arm/v7", annotations: { a: "b" } },
      ],
    });
    expect(manifests).toMatchObject([
      { digest: amd64?.digest, platform: "linux/amd64" },
      { digest: arm64?.digest, platform: "linux/arm/v7" },
    ]);
    const list = here.manifest("team/app", "v1")?.body.toString() ?? "";
    expect(JSON.parse(list)).toMatchObject({ manifests: [{}, { annotations: { a: "b" } }] });
    const by = await pushList(app("v2"), { from: [amd64?.digest ?? ""] });
    expect(by.platforms).toEqual(["linux/amd64"]);
  });

  it("pushes nothing that is not what is expected", async () => {
    const missing = pushList(app("v1"), { from: both(), expect: ["linux/amd64", "linux/s390x"] });
    await expect(missing).rejects.toMatchObject({ code: "EXPECTATION" });
    const twice = pushList(app("v1"), {
      from: [app("amd64"), { image: app("arm64"), platform: "linux/amd64" }],
      strict: true,
    });
    await expect(twice).rejects.toMatchObject({ code: "EXPECTATION" });
    expect(here.tags("team/app")).toEqual(["amd64", "arm64"]);
  });

  it("chooses platforms, and warns of what is odd", async () => {
    const warnings: string[] = [];
    const only = await pushList(app("v1"), { from: both(), platforms: ["arm64"] });
    expect(only.platforms).toEqual(["linux/arm64"]);
    await pushList(app("v2"), {
      from: [app("amd64"), { image: app("arm64"), platform: "linux/amd64" }],
      onWarning: (text) => warnings.push(text),
    });
    expect(warnings).toEqual([expect.stringContaining("linux/amd64")]);
  });

  it("says what the list says of itself", async () => {
    await pushList(app("v1"), {
      from: both(),
      annotations: { "org.opencontainers.image.version": "1.0" },
      artifactType: "application/example",
      subject: app("amd64"),
    });
    expect(JSON.parse(here.manifest("team/app", "v1")?.body.toString() ?? "")).toMatchObject({
      artifactType: "application/example",
      annotations: { "org.opencontainers.image.version": "1.0" },
      subject: { digest: here.manifest("team/app", "amd64")?.digest },
    });
  });

  it("takes along what is attached to the images, where that is wanted", async () => {
    const image = here.manifest("team/app", "amd64");
    const { mediaType = "", digest = "" } = image ?? {};
    const size = image?.body.byteLength ?? 0;
    const attached = here.putImage("team/app", {
      kind: "oci",
      subject: { mediaType, digest, size },
      artifactType: "application/spdx+json",
      seed: "sbom",
    });
    await pushList(app("v1", there), { from: both() });
    expect(there.manifest("team/app", attached.digest)).toBeUndefined();
    await pushList(app("v1", there), { from: both(), referrers: true });
    expect(there.manifest("team/app", attached.digest)).toBeDefined();
  });

  it("waits for a source that is not there yet", async () => {
    setTimeout(() => {
      here.putImage("team/app", { tag: "late", architecture: "s390x", seed: "late" });
    }, 300);
    const { platforms } = await pushList(app("v1"), { from: [app("late")], waitMs: 10_000 });
    expect(platforms).toEqual(["linux/s390x"]);
  });

  it("reads back what it has pushed, and says what is not there", async () => {
    const lossy = await startRegistry({
      onRequest: ({ method, route }) => {
        const isReadBack =
          method === "GET" && route?.kind === "manifest" && route.reference.startsWith("sha256:");
        return isReadBack ? { status: 404 } : undefined;
      },
    });
    const failure: unknown = await pushList(app("v1", lossy), { from: both(), verify: true }).catch(
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(NotVerifiedError);
    await lossy.close();
  });
});

describe("createDraft", () => {
  it("makes a draft that pushList pushes, by docker's rules", async () => {
    const draft = await createDraft(app("v1"), both());
    expect(here.log.every(({ method }) => method === "GET" || method === "HEAD")).toBe(true);
    const { digest, tags } = await pushList(draft);
    expect(digest).toBe(encodeList(draft).digest);
    expect(tags).toEqual([app("v1")]);
    const elsewhere = await pushList(draft, { to: [app("v2"), app("v1", there)] });
    expect(there.manifest("team/app", "v1")?.digest).toBe(elsewhere.digest);
  });

  it("chooses, annotates, and refers to an image", async () => {
    const draft = await createDraft(app("v1"), [{ image: app("arm64"), platform: "linux/arm64/v8" }], {
      platforms: ["linux/arm64"],
      annotations: { a: "b" },
      subject: app("amd64"),
    });
    expect(draft.settings).toMatchObject({
      annotations: { a: "b" },
      subject: { digest: here.manifest("team/app", "amd64")?.digest },
    });
    expect(draft.entries[0]?.descriptor.platform?.variant).toBe("v8");
    await expect(createDraft(app("v1"), both(), { platforms: ["linux/s390x"] })).rejects.toMatchObject({
      code: "NO_MATCH",
    });
  });

  it("makes drafts of layouts and of indexes, but says nothing of what is in an index", async () => {
    await pushList(app("list"), { from: both() });
    await copy(app("list"), `oci-layout://${folder}/list`);
    const draft = await createDraft(app("v1"), [`oci-layout://${folder}/list`]);
    expect(draft.entries).toHaveLength(2);
    await expect(
      createDraft(app("v1"), [{ image: app("list"), platform: "linux/amd64" }]),
    ).rejects.toMatchObject({
      code: "USAGE",
      subject: app("list"),
    });
  });

  it("is refused by docker's rule for other registries, where that is asked for", async () => {
    const draft = await createDraft(app("v1", there), both());
    const refused: unknown = await pushList(draft, { crossRegistry: false }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(PlanError);
    expect(refused).toMatchObject({ code: "OTHER_REGISTRY" });
    expect(there.log).toEqual([]);
    await pushList(draft);
    expect(there.tags("team/app")).toEqual(["v1"]);
  });
});

describe("append", () => {
  it("begins a list, adds to it, and replaces the image of a platform", async () => {
    await append(app("v1"), [app("amd64")]);
    await append(app("v1"), [app("arm64")]);
    expect(await platformsIn(app("v1"))).toEqual(["linux/amd64", "linux/arm64"]);
    const newer = here.putImage("team/app", {
      tag: "newer",
      kind: "oci",
      architecture: "arm64",
      seed: "newer",
    });
    const { manifests } = await append(app("v1"), [app("newer")]);
    expect(manifests.map(({ digest }) => digest)).toEqual([
      here.manifest("team/app", "amd64")?.digest,
      newer.digest,
    ]);
  });

  it("wants a list to be there where it only appends", async () => {
    await expect(append(app("v1"), [app("amd64")], { mode: "append" })).rejects.toBeInstanceOf(NotFoundError);
  });

  it("loses nothing of what others add at the same moment", async () => {
    await Promise.all(["amd64", "arm64"].map((tag) => append(app("v1"), [app(tag)])));
    expect((await platformsIn(app("v1"))).sort()).toEqual(["linux/amd64", "linux/arm64"]);
  });
});

describe("copy", () => {
  it("copies a list to the byte, with what is attached to it, to a registry and to a layout and back", async () => {
    const { digest = "", mediaType = "", size = 0 } = await pushList(app("v1"), { from: both() });
    const subject = { mediaType, digest, size };
    const sbom = here.putImage("team/app", { kind: "oci", subject, artifactType: "application/spdx+json" });
    await copy(app("v1"), [app("v1", there), `oci-layout://${folder}/mirror:v1`]);
    expect(there.manifest("team/app", "v1")?.body).toEqual(here.manifest("team/app", "v1")?.body);
    expect(there.manifest("team/app", sbom.digest)).toBeDefined();
    const back = await copy(`oci-layout://${folder}/mirror`, `${there.host}/other:v2`);
    expect(back).toMatchObject({ digest, platforms: ["linux/amd64", "linux/arm64"] });
    expect(there.manifest("other", sbom.digest)).toBeDefined();
  });

  it("leaves what is attached where it is, and takes only some platforms, where that is asked for", async () => {
    const { digest = "", mediaType = "", size = 0 } = await pushList(app("v1"), { from: both() });
    const subject = { mediaType, digest, size };
    const sbom = here.putImage("team/app", { kind: "oci", subject, artifactType: "application/spdx+json" });
    await copy(app("v1"), app("v1", there), { referrers: false });
    expect(there.manifest("team/app", sbom.digest)).toBeUndefined();
    const some = await copy(app("v1"), app("arm", there), { platforms: ["linux/arm64"] });
    expect(some).toMatchObject({ platforms: ["linux/arm64"] });
    await expect(copy(app("v1"), app("x", there), { platforms: ["linux/s390x"] })).rejects.toMatchObject({
      code: "NO_MATCH",
    });
    await expect(copy(app("amd64"), app("x", there), { platforms: ["linux/arm64"] })).rejects.toMatchObject({
      code: "NO_MATCH",
    });
  });

  it("gives what is there another tag, and sends nothing but that", async () => {
    await pushList(app("v1"), { from: both() });
    here.resetLog();
    const { digest } = await copy(app("v1"), app("stable"));
    expect(here.manifest("team/app", "stable")?.digest).toBe(digest);
    expect(here.log.filter(({ method }) => method === "PUT" || method === "POST")).toHaveLength(1);
  });

  it("copies a single image", async () => {
    const { platforms, manifests } = await copy(app("amd64"), app("one", there));
    expect(there.manifest("team/app", "one")?.digest).toBe(here.manifest("team/app", "amd64")?.digest);
    expect([platforms, manifests.length]).toEqual([[], 1]);
  });
});

describe("inspect and diff", () => {
  it("show what is behind names and drafts, and how they differ", async () => {
    await pushList(app("v1"), { from: both() });
    const tree = await inspect(app("v1"));
    expect(tree).toMatchObject({ name: app("v1"), origin: "registry", totals: { images: 2 }, problems: [] });
    const draft = await createDraft(app("v2"), [app("amd64")]);
    expect((await inspect(draft)).root.children).toHaveLength(1);
    expect(await diff(app("v1"), app("v1"))).toMatchObject({ isSame: true, images: [] });
    const { isSame, images } = await diff(app("v1"), draft);
    expect(isSame).toBe(false);
    expect(images).toMatchObject([{ platform: "linux/arm64", change: "removed" }]);
  });
});

describe("a connection", () => {
  it("is shared by calls, which then need no further TCP connections, and is closed at the end of a block", async () => {
    here.resetLog();
    let escaped;
    {
      await using connection = connect({ concurrency: 1 });
      await inspect(app("amd64"), { connection });
      await inspect(app("arm64"), { connection });
      const repository = await connection.repository(`${here.host}/team/app`, { push: true });
      expect((await repository.resolve("amd64"))?.digest).toBe(here.manifest("team/app", "amd64")?.digest);
      escaped = repository;
    }
    expect(here.connections).toBe(1);
    await expect(escaped.get("amd64")).rejects.toMatchObject({ code: "STOPPED" });
  });

  it("does nothing more when it is closed", async () => {
    for (const isUsed of [false, true]) {
      const connection = connect();
      if (isUsed) await inspect(app("amd64"), { connection });
      await connection.close();
      here.resetLog();
      const stopped = { code: "STOPPED", message: "the connection is closed: open another by connect()" };
      await expect(inspect(app("amd64"), { connection })).rejects.toMatchObject(stopped);
      await expect(connection.repository(app("amd64"))).rejects.toMatchObject(stopped);
      expect(here.log).toEqual([]);
      await connection.close();
    }
  });

  it("opens nothing when it is closed while a call begins", async () => {
    const connection = connect();
    const begun = copy(app("amd64"), app("v1", there), { connection }).catch((error: unknown) => error);
    await connection.close();
    expect(await begun).toMatchObject({ code: "STOPPED" });
    expect([here.log, there.log]).toEqual([[], []]);
  });

  it("has credentials only where it is given some: by a function, or those of the user's docker", async () => {
    const closed = await startRegistry({ auth: { kind: "basic", users: { me: "secret" } } });
    closed.putImage("team/app", { tag: "v1" });
    const name = app("v1", closed);
    await expect(inspect(name)).rejects.toMatchObject({
      code: "CREDENTIALS_MISSING",
      subject: closed.host,
      hint: "pass `docker: userDocker()` for the logins of docker, or `credentials`",
    });
    const credentials = (domain: string) =>
      Promise.resolve(
        domain === closed.host ? ({ kind: "basic", username: "me", password: "secret" } as const) : undefined,
      );
    await inspect(name, { credentials });
    const auth = Buffer.from("me:secret").toString("base64");
    await writeFile(join(folder, "config.json"), JSON.stringify({ auths: { [closed.host]: { auth } } }));
    const docker = userDocker({ env: { DOCKER_CONFIG: folder }, home: folder, platform: "linux" });
    await inspect(name, { docker });
    await closed.close();
  });

  it.each([["basic"], ["bearer"]] as const)("says which password is not accepted: %s", async (kind) => {
    const closed = await startRegistry({ auth: { kind, users: { me: "secret" } } });
    closed.putImage("team/app", { tag: "v1" });
    const wrong = { kind: "basic", username: "me", password: "wrong" } as const;
    const failure: unknown = await inspect(app("v1", closed), {
      credentials: () => Promise.resolve(wrong),
    }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CredentialsRefusedError);
    const hint = `the user name or password for ${closed.host}, from \`credentials\`, is not accepted`;
    expect(failure).toMatchObject({
      code: "UNAUTHENTICATED",
      subject: closed.host,
      hint: expect.stringMatching(new RegExp(`${hint}$`)) as string,
    });
    await closed.close();
  });

  it("reads the user's own docker where it is told nothing else", async () => {
    const auth = Buffer.from("a:b").toString("base64");
    vi.stubEnv("DOCKER_AUTH_CONFIG", JSON.stringify({ auths: { "x.example": { auth } } }));
    try {
      const found = await userDocker().credentials("x.example");
      expect(found).toMatchObject({ username: "a", password: "b" });
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it("trusts an authority that it is given, and speaks plain HTTP where it is told so", async () => {
    const secure = await startRegistry({ tls: { key: privateKey("server"), cert: certificate("server") } });
    secure.putImage("team/app", { tag: "v1" });
    const name = `localhost:${secure.port}/team/app:v1`;
    await expect(inspect(name, { retries: 0 })).rejects.toMatchObject({ code: "TRANSPORT" });
    await inspect(name, {
      ca: certificate("ca"),
    });
    await inspect(name, { insecure: [`localhost:${secure.port}`] });
    await secure.close();
    await inspect(app("amd64"), { plainHttp: true });
  });

  it("tells of requests", async () => {
    const requests: string[] = [];
    await inspect(app("amd64"), { onRequest: ({ kind }) => requests.push(kind) });
    expect(requests).toContain("exchange");
  });
});
