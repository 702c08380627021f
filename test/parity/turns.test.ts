import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { digestOf } from "../../src/oci/digest.js";
import { MANIFEST_TYPES, OCI_INDEX } from "../../src/oci/mediaTypes.js";
import { seed, type SeedImage } from "../helpers/images.js";
import { describeWithPrograms, startRegistryServer, type RegistryServer } from "../helpers/registryServer.js";
import { everything } from "./catalogue.js";
import { dockerSide, firstLine, ourSide, type Outcome, type Side } from "./sides.js";
import { ENTRY_FILE, ENTRY_NAME, storedEntries } from "./storedEntries.js";
import { dockersLines } from "../helpers/usageCases.js";

const LIST = "{host}/multi/app:v1";
const LIST_FILE = "{host-file}_multi_app-v1";
const SOURCES = ["{host}/team/app:v1-amd64", "{host}/team/app:v1-arm64", "{host}/win/core:ltsc"];

describeWithPrograms("docker and tsmanifest on one store", ["docker", "docker-registry"], () => {
  let registry: RegistryServer;
  let sides: { docker: Side; tsmanifest: Side };

  beforeAll(async () => {
    registry = await startRegistryServer();
    await seed(registry.url, everything);
    const docker = dockerSide(registry);
    sides = { docker, tsmanifest: ourSide(registry, docker.config) };
  });
  afterEach(async () => {
    await sides.docker.run(["rm", LIST]);
  });
  afterAll(async () => {
    sides.docker.close();
    await registry.close();
  });

  const directions = [
    { one: "docker", other: "tsmanifest" },
    { one: "tsmanifest", other: "docker" },
  ] as const;

  it.each(directions)("$one creates, $other annotates, $one inspects, $other pushes", async (names) => {
    const [one, other] = [sides[names.one], sides[names.other]];
    await succeed(one, ["create", "--insecure", LIST, ...SOURCES.slice(0, 2)]);
    await succeed(other, ["create", "--insecure", "-a", LIST, ...SOURCES.slice(2)]);
    await succeed(other, ["annotate", LIST, SOURCES[1] ?? "", "--variant=<v&8>", "--os-features=a,b"]);
    await succeed(one, ["annotate", LIST, SOURCES[1] ?? "", "--os-features=b,c"]);

    for (const argv of [[LIST], ["-v", LIST], [LIST, SOURCES[1] ?? ""], ["-v", LIST, SOURCES[2] ?? ""]]) {
      const shown = await succeed(one, ["inspect", ...argv]);
      expect(shown).toBe(await succeed(other, ["inspect", ...argv]));
    }
    const list = (await succeed(one, ["inspect", LIST])).slice(0, -1);
    expect(list).toContain("\\u003cv\\u00268\\u003e");

    const pushed = await succeed(other, ["push", LIST]);
    expect(pushed.trimEnd().split("\n")).toHaveLength(4);
    expect(pushed).toMatch(new RegExp(`\n${digestOf(Buffer.from(list))}\n$`));
    expect(await manifestAt(`${registry.url}/v2/multi/app/manifests/v1`)).toBe(list);
    // Everything is there already: the other one finds nothing to add.
    expect(await succeed(one, ["push", "--purge", LIST])).toBe(pushed);
    expect(await sides.docker.store()).toEqual({});
    expect(await succeed(other, ["inspect", "--insecure", LIST])).toBe(
      await succeed(one, ["inspect", "--insecure", LIST]),
    );
  });

  it("a list that is pushed again and again: the same lines from either, whatever has become of it meanwhile", async () => {
    const { docker, tsmanifest } = sides;
    const manifests = `${registry.url}/v2/multi/app/manifests`;
    const another = everything.find(({ name }) => name === "multi/app:base")!;
    const remove = (digest: string): Promise<Response> =>
      fetch(`${manifests}/${digest}`, { method: "DELETE" });
    // The last source is in the list's own repository: docker says nothing of it.
    await succeed(docker, ["create", "--insecure", LIST, ...SOURCES, `{host}/${another.name}`]);
    const first = await succeed(tsmanifest, ["push", LIST]);
    const [image = "", list = ""] = [...first.matchAll(/sha256:[0-9a-f]{64}$/gm)].map(String).slice(-2);
    const meanwhile = [
      () => undefined,
      () => putTag(`${manifests}/v1`, another),
      () => remove(image),
      () => remove(list),
    ];
    for (const happens of meanwhile) {
      await happens();
      const ours = await succeed(tsmanifest, ["push", LIST]);
      const tagged = await manifestAt(`${manifests}/v1`);
      await happens();
      expect(ours).toBe(await succeed(docker, ["push", LIST]));
      expect(ours).toBe(first);
      expect(tagged).toBe(await manifestAt(`${manifests}/v1`));
    }
  });

  it.each(directions)("a list that $one has removed can be made again by $other", async (names) => {
    const [one, other] = [sides[names.one], sides[names.other]];
    await succeed(other, ["create", "--insecure", LIST, ...SOURCES]);
    await succeed(one, ["rm", LIST]);
    expect(dockersLines((await other.run(["rm", LIST])).stderr)).toBe(
      "No such manifest: {host}/multi/app:v1\n",
    );
    await succeed(one, ["create", "--insecure", LIST, ...SOURCES.slice(1)]);
    await succeed(one, ["rm", LIST]);
    await succeed(other, ["create", "--insecure", LIST, ...SOURCES.slice(0, 1)]);
    expect(Object.keys(await other.store())).toHaveLength(2);
  });
});

describeWithPrograms("entries that somebody else wrote", ["docker", "docker-registry"], () => {
  const registries: RegistryServer[] = [];
  let sides: readonly [Side, Side];

  beforeAll(async () => {
    for (let count = 0; count < 2; count++) {
      const registry = await startRegistryServer();
      registries.push(registry);
      await seed(registry.url, everything);
    }
  });
  afterAll(async () => {
    await Promise.all(registries.map((registry) => registry.close()));
  });

  const COMMANDS = [
    ["inspect", LIST],
    ["inspect", "-v", LIST],
    ["inspect", LIST, ENTRY_NAME],
    ["inspect", "-v", LIST, ENTRY_NAME],
    ["push", LIST],
    ["annotate", LIST, ENTRY_NAME, "--variant=v1"],
    ["annotate", LIST, ENTRY_NAME, "--os=linux", "--arch=arm", "--os-features=a,a,b"],
    ["push", LIST],
    ["create", "--insecure", "-a", LIST, ENTRY_NAME],
    ["push", "--purge", LIST],
    ["rm", LIST],
  ];

  const refused = storedEntries.filter(({ ours }) => ours === "refuses");

  it.each(refused)("$name: a one-line error that names the file", async ({ content }) => {
    const [registry] = registries;
    if (registry === undefined) throw new Error("no registry");
    const side = ourSide(registry);
    await side.putFile(`${LIST_FILE}/${ENTRY_FILE}`, content);
    const before = await side.store();
    for (const argv of COMMANDS) {
      const { status, stdout, stderr } = await side.run(argv);
      expect({ argv, status, stdout }).toEqual({ argv, status: 1, stdout: "" });
      expect(stderr).toMatch(/^\S+\/manifests\/\{host-file\}_multi_app-v1\/\S+: the entry has no Ref\n$/);
    }
    expect(await side.store()).toEqual(before);
    side.close();
  });

  const compared = storedEntries.filter(({ ours }) => ours !== "refuses");

  it.each(compared)("$name: what docker makes of it", async ({ content, isNamed, ours: better }) => {
    const [first, second] = registries;
    if (first === undefined || second === undefined) throw new Error("no registries");
    sides = [dockerSide(first), ourSide(second)];
    try {
      const [docker, ours] = sides;
      for (const side of sides) await side.putFile(`${LIST_FILE}/${ENTRY_FILE}`, content);
      for (const argv of COMMANDS) {
        const [theirs, mine] = await Promise.all([
          docker.run(argv),
          ours.run([...argv, ...(argv[0] === "push" ? ["--mount-only"] : [])]),
        ]);
        if (better === "fetches again" && argv[0] === "create") break;
        if (better === "pushes" && argv[0] === "push" && theirs.status !== 0 && mine.status === 0) continue;
        if (better === "writes an index" && mine.stdout !== theirs.stdout) {
          expect(mine.status).toBe(theirs.status);
          if (argv[0] === "inspect") expect(mine.stdout).toContain(OCI_INDEX);
          continue;
        }
        const namesFile = isNamed === true && mine.stderr.includes(`/manifests/{host-file}_multi_app-v1`);
        expect(shown(argv, mine, namesFile)).toEqual(shown(argv, theirs, namesFile));
        expect(await ours.store(), `after ${argv.join(" ")}`).toEqual(await docker.store());
      }
    } finally {
      for (const side of sides) side.close();
    }
  });

  it("a list without entries is an empty list, and not pushed", async () => {
    const adds = "tsmanifest create --amend adds some";
    const hints = new Map([
      ["inspect", `it has no images: ${adds}\n`],
      [
        "rm",
        "there is no local list {host}/multi/app:v1: tsmanifest create makes one, tsmanifest ls shows your lists\n",
      ],
      ["annotate", `it has no images: ${adds}\n`],
      ["push", `the local list has no images: ${adds}, tsmanifest rm deletes it\n`],
    ]);
    const [first, second] = registries;
    if (first === undefined || second === undefined) throw new Error("no registries");
    sides = [dockerSide(first), ourSide(second)];
    for (const side of sides) {
      mkdirSync(
        join(
          side.config,
          "manifests",
          LIST_FILE.replace("{host-file}", side.registry.host.replace(":", "-")),
        ),
        {
          recursive: true,
        },
      );
    }
    for (const argv of COMMANDS) {
      const [theirs, mine] = await Promise.all(sides.map((side) => side.run(argv)));
      // Below docker's line is a hint of ours.
      const hint = theirs?.status === 0 ? "" : (hints.get(argv[0] ?? "") ?? "");
      expect({ argv, ...mine }).toEqual({ argv, ...theirs, stderr: `${theirs?.stderr ?? ""}${hint}` });
    }
    for (const side of sides) side.close();
  });
});

async function succeed(side: Side, argv: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await side.run(argv);
  expect({ argv, status, stderr }).toEqual({ argv, status: 0, stderr: "" });
  return stdout;
}

async function putTag(url: string, { mediaType, body }: SeedImage): Promise<void> {
  const { status } = await fetch(url, { method: "PUT", headers: { "content-type": mediaType }, body });
  expect(status).toBe(201);
}

async function manifestAt(url: string): Promise<string> {
  return (await fetch(url, { headers: { accept: MANIFEST_TYPES.join(", ") } })).text();
}

/** What must be the same; the words only where docker has any for this fault. */
function shown(argv: readonly string[], { status, stdout, stderr }: Outcome, namesFile: boolean) {
  const isCrash = status === 2;
  return {
    argv: argv.join(" "),
    status: isCrash ? 1 : status,
    stdout,
    stderr: namesFile ? "" : firstLine(stderr),
  };
}
