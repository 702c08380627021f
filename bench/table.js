// The results as Markdown, which reads well in a terminal too.

/** @typedef {import("./run.js").Row} Row */

/** @param {import("./run.js").Report} report */
export function reportTables({ measured, machine, peers, startup, scenarios }) {
  const versions = Object.entries(peers).map(([name, version]) => `${name} (${version})`);
  const parts = [`${measured}, ${machine}. ${versions.join(", ")}.`];
  if (startup.length > 0) {
    const rows = startup.map(({ name, ms, ratio }) => [name, range(ms, "ms"), ratio.toFixed(2)]);
    parts.push("### Start-up", table([["", "median (range), ms", "times `node -e 0`"], ...rows]));
  }
  return `${[...parts, ...scenarios.map(scenarioTable)].join("\n\n")}\n`;
}

/** @param {import("./run.js").Measured} measured */
export function scenarioTable({ title, registry, scenario, rows }) {
  const ours = rows.find(({ peer }) => peer.startsWith("tsmanifest"))?.ms?.median;
  const head = ["", "median (range), s", "× ours", "requests", "levels", "connections", "kB", "peak MiB"];
  return [
    `### ${title}${scenario.oursOnly === true ? ", tsmanifest alone" : ""}`,
    table([head, ...rows.map((row) => cells(row, ours))]),
    `Registry: ${registry}.`,
  ].join("\n\n");
}

/**
 * @param {Row} row
 * @param {number | undefined} ours
 */
function cells({ peer, ms, fault, requests, levels, connections, bytes, peakMiB }, ours) {
  if (ms === undefined) return [peer, fault ?? "", "", "", "", "", "", ""];
  return [
    peer,
    range(ms, "s"),
    ours === undefined ? "" : (ms.median / ours).toFixed(1),
    String(requests ?? ""),
    String(levels ?? ""),
    String(connections ?? ""),
    bytes === undefined ? "" : (bytes / 1000).toFixed(0),
    (peakMiB ?? 0).toFixed(0),
  ];
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
function table(rows) {
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
