import type { FlagTable, FlagValues } from "../../go/flags.js";
import type { commonFlags } from "../command.js";
import { expectationFlags, settingFlags, sourceFlags, waitFlags } from "../listFlags.js";
import { networkFlags } from "../networkFlags.js";
import { outputFlags } from "../outputFlags.js";
import { storeFlags } from "../userStore.js";

/** What `create` may be told. */
export const createFlags = {
  amend: { kind: "bool", short: "a", description: "Add to a list that exists already" },
  replace: { kind: "bool", description: "Replace a local list of this name, if there is one" },
  refresh: { kind: "bool", description: "With --amend: read again what the list has, too" },
  append: { kind: "bool", description: "Begin with the list that the registry has under this name" },
  ...sourceFlags,
  ...expectationFlags,
  ...settingFlags,
  wait: { ...waitFlags.wait, group: "What goes into the list" },
  ...outputFlags,
  ...storeFlags,
  ...networkFlags,
} as const satisfies FlagTable;

export type CreateFlags = FlagValues<typeof createFlags & typeof commonFlags>;
