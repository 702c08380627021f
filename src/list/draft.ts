import type { Descriptor } from "../oci/descriptor.js";
import type { Location } from "../oci/location.js";
import type { Reference } from "../oci/reference.js";
import type { Entry } from "./entry.js";

/** A list in the making: what docker keeps of it, and the settings that docker has no word for. */
export interface Draft {
  readonly name: Reference;
  /** In the order of docker's store. */
  readonly entries: readonly Entry[];
  readonly settings: Settings;
}

export interface Settings {
  /** Of the list's own media type; `auto` is docker's rule where docker could have made the list, else OCI. */
  readonly type: "auto" | "docker" | "oci";
  /** Of the index itself. */
  readonly annotations: Readonly<Record<string, string>>;
  /** https://github.com/opencontainers/image-spec/blob/main/image-index.md, `subject` */
  readonly subject?: Descriptor | undefined;
  /** Empty for none. */
  readonly artifactType: string;
}

export const DEFAULT_SETTINGS: Settings = { type: "auto", annotations: {}, artifactType: "" };

export function emptyDraft(name: Reference): Draft {
  return { name, entries: [], settings: DEFAULT_SETTINGS };
}

export type { Entry, Location };
