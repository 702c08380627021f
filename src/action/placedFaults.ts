/** A fault of a file, as an annotation shows it: where the user sees the file. */
export interface PlacedFault {
  /** With its place, since the log shows nothing else. */
  readonly text: string;
  readonly file?: string;
  readonly startLine?: number;
  readonly startColumn?: number;
}

/**
 * The faults of files of lists, each by itself: lines that begin with `FILE:LINE:COLUMN: `. A fault of a whole file has no
 * place.
 * @example
 * placedFaults("lists.yaml:3:5: no such field"); // [{ text: "lists.yaml:3:5: …", file: "lists.yaml", startLine: 3, startColumn: 5 }]
 */
export function placedFaults(message: string): PlacedFault[] {
  return message.split("\n").map((text) => {
    const [, file, line, column] = /^(.+?):(\d+):(\d+): /.exec(text) ?? [];
    if (file === undefined) return { text };
    return { text, file, startLine: Number(line), startColumn: Number(column) };
  });
}
