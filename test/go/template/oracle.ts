import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as z from "zod/mini";
import { messageOf } from "../../../src/errors.js";
import { marshalIndented } from "../../../src/go/marshal.js";
import { executeTemplate } from "../../../src/go/template/execute.js";
import { parseTemplate, templateSource } from "../../../src/go/template/parse.js";
import {
  ANY,
  goAnyField,
  goAnyValue,
  goBoolValue,
  goBytesValue,
  goEmbedded,
  goField,
  goFloatValue,
  goGetter,
  goIntValue,
  goMapValue,
  goNil,
  goNilPointer,
  goPointerTo,
  goSliceValue,
  goStringMapValue,
  goStringsValue,
  goStringValue,
  goStructValue,
  type GoFunction,
  type GoStruct,
  type GoText,
  type GoValue,
} from "../../../src/go/values.js";

/** A template and what it sees: decoded JSON, or a struct of many types with that in its field `Decoded`. */
export interface TemplateCase {
  readonly template: string;
  readonly data: unknown;
  readonly isStruct: boolean;
}

/** What came of it: an output and how the parse tree prints, or an error. */
export interface TemplateResult {
  readonly output: string;
  readonly tree: string;
  readonly error: string;
}

const Results = z.array(z.object({ output: z.string(), tree: z.string(), error: z.string() }));

/** Go's own text/template, compiled from `oracle.go`. */
export class GoOracle {
  readonly #folder = mkdtempSync(join(tmpdir(), "go-template-"));
  readonly #program = join(this.#folder, "oracle");

  constructor() {
    const source = fileURLToPath(new URL("oracle.go", import.meta.url));
    this.#run("go", ["build", "-o", this.#program, source], "");
  }

  results(cases: readonly TemplateCase[]): TemplateResult[] {
    const answers: unknown = JSON.parse(this.#run(this.#program, [], JSON.stringify(cases)));
    return Results.parse(answers).map((one) => ({
      ...one,
      output: Buffer.from(one.output, "base64").toString(),
    }));
  }

  close(): void {
    rmSync(this.#folder, { recursive: true });
  }

  #run(program: string, args: readonly string[], input: string): string {
    const options = { input, encoding: "utf8", maxBuffer: 1024 ** 3, cwd: this.#folder } as const;
    const { status, stdout, stderr, error } = spawnSync(program, args, options);
    if (status !== 0) throw new Error(`${program}: ${stderr || messageOf(error)}`);
    return stdout;
  }
}

/** The same by ours. */
export function resultOf({ template, data, isStruct }: TemplateCase): TemplateResult {
  const decoded = goAnyValue(data);
  let tree = "";
  try {
    const parsed = parseTemplate(template, ["json"]);
    tree = templateSource(parsed);
    const output = executeTemplate(parsed, isStruct ? inputValue(decoded) : decoded, { json: jsonFunction });
    return { output, tree, error: "" };
  } catch (error) {
    return { output: "", tree, error: messageOf(error) };
  }
}

const jsonFunction: GoFunction = {
  params: [ANY],
  call: ([value = goNil]) => goStringValue(marshalIndented(value)),
};

/** The struct of `oracle.go`, field by field. */
export function inputValue(decoded: GoValue): GoStruct {
  const image = goPointerTo(imageValue("arm64", "linux", false));
  const noImage = goNilPointer(imageValue("", "", true));
  return goStructValue(
    "main.Input",
    [
      goField("Name", "name,omitempty", goStringValue("example.com/repo:tag")),
      goAnyField("Manifest", "manifest,omitempty", indexValue()),
      goField("Image", "image,omitempty", image),
      goField("NoImage", "noImage", noImage),
      goAnyField("Nothing", "nothing", goNil),
      goField(
        "Images",
        "images,omitempty",
        goMapValue(noImage, [
          ["linux/arm64", image],
          ["linux/amd64", noImage],
        ]),
      ),
      goAnyField("Decoded", "decoded", decoded),
      goField("Ratio", "ratio", goFloatValue(0.1)),
      goField("Negative", "negative,omitempty", goIntValue(-42)),
      goField("NoMap", "noMap", goMapValue(goNil)),
      goField("NoList", "noList", goSliceValue(goNil)),
      goField("First", "first", platformValue("", "a")),
      goField("Second", "second", platformValue("", "a")),
      goField("One", "one", historyValue("x", false)),
      goField("Other", "other", historyValue("x", false)),
    ],
    {
      methods: new Map([
        ["SBOM", goGetter(() => goStructValue("main.Stub", [goAnyField("SPDX", ",omitempty", decoded)]))],
        [
          "Broken",
          goGetter(() => {
            throw new Error("no such thing");
          }),
        ],
      ]),
    },
  );
}

function indexValue(): GoStruct {
  const first = {
    mediaType: "text/plain",
    digest: "sha256:1111",
    size: 7,
    data: Buffer.from("hé"),
    platform: goPointerTo(platformValue("amd64", "linux")),
  };
  const second = { digest: "sha256:2222", urls: ["https://a"], annotations: { z: "1", a: "<2>" } };
  return goStructValue("main.Index", [
    goField("SchemaVersion", "schemaVersion", goIntValue(2)),
    goField("Digest", "digest", digestValue("sha256:abcdef")),
    goField("Size", "size", goIntValue(1234567890123456789n, "int64")),
    goField(
      "Manifests",
      "manifests",
      goSliceValue(descriptorValue({ digest: "" }), [descriptorValue(first), descriptorValue(second)]),
    ),
    goField("Annotations", "annotations,omitempty", goStringMapValue()),
  ]);
}

interface DescriptorParts {
  readonly mediaType?: string;
  readonly digest: string;
  readonly size?: number;
  readonly urls?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly data?: Buffer;
  readonly platform?: GoValue;
}

function descriptorValue(parts: DescriptorParts): GoStruct {
  const { platform = goNilPointer(platformValue("", "")) } = parts;
  return goStructValue("main.Descriptor", [
    goField("MediaType", "mediaType", goStringValue(parts.mediaType ?? "")),
    goField("Digest", "digest", digestValue(parts.digest)),
    goField("Size", "size", goIntValue(parts.size ?? 0, "int64")),
    goField("URLs", "urls,omitempty", goStringsValue(parts.urls)),
    goField("Annotations", "annotations,omitempty", goStringMapValue(parts.annotations)),
    goField("Data", "data,omitempty", goBytesValue(parts.data)),
    goField("Platform", "platform,omitempty", platform),
  ]);
}

function digestValue(digest: string): GoText {
  const methods: [string, GoFunction][] = [
    ["String", goGetter(() => goStringValue(digest))],
    ["Encoded", goGetter(() => goStringValue(digest.slice(7)))],
    [
      "First",
      {
        params: ["int"],
        call: ([count]) => goStringValue(digest.slice(0, count?.kind === "int" ? Number(count.value) : 0)),
      },
    ],
    [
      "With",
      {
        params: ["string"],
        call: ([prefix]) => goStringValue((prefix?.kind === "string" ? prefix.value : "") + digest),
      },
    ],
    ["Count", { params: [ANY], variadic: true, call: (args) => goIntValue(args.length) }],
    [
      "Failing",
      goGetter(() => {
        throw new Error("it failed");
      }),
    ],
  ];
  return goStringValue(digest, "main.Digest", new Map(methods));
}

function platformValue(architecture: string, os: string): GoStruct {
  return goStructValue("main.Platform", [
    goField("Architecture", "architecture", goStringValue(architecture)),
    goField("OS", "os", goStringValue(os)),
    goField("OSVersion", "os.version,omitempty", goStringValue("")),
    goField("OSFeatures", "os.features,omitempty", goStringsValue()),
  ]);
}

function historyValue(by: string, empty: boolean): GoStruct {
  return goStructValue("main.History", [
    goField("By", "by,omitempty", goStringValue(by)),
    goField("Empty", "empty,omitempty", goBoolValue(empty)),
  ]);
}

function imageValue(architecture: string, os: string, isZero: boolean): GoStruct {
  // What it is made of is seen by verbs that are not for times.
  const insides = [
    goField("wall", "-", goIntValue(120_000_000, "uint64")),
    goField("ext", "-", goIntValue(63_842_529_906, "int64")),
    goField("loc", "-", goNilPointer(goStructValue("time.Location", []))),
  ];
  const time = goStructValue("time.Time", insides, {
    methods: new Map([["String", goGetter(() => goStringValue("2024-02-03 04:05:06.12 +0000 UTC"))]]),
    json: '"2024-02-03T04:05:06.12Z"',
  });
  const noStruct = goStructValue("struct {}", []);
  const config = goStructValue("main.Config", [
    goField("User", ",omitempty", goStringValue("")),
    goField("Env", "Env,omitempty", goStringsValue(isZero ? undefined : ["PATH=/bin", "A=<b>"])),
    goField("Volumes", ",omitempty", goMapValue(noStruct, isZero ? undefined : [["/data", noStruct]])),
    goField("Args", "-", goBoolValue(false)),
  ]);
  const history = isZero ? undefined : [historyValue("RUN x", false), historyValue("", true)];
  return goStructValue("main.Image", [
    goField("Created", "created,omitempty", isZero ? goNilPointer(time) : goPointerTo(time)),
    goEmbedded("Platform", platformValue(architecture, os)),
    goField("Config", "config", config),
    goField("History", "history,omitempty", goSliceValue(historyValue("", false), history)),
  ]);
}
