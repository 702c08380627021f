import type { FlagTable, FlagValues } from "../go/flags.js";
import type { commonFlags } from "./command.js";
import { progressFlags } from "./progressFlags.js";

/** What the commands that talk to a registry have in common. */
export const networkFlags = {
  insecure: {
    kind: "bool",
    description: "Accept any certificate, and plain HTTP where there is no TLS",
  },
  plainHttp: { kind: "bool", description: "Plain HTTP and nothing else" },
  caFile: { kind: "string", value: "file", description: "Trust the CAs in this PEM file too" },
  retries: {
    kind: "int",
    value: "n",
    default: 5,
    max: 100,
    description: "How often to retry after a temporary failure; 0 for never",
  },
  concurrency: {
    kind: "int",
    value: "n",
    default: 0,
    min: 1,
    max: 1000,
    description:
      "Most requests under way at once to a registry; default: what it takes, up to 64 by HTTP/1.1 and 256 by HTTP/2",
  },
  ...progressFlags,
} as const satisfies FlagTable;

export type NetworkFlags = FlagValues<typeof networkFlags & typeof commonFlags>;
