import { describe, expect, it } from "vitest";
import { hasCode, messageOf } from "../../../src/errors.js";
import { executeTemplate } from "../../../src/go/template/execute.js";
import { mentions, parseTemplate, templateSource } from "../../../src/go/template/parse.js";
import { goAnyValue, goGetter, goStringValue, goStructValue } from "../../../src/go/values.js";

/** The error of a template that is not to be executed, or that fails. */
function errorOf(template: string, data: unknown = {}): unknown {
  try {
    executeTemplate(parseTemplate(template), goAnyValue(data));
  } catch (error) {
    return error;
  }
  return undefined;
}

describe("a template that would go on for ever", () => {
  it.each([
    ["counts to a large number", "{{range 9223372036854775807}}{{end}}"],
    ["calls itself", '{{define "t"}}{{template "t"}}{{end}}{{template "t"}}'],
    [
      "calls itself within branches",
      '{{define "t"}}{{if true}}{{with 1}}{{template "t"}}{{end}}{{end}}{{end}}{{template "t"}}',
    ],
    ["doubles a text", '{{$x := "0123456789"}}{{range 64}}{{$x = print $x $x}}{{end}}'],
    ["prints a lot", '{{$x := printf "%1000000d" 1}}{{range 1000}}{{$x}}{{end}}'],
    ["prints a lot in one value", '{{printf "%1000000v" .list | len}}'],
    ["is nested deeply", "{{if 1}}".repeat(5000) + "{{end}}".repeat(5000)],
    ["has many parentheses", `{{${"(".repeat(5000)}1${")".repeat(5000)}}}`],
    ["has many branches", `{{if 1}}${"{{else if 1}}".repeat(5000)}{{end}}`],
  ])("is stopped when it %s", (_what, template) => {
    const error = errorOf(template, { list: Array.from({ length: 1000 }, () => 1) });
    expect(hasCode(error, "LIMIT")).toBe(true);
    expect(messageOf(error)).toMatch(/^template: .* more than \d+/);
  });

  it("is not what one reads a deep document with", () => {
    let document: unknown = "leaf";
    for (let depth = 0; depth < 100; depth++) document = { inner: document };
    const walk =
      '{{define "t"}}{{if eq (printf "%T" .) "string"}}{{.}}{{else}}{{range .}}{{template "t" .}}{{end}}{{end}}{{end}}';
    const template = parseTemplate(`${walk}{{template "t" .}}`);
    expect(executeTemplate(template, goAnyValue(document))).toBe("leaf");
  });
});

describe("what Go's templates can do and ours cannot", () => {
  it.each([
    ["{{call .f}}", "template: the function call cannot be used here"],
    ["{{1i}}", "template: the complex number 1i cannot be used here"],
    ["{{1+2i}}", "template: the complex number 1+2i cannot be used here"],
    ['{{"\\xff"}}', 'template: the string "\\xff", which is not UTF-8, cannot be used here'],
    ['{{printf "%p" .}}', "template: the verb %p, which prints an address, cannot be used here"],
    ['{{slice "é" 1}}', "template: half a character, cut by slice, cannot be used here"],
  ])("refuses %s in one line", (template, message) => {
    const error = errorOf(template);
    expect(hasCode(error, "USAGE")).toBe(true);
    expect(messageOf(error)).toBe(message);
  });
});

describe("what a template asks for", () => {
  it.each([
    ["{{.SBOM}}", true],
    ["{{json .SBOM.SPDX}}", true],
    ['{{range .Images}}{{(index $ "x").SBOM}}{{end}}', true],
    ['{{define "t"}}{{with $}}{{$.SBOM}}{{end}}{{end}}', true],
    ["{{if .Name}}{{else if .SBOM}}{{end}}", true],
    ["{{$x := .SBOM}}", true],
    ['{{template "t" .SBOM}}{{define "t"}}{{end}}', true],
    ["{{print (print (print .SBOM))}}", true],
    ["{{json .}} SBOM {{`.SBOM`}} {{.Name.SBOMS}}", false],
    ["", false],
  ])("%s: %s for SBOM", (template, expected) => {
    expect(mentions(parseTemplate(template, ["json"]), "SBOM")).toBe(expected);
  });

  it("is never evaluated where it is not mentioned", () => {
    const methods = new Map([
      [
        "SBOM",
        goGetter(() => {
          throw new Error("asked for");
        }),
      ],
    ]);
    const data = goStructValue("main.Input", [], { methods });
    expect(executeTemplate(parseTemplate("{{.}}{{len (print .)}}"), data)).toBe("{}2");
  });
});

describe("a template as Go prints it", () => {
  it.each([
    ["{{.Manifest}}", "{{.Manifest}}"],
    ["{{- .Manifest -}}", "{{.Manifest}}"],
    ["{{/* comment */}}{{  .Manifest\n}}", "{{.Manifest}}"],
    ['{{define "x"}}y{{end}}{{.Manifest}}', "{{.Manifest}}"],
    [" {{.Manifest}}\n", " {{.Manifest}}\n"],
    ["{{(.Manifest)}}", "{{(.Manifest)}}"],
    ["{{.Manifest.Digest}}", "{{.Manifest.Digest}}"],
  ])("%j is %j", (template, expected) => {
    expect(templateSource(parseTemplate(template))).toBe(expected);
  });
});

describe("an error in a template", () => {
  it("keeps what a method threw", () => {
    const cause = new Error("no such thing");
    const methods = new Map([
      [
        "Broken",
        goGetter(() => {
          throw cause;
        }),
      ],
    ]);
    const run = () =>
      executeTemplate(parseTemplate("{{.Broken}}"), goStructValue("main.Input", [], { methods }));
    expect(run).toThrow(
      expect.objectContaining({
        code: "USAGE",
        message: 'template: :1:2: executing "" at <.Broken>: error calling Broken: no such thing',
        cause,
      }),
    );
  });

  it("is found in a long template at once", () => {
    const lines = "{{.x}}\n".repeat(50_000);
    expect(messageOf(errorOf(`${lines}{{nope}}`))).toBe('template: :50001: function "nope" not defined');
  });

  it("names a type by its package", () => {
    const data = goStructValue("imagetools.tplInput", []);
    expect(() => executeTemplate(parseTemplate("{{.Foo}}"), data)).toThrow(
      'template: :1:2: executing "" at <.Foo>: can\'t evaluate field Foo in type imagetools.tplInput',
    );
    expect(() => executeTemplate(parseTemplate("{{.}}"), goStringValue("x"))).not.toThrow();
  });
});
