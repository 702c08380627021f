import { cpSync, existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

/** The files below a folder that a pattern finds, by their paths there: `*` is anything in one name, a folder all in it. */
export function matchesOf(folder: string, pattern: string): string[] {
  const escaped = pattern.replace(/\/$/, "").replace(/[.+^${}()|[\]\\]/g, "\\$&");
  const regExp = new RegExp(`^${escaped.replaceAll("*", "[^/]*")}(?:/.*)?$`);
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => regExp.test(path) && statSync(join(folder, path)).isFile())
    .sort();
}

/**
 * Copies what patterns find to another folder, each file to its path there: what one job hands on to the next. Throws for
 * a pattern that finds nothing, and for a file that is there already, which systems overwrite or refuse.
 */
export function handOn(from: string, patterns: readonly string[], to: string): void {
  for (const pattern of patterns) {
    const found = matchesOf(from, pattern);
    if (found.length === 0) throw new Error(`nothing matches ${pattern}`);
    for (const path of found) copyFile(join(from, path), join(to, path));
  }
}

/** Copies a file, with the folders that it is in; throws if it is there already. */
export function copyFile(from: string, to: string): void {
  if (existsSync(to)) throw new Error(`two jobs leave ${to}`);
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to);
}
