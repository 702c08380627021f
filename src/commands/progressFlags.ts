import type { FlagTable } from "../go/flags.js";

/** How work is shown that takes longer than a moment. */
export const progressFlags = {
  progress: {
    kind: "string",
    value: "mode",
    choices: ["auto", "plain", "none"],
    default: "auto",
    description: "How work is shown: auto, by bars on a terminal; plain, by lines with a time; none",
  },
} as const satisfies FlagTable;
