import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ListResult } from "../../src/ui/listResult.js";
import { useRunner } from "../helpers/action.js";
import { putBuild, type Build } from "../helpers/builds.js";
import type { Peer } from "../helpers/peer.js";
import { changesIn, listOf } from "../helpers/workplace.js";
import {
  annotationsOutput,
  EMPTY_VALUE,
  TWO_IMAGES,
  WITH_EQUALS_SIGN,
  WITHOUT_IMAGES,
  type MetadataOutputs,
} from "./metadataAction.js";

const runner = useRunner();

/** The jobs of a build have pushed an image for each architecture, and left its digest in `digests`. */
function build(registry: Peer, repository: string, seed = "", architectures = ["amd64", "arm64"]): Build[] {
  const builds = architectures.map((architecture) => putBuild(registry, repository, { architecture, seed }));
  runner.touch(builds.map(({ index }) => index.digest));
  return builds;
}

/** `key=value` lines as a record. */
function record(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    lines.map((line) => [line.split("=", 1)[0] ?? "", line.slice(line.indexOf("=") + 1)]),
  );
}

/** The tags that docker/metadata-action puts out, of images that are in the test's registries. */
function placed({ tags }: MetadataOutputs, hub: Peer, ghcr: Peer = hub): readonly string[] {
  return tags.map((tag) =>
    tag.startsWith("ghcr.io/") ? tag.replace("ghcr.io", ghcr.host) : `${hub.host}/${tag}`,
  );
}

describe("the Action, with what docker/metadata-action puts out", () => {
  it("makes the list in both registries, with outputs and a summary", async () => {
    const [hub, ghcr] = [await runner.registry(), await runner.registry()];
    build(hub, "org/app");
    const tags = placed(TWO_IMAGES, hub, ghcr);
    const { status, log, outputs, summary } = await runner.step({
      tags: tags.join("\n"),
      labels: TWO_IMAGES.labels.join("\n"),
      annotations: annotationsOutput(TWO_IMAGES, "index"),
      from: "digests",
      expect: "linux/amd64,linux/arm64",
    });
    const list = hub.manifest("org/app", "v1.1.1");
    const digest = list?.digest ?? "";
    const images = [`${hub.host}/org/app@${digest}`, `${ghcr.host}/myuser/myapp@${digest}`];
    expect(status).toBe(0);
    expect(log).toEqual([
      `copied 8 blobs (1.3 kB), from ${hub.host}/org/app`,
      ...images.map((image) => `${image} was pushed`),
    ]);
    expect(ghcr.manifest("myuser/myapp", "v1.1.1")?.digest).toBe(digest);
    // The annotations win, and there is no label that they do not have.
    expect(listOf(list?.body).annotations).toEqual(record(TWO_IMAGES.annotations));

    const { json = "", "json-file": file = "", ...others } = outputs;
    expect(others).toEqual({
      digest,
      image: images.join("\n"),
      platforms: "linux/arm64,linux/amd64",
      tags: tags.join("\n"),
    });
    expect(ListResult.parse(JSON.parse(json))).toMatchObject({ digest, status: "pushed", tags });
    expect(readFileSync(file, "utf8")).toBe(json);
    const named = summary.replaceAll(hub.host, "docker.io").replaceAll(ghcr.host, "ghcr.io");
    expect(named).toMatchInlineSnapshot(`
      "### <code>docker.io/org/app:v1.1.1</code> was pushed

      Digest: <code>sha256:af01678cf63633305977c5649243bae655eb57d076a6943691a14d9b7cab4073</code>

      | Tag | Before |
      | --- | --- |
      | <code>docker.io/org/app:v1.1.1</code> | new |
      | <code>ghcr.io/myuser/myapp:v1.1.1</code> | new |

      | Platform | Digest | Size | Attestations | Change |
      | --- | --- | ---: | ---: | --- |
      | linux/arm64 | <code>sha256:edfc83f3a340019cffc9d84c995599696c4e3e35e29f9b28d4c55ec97364c8e7</code> | 309 B | 1 | added |
      | linux/amd64 | <code>sha256:81dc6a80424dad90a059a5f4389d656988151706b758f6a829bc0c205dc7082b</code> | 309 B | 1 | added |

      | Annotation | Before | After |
      | --- | --- | --- |
      | <code>maintainer</code> |  | Foo |
      | <code>org.opencontainers.image.created</code> |  | 2020-01-10T00:30:00.000Z |
      | <code>org.opencontainers.image.description</code> |  | this is a &#34;bad&#34; example |
      | <code>org.opencontainers.image.licenses</code> |  | MIT |
      | <code>org.opencontainers.image.revision</code> |  | 860c1904a1ce19322e91ac35af1ab07466440c37 |
      | <code>org.opencontainers.image.source</code> |  | https&#58;//github.com/octocat/Hello-World |
      | <code>org.opencontainers.image.title</code> |  | MyNotTitle |
      | <code>org.opencontainers.image.url</code> |  | https&#58;//github.com/octocat/Hello-World |
      | <code>org.opencontainers.image.vendor</code> |  | MyNotCompany |
      | <code>org.opencontainers.image.version</code> |  | v1.1.1 |

      6 manifests pushed, 8 blobs copied (1.3 kB)
      "
    `);
  });

  it("turns annotations for manifests, as they are unless told otherwise, into the index's, with a notice", async () => {
    const hub = await runner.registry();
    build(hub, "org/app");
    const { status, log } = await runner.step({
      tags: placed(WITH_EQUALS_SIGN, hub).join("\n"),
      annotations: annotationsOutput(WITH_EQUALS_SIGN, "manifest"),
      labels: WITH_EQUALS_SIGN.labels.join("\n"),
      from: "digests",
    });
    expect(status).toBe(0);
    const notices = log.filter((line) => line.startsWith("::notice"));
    expect(notices).toHaveLength(1);
    expect(notices[0]).toMatch(
      /^::notice::annotations for manifest \(org\.opencontainers\.image\.created, .*DOCKER_METADATA_ANNOTATIONS_LEVELS/,
    );
    for (const tag of ["v1.1.1", "latest"]) {
      expect(listOf(hub.manifest("org/app", tag)?.body).annotations).toEqual({
        ...record(WITH_EQUALS_SIGN.labels),
        ...record(WITH_EQUALS_SIGN.annotations),
      });
    }
  });

  it("says nothing where they are for both", async () => {
    const hub = await runner.registry();
    build(hub, "org/app");
    const { log } = await runner.step({
      tags: placed(WITH_EQUALS_SIGN, hub).join("\n"),
      annotations: annotationsOutput(WITH_EQUALS_SIGN, "manifest", "index"),
      from: "digests",
    });
    expect(log).toEqual([expect.stringMatching(/ was pushed$/)]);
  });

  it.each([
    ["`=`", WITH_EQUALS_SIGN],
    ["nothing", EMPTY_VALUE],
  ])("keeps %s in values, and takes tags with commas between them", async (_what, metadata) => {
    const hub = await runner.registry();
    const tags = placed(metadata, hub);
    const [repository = "", tag = ""] = metadata.tags[0]?.split(":") ?? [];
    build(hub, repository);
    const { status } = await runner.step({
      tags: tags.join(","),
      labels: metadata.labels.join("\r\n"),
      from: "digests",
    });
    expect(status).toBe(0);
    expect(listOf(hub.manifest(repository, tag)?.body).annotations).toEqual(record(metadata.labels));
    expect(hub.tags(repository).sort()).toEqual(metadata.tags.map((one) => one.split(":")[1]).sort());
  });

  it("does not take bare tags for repositories of Docker Hub", async () => {
    const { status, log } = await runner.step({ tags: WITHOUT_IMAGES.join("\n"), from: "digests" });
    expect(status).toBe(1);
    expect(log).toEqual([
      '::error title=tsmanifest%3A USAGE::input tags: "mytag-master" is a tag without a repository%0A' +
        "set images of docker/metadata-action, or write the whole reference, such as ghcr.io/me/app:v1",
    ]);
  });
});

describe("the summary", () => {
  it("tells what has changed: images, attestations, platforms, annotations", async () => {
    const hub = await runner.registry();
    const step = { tags: `${hub.host}/org/app:latest`, from: "digests" };
    build(hub, "org/app", "old", ["amd64", "s390x"]);
    expect(await runner.step({ ...step, labels: "a=1\nb=2" })).toMatchObject({ status: 0 });
    runner.clear("digests");
    build(hub, "org/app", "new", ["amd64", "arm64"]);
    const tags = `${hub.host}/org/app:2\n${step.tags}`;
    const { status, summary } = await runner.step({ ...step, tags, labels: "b=| <b> `2`\nc=3" });
    expect(status).toBe(0);
    expect(summary.replaceAll(hub.host, "docker.io")).toMatchInlineSnapshot(`
      "### <code>docker.io/org/app:2</code> was pushed

      Digest: <code>sha256:aeb59c6a816b3d88a2ea23b43dd9509de4a2e5cdb2405773b099f12e75b43ac7</code>

      | Tag | Before |
      | --- | --- |
      | <code>docker.io/org/app:2</code> | new |
      | <code>docker.io/org/app:latest</code> | <code>sha256:ed35a660592423172ef5564973abeec5c942beabfb09cbee311253632b03e778</code> |

      | Platform | Digest | Size | Attestations | Change since <code>docker.io/org/app:latest</code> |
      | --- | --- | ---: | ---: | --- |
      | linux/arm64 | <code>sha256:a656bc20fa8f6015733fb9537b7a0fb90575924166245cb36c643a6f48c4fa3e</code> | 312 B | 1 | added |
      | linux/amd64 | <code>sha256:cfe542182db55eb8acfa1d660902e9294754d5d4b774985705db6e168fb8c9f9</code> | 312 B | 1 | was <code>sha256:3263ed56ac54fa5cc4350e7447d1234c1afebe70cb5db16c2f6fb6a0f32d6b44</code>, attestation changed |
      | linux/s390x | <code>sha256:13254a384427a1681b67eec2b9787d2c72355fd57169e696d3538ef73382d879</code> |  |  | removed |

      | Annotation | Before | After |
      | --- | --- | --- |
      | <code>a</code> | 1 |  |
      | <code>b</code> | 2 | &#124; &#60;b&#62; &#96;2&#96; |
      | <code>c</code> |  | 3 |

      1 manifest pushed
      "
    `);
  });

  it("tells where all is as it was", async () => {
    const hub = await runner.registry();
    build(hub, "org/app");
    const step = { tags: `${hub.host}/org/app:latest`, from: "digests" };
    const first = await runner.step(step);
    const again = await runner.step(step);
    expect(again.outputs["digest"]).toBe(first.outputs["digest"]);
    expect(again.summary.replaceAll(hub.host, "docker.io")).toMatchInlineSnapshot(`
      "### <code>docker.io/org/app:latest</code> is already in the registry

      Digest: <code>sha256:6843c1631905e6b08c42142a1668fa74bfde87538db3c7b6e876d2b5ae3992de</code>

      | Tag | Before |
      | --- | --- |
      | <code>docker.io/org/app:latest</code> | unchanged |

      | Platform | Digest | Size | Attestations | Change |
      | --- | --- | ---: | ---: | --- |
      | linux/arm64 | <code>sha256:edfc83f3a340019cffc9d84c995599696c4e3e35e29f9b28d4c55ec97364c8e7</code> | 309 B | 1 | unchanged |
      | linux/amd64 | <code>sha256:81dc6a80424dad90a059a5f4389d656988151706b758f6a829bc0c205dc7082b</code> | 309 B | 1 | unchanged |
      "
    `);
  });
});

describe("push: false", () => {
  it("sends nothing, and tells what would be pushed", async () => {
    const hub = await runner.registry();
    build(hub, "org/app");
    const tags = `${hub.host}/org/app:1\n${hub.host}/org/app:latest`;
    const step = { tags, from: "digests", annotations: "index:a=b" };
    const planned = await runner.step({ ...step, push: "false" });
    expect(planned.status).toBe(0);
    expect(changesIn(hub)).toEqual([]);
    expect(planned.summary).toContain(" would be pushed\n");

    const pushed = await runner.step(step);
    const digest = hub.manifest("org/app", "latest")?.digest;
    expect(pushed.outputs["digest"]).toBe(digest);
    const { json: plan = "", "json-file": file = "", ...outputs } = planned.outputs;
    expect(outputs).toEqual({
      digest,
      image: pushed.outputs["image"],
      platforms: pushed.outputs["platforms"],
      tags: "",
    });
    expect(readFileSync(file, "utf8")).toBe(plan);
    expect(JSON.parse(plan)).toMatchObject({ targets: [{ root: { digest } }] });
    // Of the sizes, too: they are read from where the images come from.
    const sized = (summary: string): string[] => summary.match(/\| \d+ B \|/g) ?? [];
    expect(sized(planned.summary)).toHaveLength(2);
    expect(sized(planned.summary)).toEqual(sized(pushed.summary));
  });

  it("reads sizes of images in another repository, too", async () => {
    const hub = await runner.registry();
    const image = hub.putImage("build/amd64", { tag: "7", layers: ["12345"] });
    const sources = `# the only one\n${hub.host}/build/amd64:7\n`;
    const { summary } = await runner.step({ tags: `${hub.host}/org/app:1`, sources, push: "false" });
    expect(changesIn(hub)).toEqual([]);
    expect(summary).toMatch(
      new RegExp(`\\| linux/amd64 \\| .*${image.digest}.* \\| \\d+ B \\| 0 \\| added \\|`),
    );
  });
});
