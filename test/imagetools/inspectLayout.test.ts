import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../../src/cli.js";
import { digestOf } from "../../src/oci/digest.js";
import { buildx } from "../helpers/buildx.js";
import { recordingContext } from "../helpers/cli.js";
import { peerPath } from "../helpers/peers.js";
import { describeWithPrograms } from "../helpers/registryServer.js";
import { configDigest, contents, inKeyOrder } from "./inspectContents.js";

/** What the layout's index.json says of its entries; buildx shows it of images. */
const TAGS: Readonly<Record<string, object>> = {
  docker: { platform: { architecture: "s390x", os: "linux" }, annotations: { a: "<b>" } },
  oci: { artifactType: "a/b", urls: ["https://a.example/"] },
  multi: { annotations: { "org.opencontainers.image.created": "2024-01-01T00:00:00Z" } },
  single: {},
  nested: { platform: { architecture: "amd64", os: "linux" } },
  artifacts: {},
  embedded: { annotations: { "vnd.docker.reference.digest": `sha256:${"1".repeat(64)}` } },
  bare: {},
};

const FORMATS = [
  undefined,
  "--raw",
  "{{json .}}",
  "{{.Manifest}}",
  "{{.Name}} {{.Manifest.Digest}} {{.Manifest.MediaType}}",
  "{{json .SBOM}}{{json .Provenance}}",
];

describeWithPrograms("imagetools inspect of a layout beside buildx", [peerPath("buildx")], () => {
  let home: string;
  let folder: string;

  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), "inspect-layout-"));
    folder = join(home, "out");
    mkdirSync(join(folder, "blobs", "sha256"), { recursive: true });
    for (const { body, blobs } of contents) for (const bytes of [body, ...blobs]) writeBlob(bytes);
    const manifests = Object.entries(TAGS).map(([name, more]) => {
      const { mediaType, body, digest } = contentOf(name);
      const given: { annotations?: object } = more;
      const annotations = { ...given.annotations, "org.opencontainers.image.ref.name": name };
      return { mediaType, digest, size: body.byteLength, ...more, annotations };
    });
    const latest = { ...manifests[1], annotations: { "org.opencontainers.image.ref.name": "latest" } };
    writeFileSync(join(folder, "oci-layout"), `{"imageLayoutVersion":"1.0.0"}`);
    writeFileSync(
      join(folder, "index.json"),
      JSON.stringify({ schemaVersion: 2, manifests: [...manifests, latest] }),
    );
  });
  afterAll(() => {
    rmSync(home, { recursive: true });
  });

  function writeBlob(bytes: Buffer): void {
    writeFileSync(join(folder, "blobs", "sha256", digestOf(bytes).slice("sha256:".length)), bytes);
  }

  async function expectSame(name: string, format: string | undefined): Promise<void> {
    const flags = format === undefined ? [] : format === "--raw" ? [format] : ["--format", format];
    const args = ["imagetools", "inspect", ...flags, name];
    const recording = recordingContext({ env: { DOCKER_CONFIG: home }, home });
    const [status, theirs] = await Promise.all([run(args, recording.context), buildx(args, home)]);
    expect({ args, status, stdout: recording.stdout() }).toEqual({
      args,
      status: theirs.status,
      stdout: theirs.status === 0 ? inKeyOrder(theirs.stdoutBytes.toString()) : recording.stdout(),
    });
  }

  describe.each(Object.keys(TAGS))("%s", (tag) => {
    it("by tag", async () => {
      for (const format of FORMATS) await expectSame(`oci-layout://${folder}:${tag}`, format);
    });

    it("by digest, with the tag of another beside it and without", async () => {
      const { digest } = contentOf(tag);
      for (const format of FORMATS) {
        await expectSame(`oci-layout://${folder}@${digest}`, format);
        await expectSame(`oci-layout://${folder}:oci@${digest}`, format);
      }
    });
  });

  it("without tag and digest: latest", async () => {
    for (const format of FORMATS) await expectSame(`oci-layout://${folder}`, format);
  });

  it("a config, by its digest", async () => {
    for (const format of [undefined, "--raw"])
      await expectSame(`oci-layout://${folder}@${configDigest}`, format);
  });
});

function contentOf(name: string): (typeof contents)[number] {
  const found = contents.find(({ tag }) => tag === name);
  if (found === undefined) throw new Error(`no content is called ${name}`);
  return found;
}
