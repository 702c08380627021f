import fc from "fast-check";
import type { Platform } from "../../../src/oci/platform.js";

const os = fc.constantFrom(
  ...["linux", "windows", "darwin", "macos", "macOS", "Windows", "LINUX", "", "unknown", "wasi", "freebsd"],
);
const architecture = fc.constantFrom(
  ...[
    "amd64",
    "arm64",
    "arm",
    "386",
    "x86_64",
    "x86-64",
    "aarch64",
    "armhf",
    "armel",
    "i386",
    "ARM64",
    "unknown",
  ],
  ...["", "ppc64le", "s390x", "riscv64", "wasm"],
);
const variant = fc.constantFrom(
  ...[
    "",
    "",
    "",
    "v1",
    "v2",
    "v5",
    "v6",
    "v7",
    "v8",
    "V8",
    "5",
    "6",
    "7",
    "8",
    "9",
    "v8.0",
    "v8.2",
    "v9.0",
    "9.0",
  ],
);
const version = fc.oneof(
  { weight: 3, arbitrary: fc.constant("") },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      ...[
        "10.0.17763",
        "10.0.17763.1234",
        "10.0.20348.1",
        "10.0.20348",
        "10.0.22621",
        "10.0.26100.5",
        "10.0.26200",
      ],
      ...[
        "10.0.25398",
        "10.1.17763",
        "11.0.26100",
        "10.0",
        "10.0.",
        "10.0.x",
        "256.0.1",
        "10.0.70000",
        "0.0.0",
      ],
      ...["6.3", "%(+)/", "010.0.17763"],
    ),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 6 }) },
);
const feature = fc.constantFrom("win32k", "win32k", "sse4", "aes", "b+c", "", "\u{1F600}", "\uffff", "A");

/** A platform, mostly one that somebody could have meant. */
export const anyPlatform: fc.Arbitrary<Platform> = fc.record({
  architecture: fc.oneof(
    { weight: 9, arbitrary: architecture },
    { weight: 1, arbitrary: fc.constantFrom("..", "a//b", "./c", "\u0130\u03a3", "/x", "../../y") },
  ),
  os: fc.oneof(
    { weight: 9, arbitrary: os },
    { weight: 1, arbitrary: fc.constantFrom("..", "/", "/a", "../..", "L\u0130NUX\u03a3") },
  ),
  "os.version": version,
  "os.features": fc.oneof(
    { weight: 2, arbitrary: fc.constant<string[]>([]) },
    { weight: 1, arbitrary: fc.array(feature, { maxLength: 4 }) },
  ),
  variant: fc.oneof(
    { weight: 9, arbitrary: variant },
    { weight: 1, arbitrary: fc.constantFrom(".", "..", "v8/x") },
  ),
});

/** Text near the grammar of platforms. */
export const platformText: fc.Arbitrary<string> = fc.oneof(
  fc
    .tuple(
      os,
      fc.constantFrom("", "(10.0.17763)", "(+win32k)", "(1+a+b)", "()", "(%41%2f)", "(%4)", "(+a%zz)"),
    )
    .map((parts) => parts.join(""))
    .chain((first) =>
      fc.array(fc.oneof(architecture, variant), { maxLength: 3 }).map((rest) => [first, ...rest].join("/")),
    ),
  fc.oneof(architecture, os),
  fc
    .array(
      fc.constantFrom(
        ...[
          "linux",
          "arm",
          "64",
          "v8",
          "/",
          "/",
          "(",
          ")",
          "+",
          "%",
          "%41",
          "%ff",
          "*",
          ".",
          "-",
          "_",
          " ",
          '"',
          "\n",
        ],
        ...["é", "\u0130", "amd64", "10.0", "win32k"],
      ),
      { maxLength: 7 },
    )
    .map((pieces) => pieces.join("")),
);
