import { ManifestError } from "../errors.js";
import { parseReference } from "../oci/reference.js";
import { defineCommand } from "./command.js";
import { networkFlags } from "./networkFlags.js";
import { openUserStore, storeFlags } from "./userStore.js";

export const diffCommand = defineCommand({
  name: "diff",
  args: "[OPTIONS] NAME [NAME]",
  description:
    "Shows how the second of two lists or images differs from the first: by platform, down to layers and configs. Each is a local list or, where there is none of that name, what the registry has; registry://NAME is what the registry has in any case, oci-layout://DIR[:TAG] is in a layout. Of one name it shows what a push of the local list would change.",
  examples: [
    "tsmanifest diff registry.example/app:v1",
    "tsmanifest diff registry.example/app:v1 registry.example/app:v2",
    "tsmanifest diff --exit-code registry.example/app:v1 oci-layout://out:v1",
    "tsmanifest diff --remote --format markdown registry.example/app:v1 registry.example/app:v2",
  ],
  arity: { min: 1, max: 2 },
  completes: ["list"],
  flags: {
    remote: {
      kind: "bool",
      description: "Every name is what the registry has, also where there is a local list of that name",
    },
    exitCode: {
      kind: "bool",
      description:
        "Exit with 1 where they differ and 0 where they do not; with 2 where that cannot be found out",
    },
    quiet: { kind: "bool", short: "q", description: "Print nothing, and exit as with --exit-code" },
    format: {
      kind: "string",
      value: "format",
      choices: ["text", "json", "markdown"],
      default: "text",
      description: "How the result is printed: text, json or markdown",
    },
    ...storeFlags,
    ...networkFlags,
  },
  failureStatus: ({ exitCode, quiet }) => (exitCode || quiet ? 2 : 1),
  async run(context, flags, [first = "", second]) {
    if (flags.remote && second === undefined) {
      throw new ManifestError(
        "USAGE",
        "--remote needs two names: of one, the local list is compared with the registry",
      );
    }
    if (flags.quiet && flags.format !== "text") {
      throw new ManifestError("USAGE", `--format ${flags.format} and --quiet: choose one of them`);
    }
    const store = openUserStore(context, flags);
    const { lookTarget } = await import("./look/lookTargets.js");
    const target = await lookTarget(first, store, flags.remote);
    if (second === undefined && target.kind !== "local") {
      const { notInStore } = await import("./missing.js");
      throw await notInStore(store, parseReference(first));
    }
    const { showDifference } = await import("./look/showDifference.js");
    const { isSame, isRight } =
      second === undefined
        ? await showDifference(context, flags, target)
        : await showDifference(context, flags, target, await lookTarget(second, store, flags.remote));
    const isAsked = flags.exitCode || flags.quiet;
    if (!isRight) return isAsked ? 2 : 1;
    return isAsked && !isSame ? 1 : 0;
  },
});
