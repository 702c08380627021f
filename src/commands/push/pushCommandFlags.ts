import type { FlagTable, FlagValues } from "../../go/flags.js";
import type { commonFlags } from "../command.js";
import { expectationFlags, pushFlags } from "../listFlags.js";
import { networkFlags } from "../networkFlags.js";
import { storeFlags } from "../userStore.js";

/** What `push` may be told. */
export const pushCommandFlags = {
  purge: { kind: "bool", short: "p", description: "Delete the local list when all is done" },
  mountOnly: {
    kind: "bool",
    description: "Fail, as docker does, where the registry refuses to mount a blob",
  },
  crossRegistry: { kind: "bool", description: "Take images from other registries too, by copying them" },
  to: {
    kind: "string",
    value: "layout",
    description: "Write the list and its images into an OCI layout instead: oci-layout://DIR[:tag]",
  },
  tag: {
    kind: "stringArray",
    value: "ref",
    description: "Give the list this tag as well, or push it to this whole reference, too; may be repeated",
  },
  type: {
    kind: "string",
    value: "format",
    choices: ["auto", "docker", "oci"],
    description:
      "Write the list as docker's manifest list or as an OCI index: docker, oci, or auto for what fits",
  },
  ...expectationFlags,
  ...pushFlags,
  ...storeFlags,
  ...networkFlags,
} as const satisfies FlagTable;

export type PushCommandFlags = FlagValues<typeof pushCommandFlags & typeof commonFlags>;
