import type { Context } from "../../context.js";
import type { Draft, DraftBase } from "../../list/draft.js";
import type { Location } from "../../oci/location.js";
import type { Plan } from "../../push/plan.js";
import type { PushCommandFlags } from "./pushCommandFlags.js";
import type { Session } from "../../apply/session.js";

export interface Target {
  readonly location: Location;
  readonly tags: readonly string[];
}

export type Targets = readonly [Target, ...Target[]];
export type Plans = readonly [Plan, ...Plan[]];

/** One push, with all that it needs. */
export interface Work {
  readonly context: Context;
  readonly flags: PushCommandFlags;
  readonly targets: Targets;
  readonly session: Session;
}

/** What was pushed, and what the local list began with from now on. */
export interface Pushed {
  readonly digest: string;
  readonly draft: Draft;
  /** Of a list that began with one of the registry. */
  readonly base?: DraftBase;
}
