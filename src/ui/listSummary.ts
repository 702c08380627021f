import type { Manifest } from "../oci/manifest.js";
import type { ListResult } from "./listResult.js";
import type { PlanReport } from "./planReportSchema.js";
import { counted } from "./text.js";
import { readableSize } from "./terminal/words.js";
import { code, plain, table } from "./markdown.js";

/** What the summary of a job tells of one list. */
export interface ListToTell {
  /** `planned`: nothing was pushed, since that was not wanted. */
  readonly status: "planned" | "pushed" | "unchanged";
  readonly digest: string;
  readonly manifests: ListResult["manifests"];
  readonly sent?: ListResult["sent"];
  /** Its names, whole. */
  readonly tags: readonly string[];
  /** What its names were before, where that was asked. */
  readonly before?: PlanReport | undefined;
  /** Of images, by digest, in bytes: their configs and layers. Missing where it could not be read. */
  readonly sizes: ReadonlyMap<string, number>;
}

type Tag = PlanReport["targets"][number]["tags"][number];
type Difference = NonNullable<Tag["difference"]>;

/** A tag with its whole name. */
interface NamedTag extends Tag {
  readonly whole: string;
}

const TITLES = {
  planned: "would be pushed",
  pushed: "was pushed",
  unchanged: "is already in the registry",
} as const;

/** As Markdown for GitHub. */
export function listSummary(list: ListToTell): string {
  const tags = (list.before?.targets ?? []).flatMap((target) =>
    target.tags.map((tag) => ({ ...tag, whole: `${target.name}:${tag.name}` })),
  );
  const [first = list.tags[0]] = tags.map(({ whole }) => whole);
  const since = comparedTag(tags);
  return [
    `### ${first === undefined ? "The list" : code(first)} ${TITLES[list.status]}\n`,
    `Digest: ${code(list.digest)}\n`,
    list.before === undefined
      ? table(
          [{ title: "Tag" }],
          list.tags.map((tag) => [code(tag)]),
        )
      : table(
          [{ title: "Tag" }, { title: "Before" }],
          tags.map((tag) => [code(tag.whole), stateOf(tag)]),
        ),
    imageTable(list, since),
    ...(since?.difference === undefined ? [] : [valueTable(since.difference)]),
    ...(list.sent === undefined || list.status === "unchanged" ? [] : [sentLine(list.sent)]),
  ]
    .filter((part) => part !== "")
    .join("\n");
}

/** What named something else before says most, then what is new; undefined where nothing is known. */
function comparedTag(tags: readonly NamedTag[]): NamedTag | undefined {
  const compared = tags.filter(({ state, difference }) => state === "same" || difference !== undefined);
  return ["other", "absent", "same"]
    .map((wanted) => compared.find(({ state }) => state === wanted))
    .find(Boolean);
}

function stateOf({ state, digest = "", reason = "" }: NamedTag): string {
  switch (state) {
    case "absent":
      return "new";
    case "same":
      return "unchanged";
    case "other":
      return code(digest);
    case "unknown":
      return `unknown: ${plain(reason)}`;
  }
}

function imageTable({ manifests, sizes, before }: ListToTell, since: NamedTag | undefined): string {
  const attestations = new Map<string, number>();
  for (const { attests } of manifests) {
    if (attests !== undefined) attestations.set(attests, (attestations.get(attests) ?? 0) + 1);
  }
  const entries = manifests.filter(({ attests }) => attests === undefined);
  const changes = since?.difference?.images ?? [];
  const rows = entries.map(({ digest, platform }) => {
    const size = sizes.get(digest);
    return [
      platform === undefined ? "none" : plain(platform),
      code(digest),
      size === undefined ? "" : readableSize(size),
      `${attestations.get(digest) ?? 0}`,
      ...(before === undefined ? [] : [changeOf(changes, since, digest, platform)]),
    ];
  });
  const removed = changes.filter(({ change }) => change === "removed");
  const lost = removed.map(({ platform = "none", from = "" }) => [
    plain(platform),
    code(from),
    "",
    "",
    "removed",
  ]);
  return table(
    [
      { title: "Platform" },
      { title: "Digest" },
      { title: "Size", isNumeric: true },
      { title: "Attestations", isNumeric: true },
      ...(before === undefined
        ? []
        : [{ title: since?.state === "other" ? `Change since ${code(since.whole)}` : "Change" }]),
    ],
    [...rows, ...lost],
  );
}

function changeOf(
  changes: Difference["images"],
  since: NamedTag | undefined,
  digest: string,
  platform: string | undefined,
): string {
  if (since === undefined) return "";
  const ofDigest = changes.filter(({ to }) => to === digest);
  const found = ofDigest.find((one) => one.platform === platform) ?? ofDigest[0];
  if (found === undefined) return "unchanged";
  const { change, from = "", attestation } = found;
  const what = {
    added: "added",
    removed: "removed",
    changed: `was ${code(from)}`,
    described: "same image, different platform or annotations",
    unchanged: "same image",
  }[change];
  return attestation === undefined || change === "added" ? what : `${what}, attestation ${attestation}`;
}

/** What the list says of itself, as far as that is not as it was. */
function valueTable({ annotations, fields }: Difference): string {
  const rows = [...annotations, ...fields].map(({ name, from, to }) => [
    code(name),
    from === undefined ? "" : plain(from),
    to === undefined ? "" : plain(to),
  ]);
  if (rows.length === 0) return "";
  const what =
    fields.length === 0 ? "Annotation" : annotations.length === 0 ? "Field" : "Annotation or field";
  return table([{ title: what }, { title: "Before" }, { title: "After" }], rows);
}

function sentLine({ manifests, mounted, copied, bytes }: NonNullable<ListToTell["sent"]>): string {
  const parts = [
    `${counted(manifests, "manifest")} pushed`,
    ...(mounted === 0 ? [] : [`${counted(mounted, "blob")} mounted`]),
    ...(copied === 0 ? [] : [`${counted(copied, "blob")} copied (${readableSize(bytes)})`]),
  ];
  return `${parts.join(", ")}\n`;
}

/** By digest, in bytes: config and layers of each image, each blob once. */
export function imageSizes(
  images: readonly Pick<Manifest, "digest" | "blobs">[],
): ReadonlyMap<string, number> {
  return new Map(
    images
      .filter(({ blobs }) => blobs.length > 0)
      .map(({ digest, blobs }) => {
        const sizes = new Map(blobs.map((blob) => [blob.digest, Number(blob.size)]));
        return [digest, [...sizes.values()].reduce((sum, size) => sum + size, 0)];
      }),
  );
}
