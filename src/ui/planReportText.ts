import { columnWidth } from "./columnWidth.js";
import type { PlanReport } from "./planReportSchema.js";
import { counted, oneLine } from "./text.js";
import { readableSize } from "./terminal/words.js";

type Target = PlanReport["targets"][number];
type Tag = Target["tags"][number];
type Difference = NonNullable<Tag["difference"]>;
type Request = PlanReport["requests"][number];

const LEVELS: readonly string[] = ["questions and mounts", "copies", "manifests", "the list and its tags"];

/** What pushes would do, for people: a block a target. */
export function planReportText({ requests, targets }: PlanReport): string {
  const blocks = targets.map((target) => [
    target.name,
    ...indented(factsOf(target)),
    ...indented(target.tags.flatMap((tag, index) => tagLines(tag, target.tags.slice(0, index), target))),
    ...indented(levelLines(requests.filter((request) => request.target === target.name))),
  ]);
  return blocks.map((lines) => lines.map((line) => `${oneLine(line)}\n`).join("")).join("\n");
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

function factsOf({ root, manifests, blobs }: Target): string[] {
  const { present, mount, copy, foreign, refused } = blobs;
  const { length: thereCount } = manifests.present;
  const rows: readonly (readonly [name: string, value: string, isShown: boolean])[] = [
    ["pushes", `${root.digest} (${root.mediaType}, ${readableSize(root.size)})`, true],
    ["there", `${counted(thereCount, "manifest")}, ${blobsOf(present)}`, thereCount + present.count > 0],
    ["puts", counted(manifests.put.length, "manifest"), manifests.put.length > 0],
    ["mounts", blobsOf(mount), mount.count > 0],
    ["copies", `${blobsOf(copy)} from ${copy.from.join(", ")}`, copy.count > 0],
    ["foreign", `${blobsOf(foreign)}: mounted where the registry has them, never copied`, foreign.count > 0],
    ["fails", `${blobsOf(refused)} would have to be copied, and only mounts are wanted`, refused.count > 0],
  ];
  return rows.filter(([, , isShown]) => isShown).map(([name, value]) => `${name.padEnd(8)} ${value}`);
}

function blobsOf({ count, bytes }: Target["blobs"]["mount"]): string {
  return `${counted(count, "blob")} (${readableSize(bytes)})`;
}

/** A tag, and what its list would lose and gain; said once of tags that name the same now. */
function tagLines(tag: Tag, before: readonly Tag[], { root }: Target): string[] {
  const { name, state, digest, difference, reason = "" } = tag;
  const like = before.find((other) => other.state === state && other.digest === digest);
  const shown = difference === undefined || like !== undefined ? [] : differenceLines(difference);
  const line = (text: string): string => `tag ${name}: ${text}`;
  switch (state) {
    case "absent":
      return [line("new"), ...indented(shown)];
    case "same":
      return [line("names it already")];
    case "other":
      if (like !== undefined) return [line(`${digest ?? ""} → ${root.digest}, as ${like.name}`)];
      if (difference === undefined) return [line(`${digest ?? ""}, which cannot be read, → ${root.digest}`)];
      return [line(`${digest ?? ""} → ${root.digest}`), ...indented(shown)];
    case "unknown":
      return [line(`what it names is not known: ${reason}`)];
  }
}

const SIGNS = { added: "+", removed: "-", changed: "~", described: "~", unchanged: "=" } as const;

function differenceLines({ images, unchanged, others, annotations, fields }: Difference): string[] {
  const platforms = images.map(({ platform = "platform not known" }) => platform);
  const width = columnWidth(platforms.map((platform) => platform.length));
  const imageLines = images.map(({ change, from, to, attestation }, index) => {
    const digests = change === "changed" ? `${from ?? ""} → ${to ?? ""}` : (to ?? from ?? "");
    const notes = [
      ...(change === "described" ? ["described differently"] : []),
      ...(attestation === undefined ? [] : [`attestation ${attestation}`]),
    ];
    const note = notes.length === 0 ? "" : ` (${notes.join(", ")})`;
    return `${SIGNS[change]} ${(platforms[index] ?? "").padEnd(width)}  ${digests}${note}`;
  });
  const otherLines = others.map(({ change, digest, mediaType, artifactType }) => {
    const note = change === "described" ? ", described differently" : "";
    return `${SIGNS[change]} ${digest} (${artifactType ?? mediaType}${note})`;
  });
  const valueLines = [
    ...annotations.map(({ name, ...values }) => ({ name: `annotation ${JSON.stringify(name)}`, ...values })),
    ...fields,
  ].map(({ name, from, to }) => {
    if (from === undefined) return `+ ${name}: ${JSON.stringify(to)}`;
    if (to === undefined) return `- ${name}: ${JSON.stringify(from)}`;
    return `~ ${name}: ${JSON.stringify(from)} → ${JSON.stringify(to)}`;
  });
  const same = unchanged === 0 ? [] : [`= ${counted(unchanged, "image")} as before`];
  return [...imageLines, ...same, ...otherLines, ...valueLines];
}

function levelLines(requests: readonly Request[]): string[] {
  if (requests.length === 0) return ["sends nothing"];
  const levels = LEVELS.map((what, index) => ({
    what,
    here: requests.filter(({ level }) => level === index + 1),
  })).filter(({ here }) => here.length > 0);
  return levels.flatMap(({ what, here }, index) => {
    const certain = here.filter(({ optional }) => optional !== true);
    const bytes = certain.reduce((sum, request) => sum + (request.bytes ?? 0), 0);
    const size = bytes === 0 ? "" : `, ${readableSize(bytes)}`;
    return [
      `${orderWord(index, levels.length)}: ${what}, ${counted(here.length, "request")}${size}`,
      ...here.map(({ method, url, optional }) => {
        return `  ${method.padEnd(6)} ${url}${optional === true ? " (may not be needed)" : ""}`;
      }),
    ];
  });
}

/** What is sent together begins when all before it has been answered. */
function orderWord(index: number, count: number): string {
  if (count === 1) return "sends";
  if (index === 0) return "first";
  return index === count - 1 ? "last" : "then";
}
