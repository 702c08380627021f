/** Platforms as configs, indexes and command lines have them: the usual, and what one finds besides. */

/** In an image's config. */
export const CONFIG_PLATFORMS: readonly (readonly [weight: number, platform: object])[] = [
  [9, { architecture: "amd64", os: "linux" }],
  [6, { architecture: "arm64", os: "linux" }],
  [4, { architecture: "arm64", os: "linux", variant: "v8" }],
  [2, { architecture: "arm", os: "linux" }],
  [2, { architecture: "arm", os: "linux", variant: "v7" }],
  [1, { architecture: "arm", os: "linux", variant: "v6" }],
  [1, { architecture: "arm", os: "linux", variant: "8" }],
  [1, { architecture: "arm", os: "linux", variant: "5" }],
  [1, { architecture: "armhf", os: "linux" }],
  [1, { architecture: "armel", os: "linux" }],
  [2, { architecture: "x86_64", os: "linux" }],
  [1, { architecture: "x86-64", os: "Linux", variant: "v2" }],
  [1, { architecture: "AMD64", os: "LINUX", variant: "V3" }],
  [1, { architecture: "amd64", os: "linux", variant: "v1" }],
  [1, { architecture: "aarch64", os: "linux" }],
  [1, { architecture: "arm64", os: "linux", variant: "8" }],
  [1, { architecture: "arm64", os: "linux", variant: "v9" }],
  [1, { architecture: "i386", os: "linux" }],
  [1, { architecture: "386", os: "linux", variant: "x" }],
  [2, { architecture: "s390x", os: "linux" }],
  [1, { architecture: "ppc64le", os: "linux", "os.features": ["b", "a", "a"] }],
  [1, { architecture: "amd64", os: "macOS" }],
  [1, { architecture: "arm64", os: "" }],
  [1, { architecture: "riscv64" }],
  [1, { os: "linux" }],
  [1, {}],
  [1, { architecture: null, os: null, variant: "v8" }],
  [1, { architecture: "unknown", os: "unknown" }],
  [1, { architecture: "wasm", os: "wasi" }],
  [1, { architecture: "<amd64>", os: "li\u2028nux & more" }],
  [3, { architecture: "amd64", os: "windows", "os.version": "10.0.20348.2227", "os.features": ["win32k"] }],
  [2, { architecture: "amd64", os: "windows", "os.version": "10.0.17763.5329" }],
];

/** Beside an entry of an index, where it is not simply what the image's config says. */
export const ENTRY_PLATFORMS: readonly object[] = [
  { architecture: "amd64", os: "linux" },
  { architecture: "amd64", os: "linux", variant: "v3" },
  { architecture: "arm64", os: "linux", variant: "v8" },
  { architecture: "arm", os: "linux", variant: "v7" },
  { architecture: "arm", os: "linux" },
  { os: "linux", architecture: "x86_64" },
  { os: "windows", architecture: "amd64", "os.version": "10.0.20348.2227", "os.features": ["win32k"] },
  { os: "windows", architecture: "amd64", "os.version": "10.0.17763.5329" },
  { os: "windows", architecture: "amd64" },
  { os: "linux", architecture: "amd64", "os.features": ["z", "a", "z"], "os.version": "5<4" },
  { os: "linux", architecture: "s390x", features: ["sse4"], variant: "" },
  { os: "linux" },
  { architecture: "riscv64" },
  {},
  { architecture: "unknown", os: "unknown" },
];

/** For `--platform`. */
export const WANTED: readonly (readonly [weight: number, flag: string])[] = [
  [9, "linux/amd64"],
  [6, "linux/arm64"],
  [5, "linux/amd64,linux/arm64"],
  [2, "linux/arm64/v8"],
  [2, "linux/arm/v7"],
  [2, "linux/arm"],
  [1, "linux/arm/v6,linux/amd64/v3"],
  [3, "windows/amd64"],
  [1, "windows(10.0.20348)/amd64"],
  [1, "windows(10.0.17763+win32k)/amd64"],
  [1, "linux"],
  [1, "arm64"],
  [1, "x86_64,aarch64"],
  [1, "Linux/AMD64"],
  [1, "linux(+a+z)/amd64"],
  [1, "unknown/unknown"],
  [1, "linux/386,linux/s390x,linux/riscv64,darwin/amd64"],
];

/** Which are read, but which nothing has. */
export const UNMATCHED: readonly string[] = ["linux/foo", "plan9/mips", "linux/amd64/v9"];

/** Which are refused. */
export const UNREADABLE: readonly string[] = [
  "bogus",
  "",
  "linux/amd64,",
  "linux/amd64/v1/x",
  "*/amd64",
  "linux/a b",
  "linux()()/amd64",
  " linux/amd64",
];
