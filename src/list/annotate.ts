import { NO_PLATFORM, type Platform } from "../oci/platform.js";

/** What `annotate` may say of a platform; what is empty stays as it was. */
export interface PlatformChanges {
  readonly os: string;
  readonly arch: string;
  readonly variant: string;
  readonly osVersion: string;
  /** Added to those there are. */
  readonly osFeatures: readonly string[];
}

/** The platform with the changes made. A feature that is there already is not added again; repeats of its own stay. */
export function changedPlatform(before: Platform = NO_PLATFORM, changes: PlatformChanges): Platform {
  const features = before["os.features"];
  return {
    os: changes.os || before.os,
    architecture: changes.arch || before.architecture,
    variant: changes.variant || before.variant,
    "os.version": changes.osVersion || before["os.version"],
    "os.features": [
      ...features,
      ...new Set(changes.osFeatures.filter((feature) => !features.includes(feature))),
    ],
  };
}
