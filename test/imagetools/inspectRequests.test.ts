import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { run } from "../../src/cli.js";
import { digestOf } from "../../src/oci/digest.js";
import { cli, recordingContext } from "../helpers/cli.js";
import { seed } from "../helpers/images.js";
import { answer, startPeer, type Peer } from "../helpers/peer.js";
import { contents } from "./inspectContents.js";

describe("imagetools inspect", () => {
  let registry: Peer;
  /** Paths that the registry has nothing under. */
  const missing = new Set<string>();
  /** How many requests there were before the test. */
  let before = 0;

  beforeAll(async () => {
    registry = await startPeer({
      intercept: ({ url = "" }, response) =>
        missing.has(url) && answer(response, 404, {}, `{"errors":[{"code":"MANIFEST_UNKNOWN"}]}`),
    });
    await seed(`http://${registry.host}`, contents);
  });
  afterAll(() => registry.close());
  beforeEach(() => {
    before = registry.seen.length;
    missing.clear();
  });

  const inspect = (tag: string, ...flags: string[]): ReturnType<typeof cli> =>
    cli(["imagetools", "inspect", ...flags, `${registry.host}/team/app:${tag}`]);

  /** What was asked for, digests by the tag of the manifest or by what the blob is. */
  function asked(): string[] {
    const names = new Map(
      contents.flatMap(({ tag, digest, blobs }) => [
        [digest, tag] as const,
        ...blobs.map(
          (blob, index) => [digestOf(blob), `${tag} ${index === 0 ? "config" : `layer ${index}`}`] as const,
        ),
      ]),
    );
    return registry.seen
      .slice(before)
      .filter(({ path }) => path !== "/v2/")
      .map(({ method, path }) => `${method} ${path.split("/").slice(-2).join(" ")}`)
      .map((line) => line.replace(/sha256:\w+/, (digest) => names.get(digest) ?? digest))
      .sort();
  }

  it.each([
    ["no format", []],
    ["--raw", ["--raw"]],
    ["the manifest as a whole", ["--format", "{{.Manifest}}"]],
    ["its digest", ["--format", "{{.Manifest.Digest}}"]],
    ["its JSON", ["--format", "{{json .Manifest}}"]],
    ["its manifests", ["--format", "{{range .Manifest.Manifests}}{{json .}}{{end}}"]],
  ])("asks for one manifest where that is all it shows: %s", async (_, flags) => {
    expect(await inspect("multi", ...flags)).toMatchObject({ status: 0, stderr: "" });
    expect(asked()).toEqual(["GET manifests multi"]);
  });

  it("asks for images and their configs where those are shown, not for attestations", async () => {
    expect(await inspect("multi", "--format", "{{json .}}")).toMatchObject({ status: 0, stderr: "" });
    expect(asked()).toEqual([
      ...["arm config", "docker config", "oci config"].map((name) => `GET blobs ${name}`),
      ...["arm", "docker", "multi", "oci"].map((name) => `GET manifests ${name}`),
    ]);
  });

  it("asks for attestations where those are shown, not for images", async () => {
    expect(await inspect("multi", "--format", "{{json .Provenance}}")).toMatchObject({
      status: 0,
      stderr: "",
    });
    expect(asked()).toEqual([
      ...["both layer 2", "signed layer 2"].map((name) => `GET blobs ${name}`),
      ...["both", "multi", "signed"].map((name) => `GET manifests ${name}`),
    ]);
  });

  it("asks for nothing twice", async () => {
    const everything = "{{json .}}{{json .SBOM}}{{json .Provenance}}";
    expect(await inspect("nested", "--format", everything)).toMatchObject({ status: 0, stderr: "" });
    expect(asked()).toEqual([...new Set(asked())]);
  });

  it("asks for nothing where the command line is wrong", async () => {
    expect(await inspect("multi", "--raw", "--format", "x")).toEqual({
      status: 1,
      stdout: "",
      stderr: "ERROR: format and raw cannot be used together\n",
    });
    expect(await inspect("multi", "--format", "{{nothing}}")).toEqual({
      status: 1,
      stdout: "",
      stderr: `ERROR: template: :1: function "nothing" not defined\n`,
    });
    expect(asked()).toEqual([]);
  });

  it("says what is not there, by its whole name", async () => {
    expect(await inspect("nowhere")).toEqual({
      status: 1,
      stdout: "",
      stderr: [
        `ERROR: ${registry.host}/team/app:nowhere: not found`,
        `${registry.host} has no tag nowhere in team/app: check the name, and whether it was pushed\n`,
      ].join("\n"),
    });
  });

  it("can do without an image that is gone as long as nothing of it is shown", async () => {
    const digest = contents.find(({ tag }) => tag === "oci")?.digest ?? "";
    missing.add(`/v2/team/app/manifests/${digest}`);
    expect(await inspect("multi", "--format", "{{len .Manifest.Manifests}}")).toMatchObject({ stdout: "5" });
    const { status, stdout, stderr } = await inspect("multi", "--format", "{{json .Image}}");
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toMatch(/^ERROR: /);
    expect(stderr).toContain(digest);
  });

  it("shows attestations that cannot be read as none there are, and says so", async () => {
    const { status, stdout, stderr } = await inspect("single-broken", "--format", "{{json .Provenance}}");
    expect({ status, stdout }).toEqual({ status: 0, stdout: "{}" });
    expect(stderr).toMatch(
      /^WARNING: an attestation cannot be read: attestation sha256:\w+: a number in JSON .+\n$/,
    );
  });

  it("prints nothing that a terminal would obey, and leaves the bytes alone where there is none", async () => {
    const shown = async (isTTY: boolean): Promise<string> => {
      const chunks: Buffer[] = [];
      const { context } = recordingContext({
        stdout: { write: (text) => chunks.push(Buffer.from(text)), isTTY },
      });
      const argv = [
        "imagetools",
        "inspect",
        "--format",
        '{{"\\u001b"}}[31m',
        `${registry.host}/team/app:oci`,
      ];
      expect(await run(argv, context)).toBe(0);
      return Buffer.concat(chunks).toString();
    };
    expect(await shown(true)).toBe("\\u001b[31m");
    expect(await shown(false)).toBe("\u001b[31m");
  });
});
