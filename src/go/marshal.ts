import { goObject, goString, indentJson } from "./json.js";
import type { GoField, GoStruct, GoValue } from "./values.js";

/** Values to JSON, as Go's encoding/json writes them: https://pkg.go.dev/encoding/json#Marshal */

/** As `json.Marshal` writes it. */
export function marshalValue(value: GoValue): string {
  switch (value.kind) {
    case "nil":
      return "null";
    case "bool":
    case "int":
      return String(value.value);
    case "string":
      return goString(value.value);
    case "float":
      return marshalFloat(value.value);
    case "bytes":
      return value.isNil ? "null" : `"${value.value.toString("base64")}"`;
    case "slice":
      return value.isNil ? "null" : `[${value.items.map(marshalValue).join(",")}]`;
    case "map":
      return value.isNil
        ? "null"
        : goObject(Array.from(value.entries, ([key, member]) => [key, marshalValue(member)] as const));
    case "struct":
      return value.json ?? goObject(fieldsOf(value).map(marshalField));
    case "pointer":
      return value.isNil ? "null" : marshalValue(value.to);
  }
}

/** As `json.MarshalIndent(value, "", "  ")` writes it. */
export function marshalIndented(value: GoValue): string {
  return indentJson(Buffer.from(marshalValue(value)), "  ").toString();
}

/** The fields of a struct with those of the structs embedded in it in their place. */
function fieldsOf(value: GoStruct): GoField[] {
  return value.fields.flatMap((field) =>
    field.isEmbedded && field.value.kind === "struct" ? fieldsOf(field.value) : [field],
  );
}

function marshalField(field: GoField): readonly [string, string | undefined] {
  const isOmitted = field.jsonName === undefined || (field.omitEmpty && isEmpty(field));
  return [field.jsonName ?? "", isOmitted ? undefined : marshalValue(field.value)];
}

/** What `omitempty` leaves out: false, 0, nil, and what has no length. */
function isEmpty({ value, isAny }: GoField): boolean {
  if (isAny) return value.kind === "nil";
  switch (value.kind) {
    case "nil":
      return true;
    case "bool":
    case "float":
    case "string":
    case "int":
      return !value.value;
    case "bytes":
    case "slice":
      return (value.kind === "bytes" ? value.value : value.items).length === 0;
    case "map":
      return value.entries.size === 0;
    case "struct":
      return false;
    case "pointer":
      return value.isNil;
  }
}

/** As JavaScript writes it, whose rule is Go's in this; but for -0. */
function marshalFloat(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}
