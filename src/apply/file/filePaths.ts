import { isAbsolute, join, resolve } from "node:path";
import type { Place } from "../../content/place.js";
import type { SourceText } from "../../content/sourceText.js";
import type { InputFile } from "./readInputs.js";

/** What a file names by a relative path is beside the file, wherever the command was started. */

type Folders = Pick<InputFile, "folder" | "shownFolder">;

/** A path of a file, for the disk. */
export function pathIn({ folder }: Folders, path: string): string {
  return resolve(folder, path);
}

/** The same for people: relative if the file was named by a relative path. */
export function shownPathIn({ shownFolder }: Folders, path: string): string {
  return isAbsolute(path) ? path : join(shownFolder, path);
}

/** Where a layout of a file is; a repository of a registry is where it is. */
export function placeIn(folders: Folders, place: Place): Place {
  if (place.location.kind === "registry") return place;
  return {
    ...place,
    location: { kind: "layout", folder: pathIn(folders, place.name) },
    name: shownPathIn(folders, place.name),
  };
}

export function sourceIn(folders: Folders, source: SourceText): SourceText {
  return source.kind === "place" ? { ...source, place: placeIn(folders, source.place) } : source;
}
