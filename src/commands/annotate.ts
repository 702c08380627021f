import { hasCode, ManifestError } from "../errors.js";
import { isKnownPlatform, NO_PLATFORM } from "../oci/platform.js";
import { parseReference, type Reference } from "../oci/reference.js";
import { defineCommand } from "./command.js";
import { openUserStore } from "./userStore.js";

export const annotate = defineCommand({
  name: "annotate",
  args: "[OPTIONS] MANIFEST_LIST MANIFEST",
  description:
    "Changes what a local list says of one of its images. What is not given stays; features are added to those there are.",
  examples: [
    "tsmanifest annotate registry.example/app:v1 registry.example/app:v1-arm --os linux --arch arm --variant v7",
  ],
  arity: { min: 2, max: 2 },
  flags: {
    os: { kind: "string", value: "name", description: "Operating system: linux, windows, …" },
    arch: { kind: "string", value: "name", description: "Architecture as Go names it: amd64, arm64, …" },
    variant: { kind: "string", value: "name", description: "Variant of the architecture: v7, v8, …" },
    osVersion: { kind: "string", value: "version", description: "Version of the operating system" },
    osFeatures: {
      kind: "stringSlice",
      value: "list",
      description: "Features that the operating system must have, separated by commas; may be repeated",
    },
  },
  async run(context, flags, [listName = "", imageName = ""]) {
    const list = parseName("manifest list", listName);
    const image = parseName("manifest", imageName);
    try {
      await openUserStore(context).update(list, image, (entry) => {
        const before = entry.descriptor.platform ?? NO_PLATFORM;
        const platform = {
          os: flags.os || before.os,
          architecture: flags.arch || before.architecture,
          variant: flags.variant || before.variant,
          "os.version": flags.osVersion || before["os.version"],
          "os.features": withFeatures(before["os.features"], flags.osFeatures),
        };
        if (!isKnownPlatform(platform.os, platform.architecture)) {
          throw new ManifestError(
            "STORE",
            `manifest entry for image has unsupported os/arch combination: ${flags.os}/${flags.arch}`,
          );
        }
        return { ...entry, descriptor: { ...entry.descriptor, platform } };
      });
    } catch (error) {
      if (!hasCode(error, "LIST_NOT_FOUND", "ENTRY_NOT_FOUND")) throw error;
      throw new ManifestError("STORE", `manifest for image ${imageName} does not exist in ${listName}`, {
        cause: error,
      });
    }
  },
});

/** Adds each feature that is not there yet; repeats that the image itself has stay. */
function withFeatures(before: readonly string[], added: readonly string[]): string[] {
  return [...before, ...new Set(added.filter((feature) => !before.includes(feature)))];
}

function parseName(what: string, name: string): Reference {
  try {
    return parseReference(name);
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    throw new ManifestError("STORE", `annotate: error parsing name for ${what} ${name}: ${error.message}`, {
      cause: error,
    });
  }
}
