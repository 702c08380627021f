/**
 * What containerd's platforms package makes of platforms (github.com/containerd/platforms 1.0.0-rc.5, on linux/amd64).
 * test/oci/platformName.test.ts holds the rows against it where it can be built.
 */
export interface PlatformFields {
  readonly architecture: string;
  readonly os: string;
  readonly "os.version"?: string;
  readonly "os.features"?: string[];
  readonly variant?: string;
}

/** Text, and the platform that it is read as or the message that refuses it. */
export const parsedPlatforms: readonly [text: string, answer: PlatformFields | { readonly error: string }][] =
  [
    ["linux/amd64", { architecture: "amd64", os: "linux" }],
    ["linux/arm64", { architecture: "arm64", os: "linux" }],
    ["linux/arm", { architecture: "arm", os: "linux" }],
    ["linux/arm/v7", { architecture: "arm", os: "linux", variant: "v7" }],
    ["linux/arm/v6", { architecture: "arm", os: "linux", variant: "v6" }],
    ["linux/arm/v5", { architecture: "arm", os: "linux", variant: "v5" }],
    ["linux/arm/v8", { architecture: "arm", os: "linux", variant: "v8" }],
    ["linux/arm/6", { architecture: "arm", os: "linux", variant: "v6" }],
    ["linux/arm64/v8", { architecture: "arm64", os: "linux", variant: "v8" }],
    ["linux/arm64/8", { architecture: "arm64", os: "linux", variant: "v8" }],
    ["linux/arm64/v8.0", { architecture: "arm64", os: "linux", variant: "v8" }],
    ["linux/arm64/v8.2", { architecture: "arm64", os: "linux", variant: "v8.2" }],
    ["linux/arm64/v9", { architecture: "arm64", os: "linux", variant: "v9" }],
    ["linux/arm64/9.0", { architecture: "arm64", os: "linux", variant: "v9" }],
    ["linux/amd64/v1", { architecture: "amd64", os: "linux" }],
    ["linux/amd64/v2", { architecture: "amd64", os: "linux", variant: "v2" }],
    ["linux/x86_64", { architecture: "amd64", os: "linux" }],
    ["linux/x86-64", { architecture: "amd64", os: "linux" }],
    ["linux/aarch64", { architecture: "arm64", os: "linux" }],
    ["linux/aarch64/v8", { architecture: "arm64", os: "linux", variant: "v8" }],
    ["linux/armhf", { architecture: "arm", os: "linux" }],
    ["linux/armhf/v6", { architecture: "arm", os: "linux", variant: "v7" }],
    ["linux/armel", { architecture: "arm", os: "linux", variant: "v6" }],
    ["linux/i386", { architecture: "386", os: "linux" }],
    ["linux/i386/v1", { architecture: "386", os: "linux" }],
    ["linux/386", { architecture: "386", os: "linux" }],
    ["linux/ppc64le", { architecture: "ppc64le", os: "linux" }],
    ["linux/s390x", { architecture: "s390x", os: "linux" }],
    ["linux/riscv64", { architecture: "riscv64", os: "linux" }],
    ["linux/loong64", { architecture: "loong64", os: "linux" }],
    ["linux/mips64le", { architecture: "mips64le", os: "linux" }],
    ["LINUX/AMD64", { architecture: "amd64", os: "linux" }],
    ["Linux/ARM64/V8", { architecture: "arm64", os: "linux", variant: "v8" }],
    ["linux", { architecture: "amd64", os: "linux" }],
    ["windows", { architecture: "amd64", os: "windows" }],
    ["darwin", { architecture: "amd64", os: "darwin" }],
    ["macos", { architecture: "amd64", os: "darwin" }],
    ["macOS/arm64", { architecture: "arm64", os: "darwin" }],
    ["freebsd", { architecture: "amd64", os: "freebsd" }],
    ["amd64", { architecture: "amd64", os: "linux" }],
    ["arm64", { architecture: "arm64", os: "linux" }],
    ["arm", { architecture: "arm", os: "linux" }],
    ["armhf", { architecture: "arm", os: "linux" }],
    ["armel", { architecture: "arm", os: "linux", variant: "v6" }],
    ["x86_64", { architecture: "amd64", os: "linux" }],
    ["aarch64", { architecture: "arm64", os: "linux" }],
    ["i386", { architecture: "386", os: "linux" }],
    ["s390x", { architecture: "s390x", os: "linux" }],
    ["wasm", { architecture: "wasm", os: "linux" }],
    ["wasi/wasm", { architecture: "wasm", os: "wasi" }],
    ["linux/foo", { architecture: "foo", os: "linux" }],
    ["foo/bar", { architecture: "bar", os: "foo" }],
    ["foo/bar/baz", { architecture: "bar", os: "foo", variant: "baz" }],
    ["bogus", { error: '"bogus": unknown operating system or architecture: invalid argument' }],
    ["armv7l", { error: '"armv7l": unknown operating system or architecture: invalid argument' }],
    ["i686", { error: '"i686": unknown operating system or architecture: invalid argument' }],
    ["armv7", { error: '"armv7": unknown operating system or architecture: invalid argument' }],
    ["ppc64el", { error: '"ppc64el": unknown operating system or architecture: invalid argument' }],
    ["unknown/unknown", { architecture: "unknown", os: "unknown" }],
    ["windows/amd64", { architecture: "amd64", os: "windows" }],
    ["windows(10.0.17763)", { architecture: "amd64", os: "windows", "os.version": "10.0.17763" }],
    ["windows(10.0.17763)/amd64", { architecture: "amd64", os: "windows", "os.version": "10.0.17763" }],
    [
      "windows(10.0.17763.1234)/amd64",
      { architecture: "amd64", os: "windows", "os.version": "10.0.17763.1234" },
    ],
    [
      "windows(10.0.17763+win32k)/amd64",
      { architecture: "amd64", os: "windows", "os.version": "10.0.17763", "os.features": ["win32k"] },
    ],
    ["windows(+win32k)/amd64", { architecture: "amd64", os: "windows", "os.features": ["win32k"] }],
    ["windows(+b+a+a)/amd64", { architecture: "amd64", os: "windows", "os.features": ["b", "a", "a"] }],
    ["windows()/amd64", { architecture: "amd64", os: "windows" }],
    ["linux()", { architecture: "amd64", os: "linux" }],
    ["amd64()", { error: '"amd64()": unknown operating system or architecture: invalid argument' }],
    ["amd64(1)", { error: '"amd64(1)": unknown operating system or architecture: invalid argument' }],
    ["windows(10%2B1)/amd64", { architecture: "amd64", os: "windows", "os.version": "10+1" }],
    [
      "windows(%zz)/amd64",
      { error: '"windows(%zz)/amd64" has an invalid OS version "%zz": invalid URL escape "%zz"' },
    ],
    [
      "windows(%4)/amd64",
      { error: '"windows(%4)/amd64" has an invalid OS version "%4": invalid URL escape "%4"' },
    ],
    [
      "windows(%)/amd64",
      { error: '"windows(%)/amd64" has an invalid OS version "%": invalid URL escape "%"' },
    ],
    [
      "windows(+%zz)/amd64",
      {
        error:
          '"windows(+%zz)/amd64" has invalid OS features: invalid os feature "%zz": invalid URL escape "%zz"',
      },
    ],
    ["windows(%C3%A9)/amd64", { architecture: "amd64", os: "windows", "os.version": "\u00e9" }],
    [
      "windows(10.0/amd64",
      {
        error:
          '"windows(10.0" is an invalid OS component of "windows(10.0/amd64": OSAndVersion specifier component must match "^([A-Za-z0-9_-]+)(?:\\\\(([A-Za-z0-9_.%-]*)((?:\\\\+[A-Za-z0-9_.%-]+)*)\\\\))?$": invalid argument',
      },
    ],
    [
      "windows(10.0)x/amd64",
      {
        error:
          '"windows(10.0)x" is an invalid OS component of "windows(10.0)x/amd64": OSAndVersion specifier component must match "^([A-Za-z0-9_-]+)(?:\\\\(([A-Za-z0-9_.%-]*)((?:\\\\+[A-Za-z0-9_.%-]+)*)\\\\))?$": invalid argument',
      },
    ],
    [
      "windows(10 0)/amd64",
      {
        error:
          '"windows(10 0)" is an invalid OS component of "windows(10 0)/amd64": OSAndVersion specifier component must match "^([A-Za-z0-9_-]+)(?:\\\\(([A-Za-z0-9_.%-]*)((?:\\\\+[A-Za-z0-9_.%-]+)*)\\\\))?$": invalid argument',
      },
    ],
    [
      "windows(+)/amd64",
      {
        error:
          '"windows(+)" is an invalid OS component of "windows(+)/amd64": OSAndVersion specifier component must match "^([A-Za-z0-9_-]+)(?:\\\\(([A-Za-z0-9_.%-]*)((?:\\\\+[A-Za-z0-9_.%-]+)*)\\\\))?$": invalid argument',
      },
    ],
    [
      "windows(a+)/amd64",
      {
        error:
          '"windows(a+)" is an invalid OS component of "windows(a+)/amd64": OSAndVersion specifier component must match "^([A-Za-z0-9_-]+)(?:\\\\(([A-Za-z0-9_.%-]*)((?:\\\\+[A-Za-z0-9_.%-]+)*)\\\\))?$": invalid argument',
      },
    ],
    ["*", { error: '"*": wildcards not yet supported: invalid argument' }],
    ["linux/*", { error: '"linux/*": wildcards not yet supported: invalid argument' }],
    ["*/amd64", { error: '"*/amd64": wildcards not yet supported: invalid argument' }],
    [
      "",
      {
        error:
          '"" is an invalid OS component of "": OSAndVersion specifier component must match "^([A-Za-z0-9_-]+)(?:\\\\(([A-Za-z0-9_.%-]*)((?:\\\\+[A-Za-z0-9_.%-]+)*)\\\\))?$": invalid argument',
      },
    ],
    [
      "/",
      {
        error:
          '"" is an invalid OS component of "/": OSAndVersion specifier component must match "^([A-Za-z0-9_-]+)(?:\\\\(([A-Za-z0-9_.%-]*)((?:\\\\+[A-Za-z0-9_.%-]+)*)\\\\))?$": invalid argument',
      },
    ],
    [
      "linux/",
      {
        error:
          '"" is an invalid component of "linux/": platform specifier component must match "^[A-Za-z0-9_.-]+$": invalid argument',
      },
    ],
    [
      "/amd64",
      {
        error:
          '"" is an invalid OS component of "/amd64": OSAndVersion specifier component must match "^([A-Za-z0-9_-]+)(?:\\\\(([A-Za-z0-9_.%-]*)((?:\\\\+[A-Za-z0-9_.%-]+)*)\\\\))?$": invalid argument',
      },
    ],
    [
      "linux//v7",
      {
        error:
          '"" is an invalid component of "linux//v7": platform specifier component must match "^[A-Za-z0-9_.-]+$": invalid argument',
      },
    ],
    [
      "linux/arm/",
      {
        error:
          '"" is an invalid component of "linux/arm/": platform specifier component must match "^[A-Za-z0-9_.-]+$": invalid argument',
      },
    ],
    [
      "linux/arm/v7/",
      {
        error:
          '"" is an invalid component of "linux/arm/v7/": platform specifier component must match "^[A-Za-z0-9_.-]+$": invalid argument',
      },
    ],
    ["linux/arm/v7/x", { error: '"linux/arm/v7/x": cannot parse platform specifier: invalid argument' }],
    [
      "linux/arm/v7/x/y",
      {
        error:
          '"x/y" is an invalid component of "linux/arm/v7/x/y": platform specifier component must match "^[A-Za-z0-9_.-]+$": invalid argument',
      },
    ],
    [
      "a/b/c/d/e",
      {
        error:
          '"d/e" is an invalid component of "a/b/c/d/e": platform specifier component must match "^[A-Za-z0-9_.-]+$": invalid argument',
      },
    ],
    [
      " linux/amd64",
      {
        error:
          '" linux" is an invalid OS component of " linux/amd64": OSAndVersion specifier component must match "^([A-Za-z0-9_-]+)(?:\\\\(([A-Za-z0-9_.%-]*)((?:\\\\+[A-Za-z0-9_.%-]+)*)\\\\))?$": invalid argument',
      },
    ],
    [
      "linux/amd64 ",
      {
        error:
          '"amd64 " is an invalid component of "linux/amd64 ": platform specifier component must match "^[A-Za-z0-9_.-]+$": invalid argument',
      },
    ],
    [
      "linux/am d64",
      {
        error:
          '"am d64" is an invalid component of "linux/am d64": platform specifier component must match "^[A-Za-z0-9_.-]+$": invalid argument',
      },
    ],
    [
      "linux.x/amd64",
      {
        error:
          '"linux.x" is an invalid OS component of "linux.x/amd64": OSAndVersion specifier component must match "^([A-Za-z0-9_-]+)(?:\\\\(([A-Za-z0-9_.%-]*)((?:\\\\+[A-Za-z0-9_.%-]+)*)\\\\))?$": invalid argument',
      },
    ],
    ["linux/amd64.x", { architecture: "amd64.x", os: "linux" }],
    [
      "linux/amd64@sha256",
      {
        error:
          '"amd64@sha256" is an invalid component of "linux/amd64@sha256": platform specifier component must match "^[A-Za-z0-9_.-]+$": invalid argument',
      },
    ],
    [
      "linux,darwin",
      {
        error:
          '"linux,darwin" is an invalid OS component of "linux,darwin": OSAndVersion specifier component must match "^([A-Za-z0-9_-]+)(?:\\\\(([A-Za-z0-9_.%-]*)((?:\\\\+[A-Za-z0-9_.%-]+)*)\\\\))?$": invalid argument',
      },
    ],
    ["linux-amd64", { error: '"linux-amd64": unknown operating system or architecture: invalid argument' }],
    ["linux_amd64", { error: '"linux_amd64": unknown operating system or architecture: invalid argument' }],
    [
      "linux/amd64,linux/arm64",
      {
        error:
          '"amd64,linux" is an invalid component of "linux/amd64,linux/arm64": platform specifier component must match "^[A-Za-z0-9_.-]+$": invalid argument',
      },
    ],
    [
      "linux/\u00e9",
      {
        error:
          '"\u00e9" is an invalid component of "linux/\u00e9": platform specifier component must match "^[A-Za-z0-9_.-]+$": invalid argument',
      },
    ],
    [
      "\u00e9/amd64",
      {
        error:
          '"\u00e9" is an invalid OS component of "\u00e9/amd64": OSAndVersion specifier component must match "^([A-Za-z0-9_-]+)(?:\\\\(([A-Za-z0-9_.%-]*)((?:\\\\+[A-Za-z0-9_.%-]+)*)\\\\))?$": invalid argument',
      },
    ],
    [
      "linux/\u001b[31m",
      {
        error:
          '"\\x1b[31m" is an invalid component of "linux/\\x1b[31m": platform specifier component must match "^[A-Za-z0-9_.-]+$": invalid argument',
      },
    ],
    [
      "linux/\n",
      {
        error:
          '"\\n" is an invalid component of "linux/\\n": platform specifier component must match "^[A-Za-z0-9_.-]+$": invalid argument',
      },
    ],
    [
      "linux\n/amd64",
      {
        error:
          '"linux\\n" is an invalid OS component of "linux\\n/amd64": OSAndVersion specifier component must match "^([A-Za-z0-9_-]+)(?:\\\\(([A-Za-z0-9_.%-]*)((?:\\\\+[A-Za-z0-9_.%-]+)*)\\\\))?$": invalid argument',
      },
    ],
    ["arm/v7", { architecture: "v7", os: "arm" }],
    ["arm64v8", { error: '"arm64v8": unknown operating system or architecture: invalid argument' }],
    ["arm32v7", { error: '"arm32v7": unknown operating system or architecture: invalid argument' }],
    ["linux/arm64v8", { architecture: "arm64v8", os: "linux" }],
  ];

/** A platform and its normal form. */
export const normalPlatforms: readonly [platform: PlatformFields, normal: PlatformFields][] = [
  [
    { architecture: "amd64", os: "linux" },
    { architecture: "amd64", os: "linux" },
  ],
  [
    { architecture: "x86_64", os: "linux" },
    { architecture: "amd64", os: "linux" },
  ],
  [
    { architecture: "x86-64", os: "Linux" },
    { architecture: "amd64", os: "linux" },
  ],
  [
    { architecture: "amd64", os: "linux", variant: "v1" },
    { architecture: "amd64", os: "linux" },
  ],
  [
    { architecture: "amd64", os: "linux", variant: "v2" },
    { architecture: "amd64", os: "linux", variant: "v2" },
  ],
  [
    { architecture: "amd64", os: "linux", variant: "V1" },
    { architecture: "amd64", os: "linux" },
  ],
  [
    { architecture: "arm64", os: "linux" },
    { architecture: "arm64", os: "linux" },
  ],
  [
    { architecture: "aarch64", os: "linux" },
    { architecture: "arm64", os: "linux" },
  ],
  [
    { architecture: "Aarch64", os: "linux", variant: "v8" },
    { architecture: "arm64", os: "linux" },
  ],
  [
    { architecture: "arm64", os: "linux", variant: "8" },
    { architecture: "arm64", os: "linux" },
  ],
  [
    { architecture: "arm64", os: "linux", variant: "v8.0" },
    { architecture: "arm64", os: "linux" },
  ],
  [
    { architecture: "arm64", os: "linux", variant: "v8.1" },
    { architecture: "arm64", os: "linux", variant: "v8.1" },
  ],
  [
    { architecture: "arm64", os: "linux", variant: "9" },
    { architecture: "arm64", os: "linux", variant: "v9" },
  ],
  [
    { architecture: "arm64", os: "linux", variant: "v9.0" },
    { architecture: "arm64", os: "linux", variant: "v9" },
  ],
  [
    { architecture: "arm64", os: "linux", variant: "v9.2" },
    { architecture: "arm64", os: "linux", variant: "v9.2" },
  ],
  [
    { architecture: "arm", os: "linux" },
    { architecture: "arm", os: "linux", variant: "v7" },
  ],
  [
    { architecture: "arm", os: "linux", variant: "7" },
    { architecture: "arm", os: "linux", variant: "v7" },
  ],
  [
    { architecture: "arm", os: "linux", variant: "v6" },
    { architecture: "arm", os: "linux", variant: "v6" },
  ],
  [
    { architecture: "arm", os: "linux", variant: "6" },
    { architecture: "arm", os: "linux", variant: "v6" },
  ],
  [
    { architecture: "arm", os: "linux", variant: "9" },
    { architecture: "arm", os: "linux", variant: "9" },
  ],
  [
    { architecture: "armhf", os: "linux" },
    { architecture: "arm", os: "linux", variant: "v7" },
  ],
  [
    { architecture: "armhf", os: "linux", variant: "v6" },
    { architecture: "arm", os: "linux", variant: "v7" },
  ],
  [
    { architecture: "armel", os: "linux" },
    { architecture: "arm", os: "linux", variant: "v6" },
  ],
  [
    { architecture: "armv7l", os: "linux" },
    { architecture: "armv7l", os: "linux" },
  ],
  [
    { architecture: "i386", os: "linux", variant: "x" },
    { architecture: "386", os: "linux" },
  ],
  [
    { architecture: "386", os: "linux" },
    { architecture: "386", os: "linux" },
  ],
  [
    { architecture: "amd64", os: "macOS" },
    { architecture: "amd64", os: "darwin" },
  ],
  [
    { architecture: "amd64", os: "macos" },
    { architecture: "amd64", os: "darwin" },
  ],
  [
    { architecture: "amd64", os: "" },
    { architecture: "amd64", os: "linux" },
  ],
  [
    { architecture: "", os: "" },
    { architecture: "", os: "linux" },
  ],
  [
    { architecture: "", os: "linux" },
    { architecture: "", os: "linux" },
  ],
  [
    { architecture: "unknown", os: "unknown" },
    { architecture: "unknown", os: "unknown" },
  ],
  [
    { architecture: "amd64", os: "windows", "os.version": "10.0.17763" },
    { architecture: "amd64", os: "windows", "os.version": "10.0.17763" },
  ],
  [
    {
      architecture: "amd64",
      os: "Windows",
      "os.version": "10.0.17763",
      "os.features": ["win32k", "a", "win32k"],
    },
    { architecture: "amd64", os: "windows", "os.version": "10.0.17763", "os.features": ["a", "win32k"] },
  ],
  [
    { architecture: "amd64", os: "linux", "os.features": ["b", "a", "b", ""] },
    { architecture: "amd64", os: "linux", "os.features": ["", "a", "b"] },
  ],
  [
    { architecture: "amd64", os: "linux", "os.features": ["\ud83d\ude00", "\uffff"] },
    { architecture: "amd64", os: "linux", "os.features": ["\uffff", "\ud83d\ude00"] },
  ],
  [
    { architecture: "ARM\u0130\u03a3", os: "linux" },
    { architecture: "armi\u03c3", os: "linux" },
  ],
];

/** A platform, and how it is written without and with its version and features. */
export const formattedPlatforms: readonly [
  platform: PlatformFields,
  names: readonly [short: string, whole: string],
][] = [
  [{ architecture: "amd64", os: "linux" }, ["linux/amd64", "linux/amd64"]],
  [{ architecture: "x86_64", os: "linux" }, ["linux/x86_64", "linux/x86_64"]],
  [{ architecture: "x86-64", os: "Linux" }, ["Linux/x86-64", "Linux/x86-64"]],
  [{ architecture: "amd64", os: "linux", variant: "v1" }, ["linux/amd64/v1", "linux/amd64/v1"]],
  [{ architecture: "amd64", os: "linux", variant: "v2" }, ["linux/amd64/v2", "linux/amd64/v2"]],
  [{ architecture: "amd64", os: "linux", variant: "V1" }, ["linux/amd64/V1", "linux/amd64/V1"]],
  [{ architecture: "arm64", os: "linux" }, ["linux/arm64", "linux/arm64"]],
  [{ architecture: "aarch64", os: "linux" }, ["linux/aarch64", "linux/aarch64"]],
  [{ architecture: "Aarch64", os: "linux", variant: "v8" }, ["linux/Aarch64/v8", "linux/Aarch64/v8"]],
  [{ architecture: "arm64", os: "linux", variant: "8" }, ["linux/arm64/8", "linux/arm64/8"]],
  [{ architecture: "arm64", os: "linux", variant: "v8.0" }, ["linux/arm64/v8.0", "linux/arm64/v8.0"]],
  [{ architecture: "arm64", os: "linux", variant: "v8.1" }, ["linux/arm64/v8.1", "linux/arm64/v8.1"]],
  [{ architecture: "arm64", os: "linux", variant: "9" }, ["linux/arm64/9", "linux/arm64/9"]],
  [{ architecture: "arm64", os: "linux", variant: "v9.0" }, ["linux/arm64/v9.0", "linux/arm64/v9.0"]],
  [{ architecture: "arm64", os: "linux", variant: "v9.2" }, ["linux/arm64/v9.2", "linux/arm64/v9.2"]],
  [{ architecture: "arm", os: "linux" }, ["linux/arm", "linux/arm"]],
  [{ architecture: "arm", os: "linux", variant: "7" }, ["linux/arm/7", "linux/arm/7"]],
  [{ architecture: "arm", os: "linux", variant: "v6" }, ["linux/arm/v6", "linux/arm/v6"]],
  [{ architecture: "arm", os: "linux", variant: "6" }, ["linux/arm/6", "linux/arm/6"]],
  [{ architecture: "arm", os: "linux", variant: "9" }, ["linux/arm/9", "linux/arm/9"]],
  [{ architecture: "armhf", os: "linux" }, ["linux/armhf", "linux/armhf"]],
  [{ architecture: "armhf", os: "linux", variant: "v6" }, ["linux/armhf/v6", "linux/armhf/v6"]],
  [{ architecture: "armel", os: "linux" }, ["linux/armel", "linux/armel"]],
  [{ architecture: "armv7l", os: "linux" }, ["linux/armv7l", "linux/armv7l"]],
  [{ architecture: "i386", os: "linux", variant: "x" }, ["linux/i386/x", "linux/i386/x"]],
  [{ architecture: "386", os: "linux" }, ["linux/386", "linux/386"]],
  [{ architecture: "amd64", os: "macOS" }, ["macOS/amd64", "macOS/amd64"]],
  [{ architecture: "amd64", os: "macos" }, ["macos/amd64", "macos/amd64"]],
  [{ architecture: "amd64", os: "" }, ["unknown", "unknown"]],
  [{ architecture: "", os: "" }, ["unknown", "unknown"]],
  [{ architecture: "", os: "linux" }, ["linux", "linux"]],
  [{ architecture: "unknown", os: "unknown" }, ["unknown/unknown", "unknown/unknown"]],
  [
    { architecture: "amd64", os: "windows", "os.version": "10.0.17763" },
    ["windows/amd64", "windows(10.0.17763)/amd64"],
  ],
  [
    {
      architecture: "amd64",
      os: "Windows",
      "os.version": "10.0.17763",
      "os.features": ["win32k", "a", "win32k"],
    },
    ["Windows/amd64", "Windows(10.0.17763+a+win32k)/amd64"],
  ],
  [
    { architecture: "amd64", os: "linux", "os.features": ["b", "a", "b", ""] },
    ["linux/amd64", "linux(+a+b)/amd64"],
  ],
  [
    { architecture: "amd64", os: "linux", "os.features": ["\ud83d\ude00", "\uffff"] },
    ["linux/amd64", "linux(+\uffff+\ud83d\ude00)/amd64"],
  ],
  [{ architecture: "ARM\u0130\u03a3", os: "linux" }, ["linux/ARM\u0130\u03a3", "linux/ARM\u0130\u03a3"]],
  [{ architecture: "", os: "", "os.version": "1" }, ["unknown", "unknown"]],
  [{ architecture: "", os: "linux", variant: "v1" }, ["linux/v1", "linux/v1"]],
  [{ architecture: "..", os: "linux" }, [".", "."]],
  [{ architecture: "a//b", os: "/x/", variant: "." }, ["/x/a/b", "/x/a/b"]],
  [{ architecture: "..", os: ".." }, ["../..", "../.."]],
  [
    { architecture: "amd64", os: "linux", "os.version": "1.0%(+)/2" },
    ["linux/amd64", "linux(1.0%25%28%2B%29%2F2)/amd64"],
  ],
  [{ architecture: "amd64", os: "linux", "os.features": ["+", "a"] }, ["linux/amd64", "linux(+%2B+a)/amd64"]],
  [
    { architecture: "amd64", os: "linux", "os.version": "1", "os.features": ["", ""] },
    ["linux/amd64", "linux(1)/amd64"],
  ],
  [{ architecture: "amd64", os: "linux", "os.features": [""] }, ["linux/amd64", "linux/amd64"]],
];
