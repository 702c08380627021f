import path from "node:path";

/** The part of the outside world that docker's own settings depend on. */
export interface Surroundings {
  /** The variables, such as `process.env`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The user's home folder, for `~/.docker`. */
  readonly home: string;
  /** The operating system, such as `process.platform`. */
  readonly platform: NodeJS.Platform;
}

/** An environment variable, or undefined where it is empty; on Windows in any case. */
export function variable({ env, platform }: Omit<Surroundings, "home">, name: string): string | undefined {
  const matches = (key: string): boolean =>
    key === name || (platform === "win32" && key.toLowerCase() === name.toLowerCase());
  return Object.entries(env).find(([key, value]) => matches(key) && value !== undefined && value !== "")?.[1];
}

/** Paths in the way of the platform asked about, which in a test is not the one the test runs on. */
export function pathsOf(platform: NodeJS.Platform): path.PlatformPath {
  return platform === "win32" ? path.win32 : path.posix;
}
