/**
 * The first record of a text in CSV, as Go reads it: that is how docker takes the lists in its flags.
 * https://pkg.go.dev/encoding/csv
 *
 *     record = field *( "," field )
 *     field  = *( any but `"`, "," and line end ) / `"` *( any but `"` / `""` ) `"`
 *
 * Empty lines before the record are skipped, whatever follows its line is ignored.
 */
export class CsvError extends Error {
  override readonly name = "CsvError";
}

/** The fields of the first record; throws Go's message. The empty text has no field. */
export function readCsvRecord(text: string): string[] {
  if (text === "") return [];
  const lines = splitLines(text);
  const first = lines.findIndex((line) => withoutLineEnd(line) !== "");
  if (first === -1) throw new CsvError("EOF");

  const fields: string[] = [];
  let number = first;
  let line = lines[number] ?? "";
  let at = 0;
  const fail = (column: number, what: string): never => {
    const record = number === first ? "" : `record on line ${first + 1}; `;
    const bytes = Buffer.byteLength(line.slice(0, column)) + 1;
    throw new CsvError(`${record}parse error on line ${number + 1}, column ${bytes}: ${what}`);
  };

  for (;;) {
    if (line[at] !== '"') {
      const comma = line.indexOf(",", at);
      const end = comma === -1 ? withoutLineEnd(line).length : comma;
      const field = line.slice(at, end);
      if (field.includes('"')) fail(at + field.indexOf('"'), 'bare " in non-quoted-field');
      fields.push(field);
      if (comma === -1) return fields;
      at = comma + 1;
      continue;
    }

    let field = "";
    at++;
    for (;;) {
      const quote = line.indexOf('"', at);
      if (quote === -1) {
        field += line.slice(at);
        const next = lines[number + 1];
        if (next === undefined) return fail(line.length, 'extraneous or missing " in quoted-field');
        number++;
        line = next;
        at = 0;
        continue;
      }
      field += line.slice(at, quote);
      at = quote + 1;
      if (line[at] !== '"') break;
      field += '"';
      at++;
    }
    const rest = line.slice(at);
    if (rest !== "" && rest !== "\n" && !rest.startsWith(",")) {
      fail(at - 1, 'extraneous or missing " in quoted-field');
    }
    fields.push(field);
    if (!rest.startsWith(",")) return fields;
    at++;
  }
}

/** The lines, each with its line feed; `\r\n` counts as one, and a `\r` at the very end is dropped. */
function splitLines(text: string): string[] {
  return text
    .replace(/\r$/, "")
    .replaceAll("\r\n", "\n")
    .split(/(?<=\n)/);
}

function withoutLineEnd(line: string): string {
  return line.endsWith("\n") ? line.slice(0, -1) : line;
}
