import { describe, expect, it } from "vitest";
import { readPlatformName, suggestPlatform } from "../../src/oci/platformAliases.js";
import { formatPlatform, formatPlatformAll } from "../../src/oci/platformName.js";

const READ: readonly [platform: string, names: string][] = [
  [
    "linux/amd64",
    "linux/amd64 amd64 x86_64 x86-64 x64 linux/x86_64 linux-amd64 linux_amd64 linux-x64 linux_x86_64",
  ],
  ["linux/amd64", "LINUX/AMD64 linux-x86-64 linux/amd64/v1 amd64/v1 amd64/1"],
  ["linux/amd64/v3", "linux/amd64/v3 amd64/v3 linux/x86_64/v3 linux-amd64-v3"],
  [
    "linux/arm64",
    "linux/arm64 arm64 aarch64 arm64v8 linux/arm64/v8 arm64/v8 linux/aarch64 linux-arm64 armv8 arm64/8",
  ],
  ["linux/arm64/v9", "linux/arm64/v9 arm64/9"],
  [
    "linux/arm/v7",
    "linux/arm/v7 arm/v7 arm armv7l armv7 armhf arm32v7 linux/arm linux-arm-v7 linux_arm_v7 linux/arm/7",
  ],
  ["linux/arm/v7", "linux/armhf/v7 linux/armv7l linux/armhf"],
  ["linux/arm/v6", "linux/arm/v6 arm/v6 armv6l armv6 armel arm32v6 linux-arm-v6"],
  ["linux/arm/v5", "arm/v5 armv5tel arm32v5"],
  ["linux/arm/v8", "arm/v8 armv8l"],
  ["linux/386", "386 i386 i686 x86 ia32 linux/i686"],
  ["linux/ppc64le", "ppc64le ppc64el powerpc64le linux/ppc64el"],
  ["linux/s390x", "s390x linux/s390x linux-s390x"],
  ["linux/riscv64", "riscv64 riscv64gc"],
  ["linux/loong64", "loong64 loongarch64"],
  ["linux/mips64le", "mips64le mips64el"],
  ["windows/amd64", "windows/amd64 win32/x64 win32-x64 windows-amd64 windows_amd64 Windows/x86_64"],
  ["windows(10.0.17763)/amd64", "windows(10.0.17763)/amd64 Windows(10.0.17763)/x86_64 win32(10.0.17763)/x64"],
  ["darwin/arm64", "darwin/arm64 macos/aarch64 macos-arm64 osx/arm64"],
  ["freebsd/amd64", "freebsd/amd64 freebsd-amd64"],
  ["wasi/wasm", "wasi/wasm wasi/wasm32"],
  ["js/wasm", "js/wasm"],
];

const REFUSED: readonly [name: string, hint: string][] = [
  ["linux/amd46", "did you mean linux/amd64?"],
  ["linux/adm64", "did you mean linux/amd64?"],
  ["linux/amd6", "did you mean linux/amd64?"],
  ["linx/amd64", "did you mean linux/amd64?"],
  ["lniux/arm64", "did you mean linux/arm64?"],
  ["linux\\arm64", "did you mean linux/arm64?"],
  ["linux:arm64", "did you mean linux/arm64?"],
  ["linux/arch64", "did you mean linux/arm64?"],
  ["x86_46", "did you mean linux/amd64?"],
  ["linux/arm/v77", "did you mean linux/arm/v7?"],
  ["linux/arm/v9", "did you mean linux/arm/v7?"],
  ["linux/arm64/v7", "did you mean linux/arm64?"],
  ["linux/armv7l/v6", "did you mean linux/arm/v7?"],
  ["linux/amd64/", "did you mean linux/amd64?"],
  ["linux/amd64/v1/x", "did you mean linux/amd64?"],
  ["windwos/amd64", "did you mean windows/amd64?"],
  ["linux", "write it as linux/amd64 or linux/arm64"],
  ["windows", "write it as windows/amd64 or windows/arm64"],
  ["", "write it as linux/amd64 or linux/arm64"],
  ["bogus", "write it as linux/amd64 or linux/arm64"],
  ["linux/bogus", "write it as linux/amd64 or linux/arm64"],
  ["unknown/unknown", "write it as linux/amd64 or linux/arm64"],
  ["constructor", "write it as linux/amd64 or linux/arm64"],
  ["a".repeat(100_000), "write it as linux/amd64 or linux/arm64"],
];

describe("the name of a platform", () => {
  it.each(READ)("%s is what is meant by %s", (platform, names) => {
    for (const name of names.split(" "))
      expect([name, formatPlatformAll(readPlatformName(name))]).toEqual([name, platform]);
  });

  it("may have white space around it, as in a list", () => {
    expect(formatPlatform(readPlatformName(" linux/arm64\n"))).toBe("linux/arm64");
  });

  it.each(REFUSED)("%.20s is refused, with a hint: %s", (name, hint) => {
    expect(() => readPlatformName(name)).toThrow(expect.objectContaining({ code: "INVALID_PLATFORM", hint }));
  });

  it("says of an operating system alone what is missing", () => {
    expect(() => readPlatformName("linux")).toThrow('"linux" says no architecture');
    expect(() => readPlatformName("linux/\u001b[2J")).toThrow('"linux/\\x1b[2J" is not a platform');
  });

  it("has a version that is refused in containerd's words", () => {
    expect(() => readPlatformName("windows(%zz)/amd64")).toThrow(/has an invalid OS version "%zz"/);
  });
});

describe("what docker's annotate refuses", () => {
  it.each([
    ["linux", "x86_64", "linux/amd64"],
    ["linux", "aarch64", "linux/arm64"],
    ["linux", "arm64v8", "linux/arm64"],
    ["linux", "armv7l", "linux/arm/v7"],
    ["linux", "arm/v7", "linux/arm/v7"],
    ["linux", "armel", "linux/arm/v6"],
    ["linux", "ppc64el", "linux/ppc64le"],
    ["Linux", "AMD64", "linux/amd64"],
    ["", "aarch64", "linux/arm64"],
    ["macos", "x86_64", "darwin/amd64"],
    ["win32", "x64", "windows/amd64"],
    ["linux", "amd46", "linux/amd64"],
    ["lunix", "amd64", "linux/amd64"],
  ])("%s and %s are taken for %s", (os, architecture, suggestion) => {
    expect(suggestPlatform(os, architecture)).toBe(suggestion);
  });

  it.each([
    ["linux", ""],
    ["", ""],
    ["linux", "wombat"],
    ["linux", "loong64"],
    ["beos", "wombat"],
  ])("%s and %s are taken for nothing", (os, architecture) => {
    expect(suggestPlatform(os, architecture)).toBeUndefined();
  });
});
