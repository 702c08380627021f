import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { pathsOf, type Surroundings, variable } from "./environment.js";

/**
 * The full path of a program on the PATH. Relative folders there, the working directory above all, are passed over:
 * what happens to lie around must not be run.
 */
export async function findExecutable(
  name: string,
  surroundings: Omit<Surroundings, "home">,
): Promise<string | undefined> {
  const windows = surroundings.platform === "win32";
  const paths = pathsOf(surroundings.platform);
  for (const folder of (variable(surroundings, "PATH") ?? "").split(paths.delimiter)) {
    if (!paths.isAbsolute(folder)) continue;
    const file = paths.join(folder, windows ? `${name}.exe` : name);
    if (await isExecutable(file)) return file;
  }
  return undefined;
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}
