import type { ValueChange } from "../list/difference.js";
import type { ContentDifference, ImageDifference, TreeDifference } from "../look/treeDifference.js";
import { manifestName } from "./artifactNames.js";
import { valueText } from "./differenceText.js";
import { code, plain, table } from "./markdown.js";
import { readableSize } from "./terminal/words.js";
import { counted } from "./text.js";

const ORIGINS = { local: " (local list)", registry: "", layout: "" } as const;

const CHANGES = {
  added: "added",
  removed: "removed",
  changed: "changed",
  described: "described differently",
  unchanged: "same image",
} as const;

/** A difference as Markdown for GitHub: a table with a row for each platform that differs. */
export function differenceMarkdown(difference: TreeDifference): string {
  const { from, to, isSame, images, unchanged, others, annotations, fields, problems } = difference;
  const side = ({ name, origin, digest }: TreeDifference["to"]): string[] => [
    `${code(name)}${ORIGINS[origin]}`,
    code(digest),
  ];
  const sides = [
    ["Before", ...(from === undefined ? ["nothing", ""] : side(from))],
    ["After", ...side(to)],
  ];
  const values = [...annotations, ...fields];
  return [
    `### ${isSame ? "No difference" : `Changes of ${code(to.name)}`}\n`,
    table([{ title: "" }, { title: "Name" }, { title: "Digest" }], sides),
    ...(images.length === 0 ? [] : [imageTable(images)]),
    ...(unchanged === 0 || isSame ? [] : [`${counted(unchanged, "image")} as before\n`]),
    ...(others.length === 0 ? [] : [otherTable(others)]),
    ...(values.length === 0 ? [] : [valueTable(values)]),
    ...(problems.length === 0 ? [] : [problems.map(({ message }) => `- ${plain(message)}\n`).join("")]),
  ].join("\n");
}

function imageTable(images: readonly ImageDifference[]): string {
  return table(
    [
      { title: "Platform" },
      { title: "Change" },
      { title: "Before" },
      { title: "After" },
      { title: "Size", isNumeric: true },
      { title: "What" },
    ],
    images.map((image) => {
      const { platform = "unknown", change, from, to, content, entry, attestation } = image;
      return [
        plain(platform),
        CHANGES[change],
        from === undefined ? "" : code(from),
        to === undefined ? "" : code(to),
        content === undefined ? "" : sizeText(content.bytes),
        [
          ...(content === undefined ? [] : contentTexts(content)),
          ...entry.map(changeText),
          ...(attestation === undefined ? [] : [`attestation ${attestation}`]),
        ].join("<br>"),
      ];
    }),
  );
}

function sizeText({ from, to }: ContentDifference["bytes"]): string {
  return from === to ? readableSize(to) : `${readableSize(from)} → ${readableSize(to)}`;
}

function contentTexts({ layers, config, annotations, fields }: ContentDifference): string[] {
  const { kept, added, removed } = layers;
  return [
    `layers: ${kept.length} kept, ${added.length} added, ${removed.length} removed`,
    ...[...config, ...annotations.map((one) => ({ ...one, name: `annotation ${one.name}` })), ...fields].map(
      changeText,
    ),
  ];
}

function changeText(change: ValueChange): string {
  const sign = change.from === undefined ? "new " : change.to === undefined ? "without " : "";
  return `${sign}${plain(valueText(change))}`;
}

function otherTable(others: TreeDifference["others"]): string {
  return table(
    [{ title: "Entry" }, { title: "Digest" }, { title: "Change" }],
    others.map(({ change, digest, mediaType, artifactType }) => [
      plain(artifactType || manifestName(mediaType)),
      code(digest),
      CHANGES[change],
    ]),
  );
}

function valueTable(changes: readonly ValueChange[]): string {
  return table(
    [{ title: "Annotation or field" }, { title: "Before" }, { title: "After" }],
    changes.map(({ name, from = "", to = "" }) => [code(name), plain(from), plain(to)]),
  );
}
