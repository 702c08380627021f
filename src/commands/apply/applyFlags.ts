import type { FlagTable, FlagValues } from "../../go/flags.js";
import { pushFlags, waitFlags } from "../listFlags.js";
import { networkFlags, type NetworkFlags } from "../networkFlags.js";
import { outputFileFlags, outputFlags, summaryFlags } from "../outputFlags.js";

export const applyFlags = {
  file: {
    kind: "stringArray",
    short: "f",
    value: "file",
    group: "Many lists",
    description:
      "Read lists from a YAML or JSON file, a folder of them, or - for what is piped in; may be repeated",
  },
  jobs: {
    kind: "int",
    value: "n",
    default: 32,
    min: 1,
    max: 1000,
    description: "How many lists are made at once; --concurrency limits their requests",
  },
  failFast: { kind: "bool", description: "Begin no more lists when one has failed" },
  results: {
    kind: "string",
    value: "file",
    description: "Append a line of JSON to this file for each list, as soon as it is done",
  },
  shard: {
    kind: "string",
    value: "i/n",
    description: "Make only the lists of this shard: 3/16, or auto for what the CI system says",
  },
  shards: {
    kind: "int",
    value: "n",
    default: 0,
    min: 1,
    max: 10_000,
    description: "How many shards there are, for --shard auto and for --plan",
  },
  plan: {
    kind: "bool",
    description: "Show what would be sent and what would change, list by list, and change nothing",
  },
  ...outputFlags,
  ...summaryFlags,
  digestFile: {
    ...outputFileFlags.digestFile,
    description: "Write the digests into this file, one line for each list as on stdout, once all are pushed",
  },
  metadataFile: {
    ...outputFileFlags.metadataFile,
    description: "Write digest, size, names and platforms of each list into this file, as JSON by its target",
  },
  verify: pushFlags.verify,
  ...waitFlags,
  ...networkFlags,
} as const satisfies FlagTable;

export type ApplyFlags = FlagValues<typeof applyFlags> & NetworkFlags;
