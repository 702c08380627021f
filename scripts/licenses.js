// The licences of what a bundle has of other packages: MIT, ISC and BSD want their text beside every copy.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import * as z from "zod/mini";

/** The file's name, beside the bundle. */
export const LICENSES = "THIRD-PARTY-LICENSES";

const Manifest = z.object({ name: z.string(), version: z.string(), license: z.string() });

/**
 * @param {string} root that the paths of the inputs begin at
 * @param {readonly import("esbuild").Metafile[]} metafiles
 * @param {string} file
 * @throws {Error} where a package has no such text
 */
export function writeLicenses(root, metafiles, file) {
  const inputs = metafiles.flatMap(({ inputs }) => Object.keys(inputs));
  const folders = inputs.flatMap(
    (input) => /^(?:[\w-]+:)?(.*node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+)/.exec(input)?.[1] ?? [],
  );
  const texts = [...new Set(folders.map((folder) => resolve(root, folder)))].map(licenseOf);
  const unique = [...new Set(texts)].sort();
  writeFileSync(file, `This program contains these packages:\n\n${unique.join("\n")}`);
}

/** @param {string} folder of a package */
function licenseOf(folder) {
  /** @type {unknown} */
  const json = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const { name, version, license } = Manifest.parse(json);
  const files = readdirSync(folder).filter((file) => /^(?:licen[cs]e|notice|copying)/i.test(file));
  if (files.length === 0) throw new Error(`${name} has no text of its licence (${license})`);
  const text = files.map((file) => readFileSync(join(folder, file), "utf8").trim()).join("\n\n");
  return `${"-".repeat(80)}\n${name} ${version} (${license})\n\n${text.replace(/\r\n/g, "\n")}\n`;
}
