import { ManifestError, messageOf } from "../errors.js";
import { changedPlatform } from "../list/annotate.js";
import type { Entry } from "../list/entry.js";
import { isKnownPlatform } from "../oci/platform.js";
import { formatReference, parseReference, type Reference } from "../oci/reference.js";
import { findStored } from "../store/store.js";
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
    const store = openUserStore(context);
    const annotated: Entry[] = [];
    await store.change(list, (draft) => {
      const entry = draft && findStored(draft, image);
      if (draft === undefined || entry === undefined) return draft;
      const platform = changedPlatform(entry.descriptor.platform, flags);
      if (!isKnownPlatform(platform.os, platform.architecture)) {
        throw new ManifestError(
          "USAGE",
          `manifest entry for image has unsupported os/arch combination: ${flags.os}/${flags.arch}`,
          { subject: formatReference(image) },
        );
      }
      const changed = { ...entry, descriptor: { ...entry.descriptor, platform } };
      annotated.push(changed);
      return { ...draft, entries: draft.entries.map((one) => (one === entry ? changed : one)) };
    });
    if (annotated.length > 0) return;
    // One whose file is broken is not in the draft; this says what is wrong with it.
    await store.readEntry(list, image);
    throw new ManifestError(
      "ENTRY_NOT_FOUND",
      `manifest for image ${imageName} does not exist in ${listName}`,
      {
        subject: formatReference(image),
      },
    );
  },
});

function parseName(what: string, name: string): Reference {
  try {
    return parseReference(name);
  } catch (error) {
    throw new ManifestError(
      "INVALID_REFERENCE",
      `annotate: error parsing name for ${what} ${name}: ${messageOf(error)}`,
      { subject: name, cause: error },
    );
  }
}
