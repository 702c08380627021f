import { arch } from "node:os";
import { targetsOf } from "../../apply/targets.js";
import { parseTarget, type Place } from "../../content/place.js";
import { parseSourceText } from "../../content/sourceText.js";
import { ManifestError, usageError } from "../../errors.js";
import { goQuote } from "../../go/quote.js";
import { parseAnnotations } from "../../list/annotationFlags.js";
import { encodeMetadata } from "../../list/combine.js";
import { suggestPlatformName } from "../../oci/platformAliases.js";
import { parsePlatform } from "../../oci/platformName.js";
import type { Platform } from "../../oci/platform.js";
import { pushedResult } from "../../ui/pushedResult.js";
import { escapeControls } from "../../ui/text.js";
import { defineCommand } from "../command.js";
import { readInputFile } from "../files.js";
import { checkPushFlags, expectationFlags, pushFlags, sourceFlags } from "../listFlags.js";
import { networkFlags } from "../networkFlags.js";
import { progressFlags } from "../progressFlags.js";
import { checkOutputFiles, writeOutputFiles } from "../outputFiles.js";
import { tellPushed } from "../tellPushed.js";
import { builderFlags } from "./builderFlags.js";

export const imagetoolsCreate = defineCommand({
  name: "imagetools create",
  dialect: "buildx",
  args: "[OPTIONS] [SOURCE...]",
  description:
    "Makes one list of images and lists, and gives it its tags, with no local list in between. A source is a reference, a digest, a descriptor as JSON, or an OCI layout (oci-layout://DIR[:TAG]). A tag is a reference or an OCI layout.",
  examples: [
    "tsmanifest imagetools create -t registry.example/app:v1 registry.example/app:v1-amd64 registry.example/app:v1-arm64",
    "tsmanifest imagetools create -t registry.example/app:v1 --from ./digests --expect linux/amd64,linux/arm64",
    "tsmanifest imagetools create --append -t registry.example/app:v1 registry.example/app:v1-s390x",
    "tsmanifest imagetools create -t docker.io/me/app:v1 -t ghcr.io/me/app:v1 ghcr.io/me/app:build-7",
  ],
  arity: { min: 0 },
  completes: ["other"],
  flags: {
    tag: {
      kind: "stringArray",
      short: "t",
      value: "ref",
      description: "Give the list this name; may be repeated",
    },
    file: {
      kind: "stringArray",
      short: "f",
      value: "file",
      description: "Read a source from a file; may be repeated",
    },
    append: { kind: "bool", description: "Begin with the list that the first tag names" },
    annotation: {
      kind: "stringArray",
      value: "annotation",
      description:
        "Annotate the list by index:KEY=VALUE, its entries by manifest-descriptor[PLATFORM]:KEY=VALUE; may be repeated",
    },
    dryRun: { kind: "bool", description: "Print the list that would be pushed, and push nothing" },
    preferIndex: {
      kind: "bool",
      default: true,
      description: "Put a single image into a list of its own; =false carries it over as it is",
    },
    ...builderFlags,
    ...sourceFlags,
    ...expectationFlags,
    ...pushFlags,
    ...networkFlags,
    progress: {
      ...progressFlags.progress,
      choices: ["auto", "none", "plain", "quiet", "rawjson", "tty"],
      description: `${progressFlags.progress.description}. As in buildx: tty, rawjson (as plain), quiet (as none)`,
    },
  },
  async run(context, flags, args) {
    if (args.length + flags.file.length + flags.from.length === 0) {
      throw usageError(
        "no sources specified",
        "name images or lists that it is made of, or pass --file or --from",
      );
    }
    if (!flags.dryRun && flags.tag.length === 0) {
      throw usageError("can't push with no tags specified, please set --tag or --dry-run");
    }
    checkPushFlags(flags);
    if (flags.plan && flags.dryRun) throw usageError("--plan and --dry-run: choose one of them");
    if (flags.dryRun && (flags.quiet || flags.format !== "text")) {
      throw usageError(
        `--dry-run and --${flags.quiet ? "quiet" : `format ${flags.format}`}: choose one of them`,
      );
    }
    const files = await Promise.all(flags.file.map(readSourceFile));
    const targets = flags.tag.map(parseTarget);
    const [first] = flags.tag;
    const appended = flags.append && first !== undefined ? [first] : [];
    const sources = [...appended, ...files, ...args].map((text) => ({ text, source: parseSourceText(text) }));
    const platforms = flags.platform.flatMap((text) => parsePlatforms(text, context.platform));
    const annotations = readAnnotations(flags.annotation);
    if (flags.merge && flags.append) throw usageError("--append and --merge: choose one of them");
    if (flags.merge && targets.length === 0)
      throw usageError("--merge needs a --tag: the list that is added to");
    if (!flags.dryRun && !flags.plan) await checkOutputFiles(flags);
    for (const text of withoutKey(annotations, flags.annotation)) {
      const named = escapeControls(goQuote(text));
      context.stderr.write(`WARNING: --annotation ${named} has no key: write it as index:KEY=VALUE\n`);
    }

    const { runImagetoolsCreate } = await import("./runCreate.js");
    const made = await runImagetoolsCreate(context, flags, {
      sources,
      from: flags.from,
      targets,
      platforms,
      annotations,
      onto: flags.append ? "append" : flags.merge ? "merge" : "nothing",
      attestations: flags.attestations === "drop" ? "drop" : "keep",
      type: "auto",
      preferIndex: flags.preferIndex,
      expect: flags.expect,
      strict: flags.strict,
      referrers: flags.referrers,
    });
    if (made === undefined) return;
    const places = targetsOf(targets);
    const result = pushedResult({ ...made, targets: places });
    await tellPushed(context, flags.format, { result, images: [] }, async () => {
      // buildx's file stays as it is where nothing is asked that buildx does not have.
      const metadata = flags.format === "json" ? undefined : encodeMetadata(made.root, namesOf(targets));
      await writeOutputFiles(flags, result, places, metadata);
    });
  },
});

async function readSourceFile(path: string): Promise<string> {
  return (await readInputFile(path)).toString("utf8");
}

/** The repositories of the tags, sorted, each once. */
function namesOf(targets: readonly Place[]): string[] {
  return [...new Set(targets.map(({ name }) => name))].sort((a, b) =>
    Buffer.compare(Buffer.from(a), Buffer.from(b)),
  );
}

/** Go's names of the architectures that Node names otherwise. */
const GO_ARCHITECTURES = new Map([
  ["x64", "amd64"],
  ["ia32", "386"],
]);

/** One, or several separated by commas. An operating system or architecture alone is completed by this machine's. */
function parsePlatforms(text: string, platform: NodeJS.Platform): Platform[] {
  const defaults = {
    os: platform === "win32" ? "windows" : platform,
    architecture: GO_ARCHITECTURES.get(arch()) ?? arch(),
  };
  return text.split(",").map((one) => {
    try {
      return parsePlatform(one, defaults);
    } catch (error) {
      if (!(error instanceof ManifestError)) throw error;
      const { code, message, hint } = error;
      const meant = suggestPlatformName(one);
      throw new ManifestError(code, `invalid platform "${one}": ${message}`, {
        subject: one,
        hint: meant === undefined ? hint : `did you mean ${meant}?`,
        cause: error,
      });
    }
  });
}

function readAnnotations(texts: readonly string[]): ReturnType<typeof parseAnnotations> {
  try {
    return parseAnnotations(texts);
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    const { code, message, subject, hint } = error;
    throw new ManifestError(code, `failed to parse annotations: ${message}`, { subject, hint, cause: error });
  }
}

/** buildx takes what has no key, and nobody can have meant that. */
function withoutKey(annotations: ReturnType<typeof parseAnnotations>, texts: readonly string[]): string[] {
  if (annotations.every(({ key }) => key !== "")) return [];
  return texts.filter((text) => /^[^=]*:=/.test(text));
}
