import type * as z from "zod/mini";
import { goObject, goString, goStringOrOmit, goStrings, goStruct, goText, goTexts } from "../go/json.js";

/**
 * The platform an image runs on.
 * https://github.com/opencontainers/image-spec/blob/main/image-index.md#image-index-property-descriptions
 */
export const Platform = goStruct({
  architecture: goText,
  os: goText,
  "os.version": goText,
  "os.features": goTexts,
  variant: goText,
});
export type Platform = Readonly<z.infer<typeof Platform>>;

export const NO_PLATFORM: Platform = {
  architecture: "",
  os: "",
  "os.version": "",
  "os.features": [],
  variant: "",
};

/** Does it say anything of a machine? BuildKit writes `unknown/unknown` for what runs on none. */
export function isOfMachine(platform: Platform | undefined): platform is Platform {
  const parts = [platform?.os ?? "", platform?.architecture ?? ""];
  return !parts.every((part) => part === "" || part === "unknown");
}

/** A platform as docker writes it: architecture and os always, the rest where there is something. */
export function encodePlatform(platform: Platform): string {
  return goObject([
    ["architecture", goString(platform.architecture)],
    ["os", goString(platform.os)],
    ["os.version", goStringOrOmit(platform["os.version"])],
    ["os.features", goStrings(platform["os.features"])],
    ["variant", goStringOrOmit(platform.variant)],
  ]);
}

/** The pairs that `annotate` accepts: docker knows these and no others. One row an operating system. */
const KNOWN_ARCHITECTURES = new Map<string, readonly string[]>([
  ["darwin", ["386", "amd64", "arm", "arm64"]],
  ["dragonfly", ["amd64"]],
  ["freebsd", ["386", "amd64", "arm"]],
  ["linux", ["386", "amd64", "arm", "arm64", "ppc64le", "mips64", "mips64le", "riscv64", "s390x"]],
  ["netbsd", ["386", "amd64", "arm"]],
  ["openbsd", ["386", "amd64", "arm"]],
  ["plan9", ["386", "amd64"]],
  ["solaris", ["amd64"]],
  ["windows", ["386", "amd64"]],
]);

export function isKnownPlatform(os: string, architecture: string): boolean {
  return KNOWN_ARCHITECTURES.get(os)?.includes(architecture) ?? false;
}
