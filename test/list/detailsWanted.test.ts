import { describe, expect, it } from "vitest";
import { parseTemplate } from "../../src/go/template/parse.js";
import { detailsWanted, isWholeManifest } from "../../src/list/detailsWanted.js";

const parse = (text: string): ReturnType<typeof parseTemplate> => parseTemplate(text, ["json"]);

describe("what a template wants of the images", () => {
  it.each([
    ["{{.Manifest.Digest}}", ""],
    ["{{json .Manifest}} {{.Name}}", ""],
    ["{{range .Manifest.Manifests}}{{json .}}{{end}}", ""],
    ["{{with .Manifest}}{{.}}{{end}}", ""],
    ["{{$m := .Manifest}}{{json $m}} {{$.Name}}", ""],
    ['{{define "x"}}{{json .}} {{$}}{{end}}{{template "x" .Manifest}}', ""],
    ["plain", ""],
    ["{{.}}", "configs"],
    ["{{json .}}", "configs"],
    ["{{with .Manifest}}{{json $}}{{end}}", "configs"],
    ["{{with .Nothing}}{{else}}{{json .}}{{end}}", "configs"],
    ["{{if .Name}}{{json .}}{{end}}", "configs"],
    ["{{with .}}{{.Name}}{{end}}", "configs"],
    ['{{define "x"}}{{json .}}{{end}}{{template "x" .}}', "configs"],
    ['{{block "x" .}}{{.Name}}{{end}}', "configs"],
    ["{{(.).Name}}", "configs"],
    ["{{json .Image}}", "configs"],
    ['{{(index .Image "linux/amd64").OS}}', "configs"],
    ["{{json .SBOM}}", "sboms"],
    ["{{.Provenance.SLSA}}", "provenance"],
    ["{{with .Manifest}}{{$.SBOM.SPDX}}{{end}}", "sboms"],
    ["{{json .}}{{.SBOM}}{{.Provenance}}", "configs sboms provenance"],
  ])("%s: %s", (text, wanted) => {
    const parts = Object.entries(detailsWanted(parse(text))).filter(([, isWanted]) => isWanted);
    expect(parts.map(([name]) => name).join(" ")).toBe(wanted);
  });

  it.each([
    ["{{.Manifest}}", true],
    [" {{- .Manifest -}}\n\n", true],
    ["{{/* all of it */}}{{ .Manifest }}", true],
    ["{{.Manifest}}x", false],
    ["{{$.Manifest}}", false],
    ["{{(.Manifest)}}", false],
    ["{{json .Manifest}}", false],
    ["{{.Manifest}}{{.Manifest}}", false],
  ])("%j is the whole manifest: %s", (text, isWhole) => {
    expect(isWholeManifest(parse(text))).toBe(isWhole);
  });
});
