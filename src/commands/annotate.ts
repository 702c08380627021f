import { hasCode, hintOf, ManifestError, messageOf, NotFoundError } from "../errors.js";
import type { FlagTable, FlagValues } from "../go/flags.js";
import { changedPlatform } from "../list/annotate.js";
import type { Draft } from "../list/draft.js";
import type { Entry } from "../list/entry.js";
import { isKnownPlatform } from "../oci/platform.js";
import { formatReference, parseReference, type Reference } from "../oci/reference.js";
import { findStored } from "../store/store.js";
import { defineCommand } from "./command.js";
import { settingFlags } from "./listFlags.js";
import { networkFlags } from "./networkFlags.js";
import { checkOutputFlags, outputFlags } from "./outputFlags.js";
import { listNotFound, openUserStore, storeFlags } from "./userStore.js";

const platformFlags = {
  os: { kind: "string", value: "name", description: "Operating system: linux, windows, …" },
  arch: { kind: "string", value: "name", description: "Architecture as Go names it: amd64, arm64, …" },
  variant: { kind: "string", value: "name", description: "Variant of the architecture: v7, v8, …" },
  osVersion: { kind: "string", value: "version", description: "Version of the operating system" },
  osFeatures: {
    kind: "stringSlice",
    value: "list",
    description: "Features that the operating system must have, separated by commas; may be repeated",
  },
} as const satisfies FlagTable;
type PlatformFlags = FlagValues<typeof platformFlags>;

const moreFlags = {
  annotation: {
    kind: "stringArray",
    value: "annotation",
    description:
      "Set an annotation, of the image in the list by KEY=VALUE or manifest-descriptor[PLATFORM]:KEY=VALUE, of the list by index:KEY=VALUE; may be repeated",
  },
  ...settingFlags,
} as const satisfies FlagTable;
type MoreFlags = FlagValues<typeof moreFlags>;

export const annotate = defineCommand({
  name: "annotate",
  args: "[OPTIONS] MANIFEST_LIST MANIFEST",
  helpArgs: "[OPTIONS] MANIFEST_LIST [MANIFEST]",
  description:
    "Changes what a local list says of one of its images. What is not given stays as it is; features are added to those that are there. " +
    "What is about the list itself needs no image.",
  examples: [
    "tsmanifest annotate registry.example/app:v1 registry.example/app:v1-arm --os linux --arch arm --variant v7",
    "tsmanifest annotate registry.example/app:v1 --annotation index:org.opencontainers.image.version=1.0",
  ],
  arity: { min: 2, max: 2 },
  completes: ["list", "entry", "other"],
  flags: { ...platformFlags, ...moreFlags, ...outputFlags, ...storeFlags, ...networkFlags },
  arityFor: (flags) => ({ min: hasMore(flags) && !hasPlatform(flags) ? 1 : 2, max: 2 }),
  async run(context, flags, [listName = "", ...rest]) {
    checkOutputFlags(flags);
    const list = parseName("manifest list", listName);
    const [imageName = ""] = rest;
    const image = rest.length === 0 ? undefined : parseName("manifest", imageName);
    if (image === undefined) checkIsForList(flags);
    const store = openUserStore(context, flags);
    const more = hasMore(flags) ? await import("./annotate/annotateMore.js") : undefined;
    const changeMore = await more?.readMore(context, flags, list);
    const hint = await platformHint(flags);

    const change = (draft: Draft): Draft => {
      if (image === undefined) return changeMore?.(draft, undefined) ?? draft;
      const stored = findStored(draft, image);
      if (changeMore !== undefined && !hasPlatform(flags)) return changeMore(draft, stored?.ref ?? image);
      if (stored === undefined) throw entryNotFound(image, imageName, listName);
      const annotated = changePlatform(draft, stored, flags, hint);
      return changeMore?.(annotated, stored.ref) ?? annotated;
    };
    let changed: Draft | undefined;
    try {
      await store.change(list, (draft) => {
        changed = draft && change(draft);
        if (changed !== undefined) return changed;
        throw image === undefined ? listNotFound(list) : entryNotFound(image, imageName, listName);
      });
    } catch (error) {
      // One whose file is broken is not in the draft; this says what is wrong with it.
      if (image !== undefined && hasCode(error, "ENTRY_NOT_FOUND")) await store.readEntry(list, image);
      throw await (await import("./missing.js")).withMissingHint(error, store, list);
    }
    if (flags.format === "json" && changed !== undefined) {
      const { printDraft } = await import("./printDraft.js");
      printDraft(context.stdout, changed);
    }
  },
});

const hasPlatform = ({ os, arch, variant, osVersion, osFeatures }: PlatformFlags): boolean =>
  [os, arch, variant, osVersion, ...osFeatures].some((given) => given !== "");

const hasMore = ({ annotation, subject, artifactType }: MoreFlags): boolean =>
  annotation.length > 0 || subject !== "" || artifactType !== "";

/** What is not said of the list itself needs an image. */
function checkIsForList({ annotation }: MoreFlags): void {
  const other = annotation.find((text) => !text.startsWith("index:"));
  if (other === undefined) return;
  throw new ManifestError("USAGE", `--annotation ${other}: of which image?`, {
    subject: other,
    hint: "name the image after the list; write it as index:KEY=VALUE if the list itself is meant",
  });
}

/** docker's `annotate`. An image for several platforms is one file a platform; the first is docker's. */
function changePlatform(draft: Draft, entry: Entry, flags: PlatformFlags, hint: string | undefined): Draft {
  const platform = changedPlatform(entry.descriptor.platform, flags);
  if (!isKnownPlatform(platform.os, platform.architecture)) {
    throw new ManifestError(
      "USAGE",
      `manifest entry for image has unsupported os/arch combination: ${flags.os}/${flags.arch}`,
      { subject: formatReference(entry.ref), hint },
    );
  }
  const changed = { ...entry, descriptor: { ...entry.descriptor, platform } };
  return { ...draft, entries: draft.entries.map((one) => (one === entry ? changed : one)) };
}

/** What somebody may have meant whose platform docker does not know: `aarch64` is `arm64` there. */
async function platformHint({ os, arch }: PlatformFlags): Promise<string | undefined> {
  if ((os === "" && arch === "") || isKnownPlatform(os || "linux", arch || "amd64")) return undefined;
  const { suggestPlatform } = await import("../oci/platformAliases.js");
  const [name = "", architecture = "", variant] = suggestPlatform(os, arch || "amd64")?.split("/") ?? [];
  if (name === "") return undefined;
  const words = [
    ...(os === "" ? [] : [`--os ${name}`]),
    ...(arch === ""
      ? []
      : [`--arch ${architecture}`, ...(variant === undefined ? [] : [`--variant ${variant}`])]),
  ];
  return `did you mean ${words.join(" ")}?`;
}

function entryNotFound(image: Reference, imageName: string, listName: string): ManifestError {
  return new NotFoundError(
    "ENTRY_NOT_FOUND",
    `manifest for image ${imageName} does not exist in ${listName}`,
    { subject: formatReference(image) },
  );
}

function parseName(what: string, name: string): Reference {
  try {
    return parseReference(name);
  } catch (error) {
    throw new ManifestError(
      "INVALID_REFERENCE",
      `annotate: error parsing name for ${what} ${name}: ${messageOf(error)}`,
      { subject: name, hint: hintOf(error), cause: error },
    );
  }
}
