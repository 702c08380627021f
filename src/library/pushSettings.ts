import type { PublishSettings } from "../apply/publish.js";
import type { PushEvent } from "../push/execute.js";
import type { CallOptions } from "./connect.js";

/** Options of all functions that push. */
export interface TransferOptions extends CallOptions {
  /** Is what was pushed read back? `true`: the tags and every manifest, to the byte; `blobs`: also each blob's size. Default: false. */
  readonly verify?: boolean | "blobs" | undefined;
  /** How long a registry that lags behind may take to show what is asked for, in milliseconds. Default: 0. */
  readonly waitMs?: number | undefined;
  /** Called for each step: `progress` says how much of how much is done. */
  readonly onEvent?: ((event: PushEvent) => void) | undefined;
}

/** How `publish` is told. */
export function publishSettings({ verify = false, waitMs = 0 }: TransferOptions): PublishSettings {
  return { verify: verify === false ? "" : verify === "blobs" ? "blobs" : "manifests", waitMs };
}
