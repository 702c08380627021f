// The results as Markdown, which reads well in a terminal too.

/** @typedef {import("./trials.js").Row} Row */

/** @param {import("./run.js").Report} report */
export function reportTables({ measured, machine, peers, startup, scenarios }) {
  const versions = Object.entries(peers).map(([name, version]) => `${name} ${version}`);
  return `${[
    `${measured}, ${machine}. ${versions.join(", ")}.`,
    ...(startup.length > 0 ? [`### Start-up\n\n${startupTable(startup)}`] : []),
    ...scenarios.map(scenarioTable),
  ].join("\n\n")}\n`;
}

/** @param {readonly import("./startup.js").Startup[]} startup */
export function startupTable(startup) {
  const node = startup[0]?.ms.median ?? NaN;
  const rows = startup.map(({ name, ms, ratio }) => [
    `\`${name.split(", ")[0] ?? name}\`${name.includes(", ") ? `, ${name.split(", ").slice(1).join(", ")}` : ""}`,
    range(ms, "ms"),
    (ms.median - node).toFixed(0),
    ratio.toFixed(2),
  ]);
  return table([["", "median (range), ms", "beyond `node -e 0`, ms", "times `node -e 0`"], ...rows]);
}

/** What the star of {@link nameOf} means. */
export const MARK = "\\* It finds its sources in that time, too.";

/** @param {import("./trials.js").Measured} measured */
export function scenarioTable({ title, registry, rows }) {
  const ours = rows.find(({ peer, ms }) => peer.startsWith("tsmanifest") && ms !== undefined)?.ms?.median;
  const isAlone = rows.every(({ peer }) => peer.startsWith("tsmanifest"));
  const isBounded = rows.some(({ refused }) => refused !== undefined);
  const head = [
    ...["", "median (range), s", "× ours", "requests", "levels", "connections", "kB", "peak MiB"],
    ...["processor, s", ...(isBounded ? ["answered 429"] : [])],
  ];
  const shown = rows.filter(({ ms }) => ms !== undefined);
  const notes = [
    ...(shown.some(({ readsSources }) => readsSources) ? [MARK] : []),
    `Registry: ${registry}.`,
    ...rows.flatMap(({ peer, ms, fault }) =>
      ms === undefined ? [`Left out: \`${peer}\` (\`${(fault ?? "").replaceAll("`", "'")}\`).`] : [],
    ),
  ];
  return [
    `### ${title}${isAlone ? ", tsmanifest alone" : ""}`,
    table([head, ...shown.map((row) => cells(row, ours, isBounded))]),
    notes.join(" "),
  ].join("\n\n");
}

/**
 * @param {Row} row
 * @param {number | undefined} ours
 * @param {boolean} isBounded
 */
function cells(row, ours, isBounded) {
  const { ms, requests, levels, connections, bytes, peakMiB, cpuMs, refused } = row;
  return [
    nameOf(row),
    ms === undefined ? "" : range(ms, "s"),
    ms === undefined || ours === undefined ? "" : (ms.median / ours).toFixed(1),
    String(requests ?? ""),
    String(levels ?? ""),
    String(connections ?? ""),
    bytes === undefined ? "" : (bytes / 1000).toFixed(0),
    (peakMiB ?? 0).toFixed(0),
    seconds(cpuMs),
    ...(isBounded ? [String(refused ?? "")] : []),
  ];
}

/** @param {Pick<Row, "peer" | "readsSources">} row */
export function nameOf({ peer, readsSources }) {
  return readsSources === true ? `${peer} \\*` : peer;
}

/** @param {number | undefined} ms */
export function seconds(ms) {
  if (ms === undefined) return "";
  const value = ms / 1000;
  return value >= 9.95 ? value.toFixed(0) : value >= 2.995 ? value.toFixed(1) : value.toFixed(2);
}

/**
 * @param {import("./stats.js").Spread} spread
 * @param {"s" | "ms"} unit
 */
function range({ median, min, max, runs }, unit) {
  const show = (/** @type {number} */ ms) => (unit === "s" ? (ms / 1000).toFixed(2) : ms.toFixed(0));
  return runs === 1 ? show(median) : `${show(median)} (${show(min)}–${show(max)})`;
}

/** @param {readonly (readonly string[])[]} rows the first is the head */
export function table(rows) {
  const columns =
    rows[0]?.map((_, index) => Math.max(3, ...rows.map((row) => row[index]?.length ?? 0))) ?? [];
  const lines = rows.map((row) => {
    const padded = row.map((cell, index) =>
      index === 0 ? cell.padEnd(columns[0] ?? 0) : cell.padStart(columns[index] ?? 0),
    );
    return `| ${padded.join(" | ")} |`;
  });
  const rule = columns.map((width, index) => (index === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  lines.splice(1, 0, `| ${rule.join(" | ")} |`);
  return lines.join("\n");
}
