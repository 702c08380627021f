import { homedir, userInfo } from "node:os";

/**
 * The user's home folder as docker finds it: an empty `HOME` counts as none. A user who is not in the system's list either has
 * no home, which is the empty text here; docker then looks in `.docker`, too.
 */
export function homeFolder(): string {
  try {
    const home = homedir();
    return home === "" ? userInfo().homedir : home;
  } catch {
    return "";
  }
}
