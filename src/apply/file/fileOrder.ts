import type { ListOrder } from "../order.js";

/** Where something is in a file of lists. */
export interface FilePlace {
  /** As it was named on the command line; `-` for standard input. */
  readonly file: string;
  /** Both begin at 1; a column counts UTF-16 units, as editors do. */
  readonly line: number;
  readonly column: number;
}

/** A list of a file, read and checked as far as that goes without any request. */
export interface FileOrder {
  readonly order: ListOrder;
  /** Where its target is. */
  readonly at: FilePlace;
  /** Where each of `order.from` is. */
  readonly fromAt: readonly FilePlace[];
  /** What the file says beside the list itself. Undefined where it says nothing: the command line decides then. */
  readonly retries?: number;
  readonly verify?: "none" | "manifests" | "blobs";
  /** How long a registry that lags behind is given, in milliseconds. */
  readonly wait?: number;
}

/** `lists.yaml:12:5` */
export function formatFilePlace({ file, line, column }: FilePlace): string {
  return `${file}:${line}:${column}`;
}
