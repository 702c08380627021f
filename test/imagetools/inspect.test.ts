import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildx } from "../helpers/buildx.js";
import { recordingContext } from "../helpers/cli.js";
import { seed } from "../helpers/images.js";
import { startPeer, type Peer } from "../helpers/peer.js";
import { peerPath } from "../helpers/peers.js";
import { describeWithPrograms } from "../helpers/registryServer.js";
import { run } from "../../src/cli.js";
import { configDigest, contents, elsewhere, inKeyOrder } from "./inspectContents.js";

/** Shown of each of the contents, beside `--raw` and no format at all. */
const EVERYWHERE = [
  "{{json .}}",
  "{{json .Manifest}}",
  "{{.Manifest}}",
  "{{.Name}} {{.Manifest.Digest}}",
  "{{json .Image}}",
  "{{json .SBOM}}",
  "{{json .Provenance}}",
];

/** Those of a list of several platforms that has everything. */
const OF_MANY = [
  "{{.Manifest.Digest}}",
  "{{ .Manifest.Digest }}\n",
  "{{json .Manifest.Digest}}",
  "{{.Manifest.MediaType}} {{.Manifest.Size}} {{.Manifest.SchemaVersion}}",
  '{{printf "%s" .Manifest.Digest}}',
  '{{printf "%q %v %d %s" .Name .Manifest.Size .Manifest.SchemaVersion .Manifest.MediaType}}',
  "{{len .Manifest.Manifests}}",
  '{{range .Manifest.Manifests}}{{.Platform.OS}}/{{.Platform.Architecture}}{{"\\n"}}{{end}}',
  "{{range .Manifest.Manifests}}{{.Platform.OS}}/{{.Platform.Architecture}}{{println}}{{end}}",
  '{{range .Manifest.Manifests}}{{if .Platform}}{{if ne .Platform.OS "unknown"}}{{.Platform.OS}}/{{.Platform.Architecture}} {{end}}{{end}}{{end}}',
  '{{range .Manifest.Manifests}}{{if and (eq .Platform.OS "linux") (eq .Platform.Architecture "arm64")}}{{.Digest}}{{end}}{{end}}',
  "{{range .Manifest.Manifests}}{{.Platform.OS}}/{{.Platform.Architecture}}{{if .Platform.Variant}}/{{.Platform.Variant}}{{end}} {{end}}",
  '{{range $i, $m := .Manifest.Manifests}}{{$i}}: {{$m.Digest}} {{index $m.Annotations "vnd.docker.reference.type"}}\n{{end}}',
  '{{range .Manifest.Manifests}}{{if eq (index .Annotations "vnd.docker.reference.type") "attestation-manifest"}}{{.Digest}}\n{{end}}{{end}}',
  "{{range .Manifest.Manifests}}{{json .}}\n{{end}}",
  "{{json (index .Manifest.Manifests 0)}}",
  "{{(index .Manifest.Manifests 1).Digest}}",
  '{{with index .Manifest.Manifests 0}}{{.Digest}}{{"@"}}{{$.Name}}{{end}}',
  "{{.Manifest.Digest.Algorithm}} {{.Manifest.Digest.Encoded}} {{.Manifest.Digest.Hex}} {{.Manifest.Digest.String}}",
  "{{.Manifest.Annotations}} {{len .Manifest.Annotations}}",
  "{{range $k, $v := .Manifest.Annotations}}{{$k}}={{$v}};{{end}}",
  '{{index .Manifest.Annotations "nowhere"}}|{{index .Manifest.Annotations "org.opencontainers.image.version"}}',
  '{{json (index .Image "linux/amd64")}}',
  '{{json (index .Image "linux/s390x")}}',
  '{{json (index .Image "linux/amd64").Config.Labels}}',
  '{{(index .Image "linux/amd64").Created}} {{(index .Image "linux/amd64").Author}}',
  '{{(index .Image "linux/arm64").OS}}/{{(index .Image "linux/arm64").Architecture}}/{{(index .Image "linux/arm64").Variant}}',
  '{{index (index .Image "linux/amd64").Config.Labels "org.opencontainers.image.revision"}}',
  '{{index (index .Image "linux/arm64").Config.Labels "org.opencontainers.image.revision"}}',
  "{{range $platform, $image := .Image}}{{$platform}} {{$image.Created}} {{len $image.History}}\n{{end}}",
  "{{range $platform, $_ := .Image}}{{$platform}}\n{{end}}",
  "{{len .Image}} {{len .SBOM}} {{len .Provenance}}",
  '{{if .Image}}yes{{else}}no{{end}} {{if index .Image "linux/s390x"}}yes{{else}}no{{end}}',
  "{{json .SBOM}}{{json .Provenance}}",
  '{{json (index .SBOM "linux/amd64")}}',
  '{{json (index .SBOM "linux/amd64").SPDX}}',
  '{{json (index .SBOM "linux/arm64").AdditionalSPDXs}}',
  '{{range (index .SBOM "linux/amd64").SPDX.packages}}{{.name}}@{{.versionInfo}}\n{{end}}',
  '{{ json (index .Provenance "linux/amd64").SLSA }}',
  '{{ json (index .Provenance "linux/arm/v7").SLSA }}',
  '{{json (index .Provenance "linux/amd64").SLSA.buildDefinition.resolvedDependencies}}',
  '{{range (index .Provenance "linux/arm64").SLSA.buildDefinition.resolvedDependencies}}{{.uri}}\n{{end}}',
  '{{(index .Provenance "linux/amd64").SLSA.buildDefinition.buildType}}',
  '{{(index .Provenance "linux/amd64").SLSA.a}}',
  '{{(index .Provenance "linux/amd64").SLSA.nothing}}|{{(index .Provenance "linux/amd64").SLSA.list}}',
  "{{range $platform, $p := .Provenance}}{{$platform}} {{len $p.SLSA}}\n{{end}}",
  '{{with (index .Provenance "linux/s390x").SLSA}}{{json .}}{{else}}none{{end}}',
  '{{eq .Manifest.MediaType "application/vnd.oci.image.index.v1+json"}} {{not .Image}} {{or .Nothing "x"}}',
  '{{or "" .Name}} {{and .Name "x"}}',
  '{{printf "%-20s|" .Manifest.MediaType}}{{printf "%.7s" .Manifest.Digest.Encoded}}',
  "{{slice .Manifest.Digest.Encoded 0 12}}",
  "{{- /* a comment */ -}} {{- .Manifest -}} \n",
  "{{ .Manifest}}{{/* and no more */}}",
  "x{{.Manifest.Digest}}",
  "no action at all",
  "{{range .Manifest.Manifests}}{{.Platform}} {{.Annotations}} {{.URLs}} {{.Data}}\n{{end}}",
  "{{with .Manifest}}{{json .Digest}}{{end}}",
  '{{define "one"}}{{.Digest}} {{end}}{{range .Manifest.Manifests}}{{template "one" .}}{{end}}',
  "{{$m := .Manifest}}{{$m.Digest}} {{len $m.Manifests}}",
  '{{.Name | printf "%s!"}} {{.Manifest.Digest | json}}',
  "{{html .Name}} {{js .Name}} {{urlquery .Name}}",
  "{{range .Manifest.Manifests}}{{else}}none{{end}}",
];

/** Those of a single image that has everything. */
const OF_ONE = [
  "{{.Image.OS}}/{{.Image.Architecture}}",
  "{{.Image.Platform.OS}} {{.Image.Variant}} {{.Image.OSVersion}}",
  "{{.Image}}",
  "{{.Image.Created}}",
  "{{json .Image.Created}}",
  "{{.Image.Author}}",
  "{{json .Image.Config}}",
  "{{json .Image.Config.Labels}}",
  '{{ index .Image.Config.Labels "org.opencontainers.image.revision" }}',
  '{{index .Image.Config.Labels "nowhere"}}',
  "{{.Image.Config.Env}} {{.Image.Config.User}} {{.Image.Config.ExposedPorts}} {{.Image.Config.ArgsEscaped}}",
  "{{range .Image.Config.Env}}{{println .}}{{end}}",
  '{{range $k, $v := .Image.Config.Labels}}{{printf "%s=%q\\n" $k $v}}{{end}}',
  "{{range .Image.History}}{{.Created}} {{.CreatedBy}} {{.EmptyLayer}}\n{{end}}",
  "{{range .Image.RootFS.DiffIDs}}{{.}} {{.Encoded}}\n{{end}}",
  "{{len .Image.RootFS.DiffIDs}} {{.Image.RootFS.Type}} {{.Image.RootFS}}",
  "{{.Manifest.Digest}} {{.Manifest.Size}} {{.Manifest.Platform}} {{.Manifest.URLs}}",
  "{{json .Provenance.SLSA}}",
  "{{json .SBOM.SPDX}}",
  "{{ .Provenance.SLSA.buildType }}",
  "{{json .Provenance.SLSA.buildDefinition}}",
  "{{range .SBOM.SPDX.packages}}{{.name}} {{end}}",
  "{{if .Provenance.SLSA}}attested{{else}}not attested{{end}}",
  "{{with .SBOM.SPDX}}{{.SPDXID}}{{else}}none{{end}}",
  "{{.Provenance}}|{{.SBOM}}",
  "{{.Provenance.SLSA}}|{{.SBOM.SPDX}}|{{.SBOM.AdditionalSPDXs}}",
];

describeWithPrograms("imagetools inspect beside buildx", [peerPath("buildx")], () => {
  let registry: Peer;
  let home: string;

  beforeAll(async () => {
    registry = await startPeer();
    home = mkdtempSync(join(tmpdir(), "inspect-"));
    await seed(`http://${registry.host}`, [...contents, elsewhere]);
  });
  afterAll(async () => {
    await registry.close();
    rmSync(home, { recursive: true });
  });

  /** Command lines that neither completes. */
  const refused: string[] = [];

  /** Both complete it and print the same, or neither does. */
  async function expectSame(args: readonly string[]): Promise<void> {
    const argv = ["imagetools", "inspect", ...args.map((arg) => arg.replace("HOST", registry.host))];
    const recording = recordingContext({ env: { DOCKER_CONFIG: home }, home });
    const [status, theirs] = await Promise.all([run(argv, recording.context), buildx(argv, home)]);
    const stdout = recording.stdoutBytes().toString("latin1");
    if (theirs.status !== 0) refused.push(args.join(" "));
    expect({ args, status, stdout }).toEqual({
      args,
      status: theirs.status,
      stdout: theirs.status === 0 ? inKeyOrder(theirs.stdoutBytes.toString("latin1")) : stdout,
    });
  }

  describe.each(contents.map(({ tag }) => tag))("%s", (tag) => {
    it("is shown as text and raw", async () => {
      await expectSame([`HOST/team/app:${tag}`]);
      await expectSame(["--raw", `HOST/team/app:${tag}`]);
    });

    it("is shown by the usual templates", async () => {
      await Promise.all(EVERYWHERE.map((format) => expectSame(["--format", format, `HOST/team/app:${tag}`])));
    });
  });

  it.each(OF_MANY)("a list by %j", async (format) => {
    await expectSame(["--format", format, "HOST/team/app:multi"]);
  });

  it.each(OF_ONE)("an image by %j", async (format) => {
    await expectSame([`HOST/team/app:single`, "--format", format]);
    await expectSame([`HOST/team/app:docker`, `--format=${format}`]);
    await expectSame([`--format=${format}`, `HOST/team/app:single-old`]);
  });

  it("by digest, which counts more than the tag beside it", async () => {
    const [one, other] = contents;
    for (const name of [`@${one?.digest}`, `:${other?.tag}@${one?.digest}`, `@${configDigest}`]) {
      await expectSame([`HOST/team/app${name}`]);
      await expectSame([`HOST/team/app${name}`, "--raw"]);
      await expectSame([`HOST/team/app${name}`, "--format", "{{json .}}"]);
    }
  });

  it("with URLs, where buildx would have the content from", async () => {
    await expectSame(["HOST/team/app:elsewhere"]);
    await expectSame(["HOST/team/app:elsewhere", "--raw"]);
  });

  it("by fewer requests, and in all by at most half as many", async () => {
    const counted = async (show: () => Promise<unknown>): Promise<number> => {
      const before = registry.seen.length;
      await show();
      return registry.seen.length - before;
    };
    let all = { ours: 0, theirs: 0 };
    for (const tag of ["docker", "single", "multi", "nested"]) {
      for (const flags of [[], ["--raw"], ...EVERYWHERE.map((format) => ["--format", format])]) {
        const argv = ["imagetools", "inspect", ...flags, `${registry.host}/team/app:${tag}`];
        const { context } = recordingContext({ env: { DOCKER_CONFIG: home }, home });
        const theirs = await counted(() => buildx(argv, home));
        const ours = await counted(() => run(argv, context));
        expect({ argv, ours, theirs, isFewer: ours < theirs }).toEqual({ argv, ours, theirs, isFewer: true });
        all = { ours: all.ours + ours, theirs: all.theirs + theirs };
      }
    }
    expect(all.ours).toBeLessThanOrEqual(all.theirs / 2);
  });

  it("of which few are refused: what a template asks for is not always there", () => {
    expect(refused.length).toBeLessThan(10);
  });
});
