import type { Session } from "../../apply/session.js";
import type { Target } from "../../apply/targets.js";
import type { Context, Output } from "../../context.js";
import type { Draft, DraftBase } from "../../list/draft.js";
import type { Manifest } from "../../oci/manifest.js";
import type { Progress } from "../../ui/terminal/progress.js";
import type { SentTally } from "../../ui/sentTally.js";
import type { PushCommandFlags } from "./pushCommandFlags.js";
import type { PushedBefore } from "./pushedBefore.js";

export type Targets = readonly [Target, ...Target[]];

/** One push, with all that it needs. */
export interface Work {
  readonly context: Context;
  readonly flags: PushCommandFlags;
  readonly targets: Targets;
  readonly session: Session;
  /** Where docker's lines go. */
  readonly lines: Output;
  readonly tally: SentTally;
  readonly progress: Progress;
  readonly before: PushedBefore;
}

/** What was pushed, and what the local list began with from now on. */
export interface Pushed {
  readonly root: Manifest;
  readonly draft: Draft;
  readonly targets: Targets;
  readonly sent: SentTally["sent"];
  /** Of a list that began with one of the registry. */
  readonly base?: DraftBase;
}
