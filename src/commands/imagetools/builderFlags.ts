import type { FlagTable } from "../../go/flags.js";

/** buildx has it everywhere; these commands use no builder, there or here. */
export const builderFlags = {
  builder: { kind: "string", value: "name", description: "Ignored: no builder is used" },
} as const satisfies FlagTable;
