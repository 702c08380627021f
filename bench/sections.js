// The parts of docs/performance.md that a run writes: each is Markdown, made of nothing but the report and the bars.
import { barsTable, evaluate, HELD, programOf } from "./bars.js";
import { MARK, nameOf, scenarioTable, seconds, startupTable, table } from "./table.js";

/** @typedef {import("./run.js").Report} Report */
/** @typedef {import("./trials.js").Row} Row */

/** @type {Readonly<Record<string, (report: Report) => string>>} by the names of their marks */
export const SECTIONS = {
  "what to expect": whatToExpect,
  "where it is not faster": whereNotFaster,
  bars,
  "round trips": roundTrips,
  "requests of each program": requestsOfEach,
  "first push": (report) =>
    times(report, [
      ["HTTP, 0 ms", "5 × 4, 0 ms, HTTP, first push"],
      ["HTTP, 10 ms", "5 × 4, 10 ms, HTTP, first push"],
      ["HTTP, 50 ms", "5 × 4, 50 ms, HTTP, first push"],
      ["token, 50 ms", "5 × 4, 50 ms, HTTPS, HTTP/2, bearer token, first push"],
      ["token of another host, 50 ms", "5 × 4, 50 ms, HTTPS, HTTP/2, token of another host, first push"],
    ]),
  "repeated push": (report) =>
    times(report, [
      ["HTTP, 0 ms", "5 × 4, 0 ms, HTTP, repeated push"],
      ["HTTP, 10 ms", "5 × 4, 10 ms, HTTP, repeated push"],
      ["HTTP, 50 ms", "5 × 4, 50 ms, HTTP, repeated push"],
      ["token, 50 ms", "5 × 4, 50 ms, HTTPS, HTTP/2, bearer token, repeated push"],
      ["token of another host, 50 ms", "5 × 4, 50 ms, HTTPS, HTTP/2, token of another host, repeated push"],
    ]),
  "changed tag": (report) =>
    times(report, [
      ["HTTP, 50 ms", "5 × 4, 50 ms, HTTP, changed tag"],
      ["token, 50 ms", "5 × 4, 50 ms, HTTPS, HTTP/2, bearer token, changed tag"],
    ]),
  "known registry": knownRegistry,
  "from images to a tag": (report) =>
    times(report, [
      ["5 × 4, HTTP, 0 ms", "5 × 4, 0 ms, HTTP, from images to tag"],
      ["5 × 4, HTTP, 50 ms", "5 × 4, 50 ms, HTTP, from images to tag"],
      ["5 × 4, token, 50 ms", "5 × 4, 50 ms, HTTPS, HTTP/2, bearer token, from images to tag"],
      ["16 × 8, HTTP, 50 ms", "16 × 8, 50 ms, HTTP, from images to tag"],
    ]),
  "many lists": manyLists,
  "how many at once": howManyAtOnce,
  "start-up": ({ startup }) => startupTable(startup),
  memory,
  "processor time": processorTime,
  "how it was measured": ({ measured, machine, peers }) => {
    const programs = Object.entries(peers).map(([name, said]) => `${name} ${versionOf(said)}`);
    return `Measured on ${measured}: ${machine}. ${programs.join(", ")}.`;
  },
  "all figures": ({ scenarios }) =>
    scenarios
      .filter(({ scenario }) => scenario.flags === undefined)
      .map(scenarioTable)
      .join("\n\n"),
};

/**
 * @param {Pick<Report, "scenarios">} report
 * @param {string} title
 * @returns {readonly Row[]} none where it was not measured
 */
function rowsOf({ scenarios }, title) {
  return scenarios.find((one) => one.title === title)?.rows ?? [];
}

/**
 * The median's milliseconds.
 * @param {Row | undefined} row
 */
const msOf = (row) => row?.ms?.median;

/** @param {readonly Row[]} rows */
function oursIn(rows) {
  return rows.find(({ peer, ms }) => peer.startsWith("tsmanifest") && ms !== undefined);
}

/**
 * The others that finished, the fastest first.
 * @param {readonly Row[]} rows
 */
function othersIn(rows) {
  return rows
    .filter(({ peer, ms }) => !peer.startsWith("tsmanifest") && ms !== undefined)
    .toSorted((a, b) => (msOf(a) ?? 0) - (msOf(b) ?? 0));
}

/**
 * @param {Row | undefined} row
 * @param {Row | undefined} ours
 */
function besideOurs(row, ours) {
  const [ms, base] = [msOf(row), msOf(ours)];
  return ms === undefined || base === undefined ? "" : `${seconds(ms)} s (${times1(ms / base)})`;
}

/** @param {number} factor */
function times1(factor) {
  return `× ${factor >= 9.95 ? factor.toFixed(0) : factor.toFixed(1)}`;
}

/** @param {string} text */
const code = (text) => `\`${text}\``;

/** @param {Report} report */
function whatToExpect(report) {
  const entries = [
    ["make a list of 5 images, 50 ms away, HTTP", "5 × 4, 50 ms, HTTP, from images to tag"],
    ["the same by HTTPS with a token", "5 × 4, 50 ms, HTTPS, HTTP/2, bearer token, from images to tag"],
    ["push a local list of 5 images for the first time, HTTP", "5 × 4, 50 ms, HTTP, first push"],
    ["the same by HTTPS with a token", "5 × 4, 50 ms, HTTPS, HTTP/2, bearer token, first push"],
    ["push it again, with nothing to do, HTTP", "5 × 4, 50 ms, HTTP, repeated push"],
    ["the same by HTTPS with a token", "5 × 4, 50 ms, HTTPS, HTTP/2, bearer token, repeated push"],
    ["push a list of 16 images of 8 blobs, HTTP", "16 × 8, 50 ms, HTTP, first push"],
    ["make 200 lists, 20 ms away, HTTP", "200 lists of 4 × 4, images elsewhere, 20 ms, HTTP, first run"],
    ["push a list of 5 images to a registry next door (0 ms)", "5 × 4, 0 ms, HTTP, first push"],
  ];
  const rows = entries.flatMap(([what = "", title = ""]) => {
    const rows = rowsOf(report, title);
    const ours = oursIn(rows);
    if (ours === undefined) return [];
    const docker = rows.find(({ peer, ms }) => peer.startsWith("docker") && ms !== undefined);
    const [fastest] = othersIn(rows);
    const best = fastest === undefined ? "" : `${code(fastest.peer)} ${besideOurs(fastest, ours)}`;
    return [[what, `${seconds(msOf(ours))} s`, besideOurs(docker, ours), best]];
  });
  return table([["what you do", "tsmanifest", "docker", "the fastest of the others"], ...rows]);
}

/** @param {Report} report */
function whereNotFaster({ scenarios }) {
  const rows = scenarios.flatMap(({ title, rows }) => {
    const ours = oursIn(rows);
    const faster = othersIn(rows).filter((row) => (msOf(row) ?? Infinity) < (msOf(ours) ?? 0));
    if (ours === undefined || faster.length === 0) return [];
    const who = faster.map((row) => `${code(row.peer)} ${seconds(msOf(row))} s`).join(", ");
    return [[title, `${seconds(msOf(ours))} s`, who]];
  });
  if (rows.length === 0) return "In this run, no other program was faster anywhere.";
  return table([["", "tsmanifest", "faster"], ...rows]);
}

/** @param {Report} report */
function bars(report) {
  const verdicts = evaluate(report).filter(({ isMet }) => isMet !== undefined);
  const met = verdicts.filter(({ isMet }) => isMet === true).length;
  return `${met} of ${verdicts.length} are met.\n\n${barsTable(report)}`;
}

/** @param {string} title */
function levelsOf(title) {
  return String(HELD.find((held) => held.title === title)?.cost?.levels ?? "");
}

function roundTrips() {
  const token = "HTTPS, HTTP/2, bearer token";
  const registries = [
    ["no login, and that goes without asking", "HTTP", ""],
    ["it must be asked whether it wants a login", "HTTPS, HTTP/2", ""],
    ["it wants a token, and has not been used from here before", token, ", unknown registry"],
    ["it wants a token, and has been used before, as by `create`", token, ""],
  ];
  const rows = registries.map(([what = "", line = "", known = ""]) => [
    what,
    ...["first push", "repeated push"].map((act) => levelsOf(`5 × 4, 50 ms, ${line}, ${act}${known}`)),
  ]);
  return table([["registry", "first push", "the same push again"], ...rows]);
}

/**
 * What it saves to have used a registry before.
 * @param {Report} report
 */
function knownRegistry(report) {
  const lines = ["bearer token", "token of another host"];
  const acts = ["first push", "repeated push", "from images to tag"];
  const rows = lines.flatMap((line) =>
    acts.flatMap((act) => {
      const title = `5 × 4, 50 ms, HTTPS, HTTP/2, ${line}, ${act}`;
      // A push comes after a `create`, which has used the registry.
      const titles =
        act === "from images to tag"
          ? [title, `${title}, known registry`]
          : [`${title}, unknown registry`, title];
      const [first, later] = titles.map((one) => msOf(oursIn(rowsOf(report, one))));
      if (first === undefined || later === undefined) return [];
      const saved = `${(100 * (1 - later / first)).toFixed(0)} %`;
      return [[`${act}, ${line}`, seconds(first), seconds(later), saved]];
    }),
  );
  return table([["seconds, median", "for the first time", "later", "saved"], ...rows]);
}

/** @param {Report} report */
function requestsOfEach(report) {
  const titles = [
    "5 × 4, 50 ms, HTTP, first push",
    "5 × 4, 50 ms, HTTP, repeated push",
    "5 × 4, 50 ms, HTTPS, HTTP/2, bearer token, first push",
    "5 × 4, 50 ms, HTTPS, HTTP/2, bearer token, repeated push",
  ];
  const columns = titles.map((title) => rowsOf(report, title));
  const names = [...new Map(columns.flat().map((row) => [row.peer, nameOf(row)]))];
  const rows = names.map(([peer, name]) => [
    name,
    ...columns.map((column) => {
      const { requests, levels } = column.find((row) => row.peer === peer) ?? {};
      return requests === undefined ? "" : [requests, ...(levels === undefined ? [] : [levels])].join(" / ");
    }),
  ]);
  const head = ["", "first, HTTP", "repeated, HTTP", "first, token", "repeated, token"];
  return `${table([head, ...rows])}\n\n${MARK}`;
}

/**
 * Medians in seconds: a row for each command, a column for each scenario.
 * @param {Report} report
 * @param {readonly (readonly [string, string])[]} columns head and title
 */
function times(report, columns) {
  const measured = columns.map(([head, title]) => ({ head, rows: rowsOf(report, title) }));
  const some = measured.filter(({ rows }) => rows.some((row) => row.ms !== undefined));
  const names = [...new Map(some.flatMap(({ rows }) => rows.map((row) => [row.peer, nameOf(row)])))];
  const rows = names.map(([peer, name]) => [
    name,
    ...some.map(({ rows }) => seconds(msOf(rows.find((row) => row.peer === peer)))),
  ]);
  const isMarked = names.some(([peer, name]) => peer !== name);
  const shown = table([["seconds, median", ...some.map(({ head }) => head)], ...rows]);
  return isMarked ? `${shown}\n\n${MARK}` : shown;
}

/** @param {Report} report */
function manyLists(report) {
  const kinds = [
    ["Images in build repositories of the same registry, so that their blobs must be mounted:", "elsewhere"],
    ["Images in the repository of their list already, so that there is nothing to mount:", "beside"],
  ];
  const head = ["200 lists, 20 ms", "median, s", "× ours", "requests", "connections", "peak MiB"];
  return kinds
    .map(([what = "", images = ""]) => {
      const [first = [], again = []] = ["first run", "second run"].map((run) =>
        rowsOf(report, `200 lists of 4 × 4, images ${images}, 20 ms, HTTP, ${run}`),
      );
      const base = msOf(oursIn(first)) ?? NaN;
      const rows = [
        ...first.map((row) => ({ name: row.peer, row, factor: ((msOf(row) ?? NaN) / base).toFixed(1) })),
        ...again.map((row) => ({ name: `${row.peer}, once more`, row, factor: "" })),
      ].filter(({ row }) => row.ms !== undefined);
      const cells = rows.map(({ name, row, factor }) => [
        ...[name, seconds(msOf(row)), factor, String(row.requests ?? ""), String(row.connections ?? "")],
        (row.peakMiB ?? 0).toFixed(0),
      ]);
      return `${what}\n\n${table([head, ...cells])}`;
    })
    .join("\n\n");
}

/** @param {Report} report */
function howManyAtOnce({ scenarios }) {
  const wanted = scenarios.filter(
    ({ scenario }) => scenario.act === "push" && scenario.rtt === 50 && scenario.size.children >= 64,
  );
  const sorted = wanted.toSorted((a, b) => a.title.localeCompare(b.title, "en", { numeric: true }));
  const rows = sorted.flatMap(({ title, scenario, rows }) => {
    const ours = oursIn(rows);
    if (ours === undefined) return [];
    const { connections, peakMiB = 0, refused } = ours;
    const count = scenario.flags?.at(-1) ?? "not said";
    const what = title.replace(/, 50 ms|, first push.*/g, "").replace(/, first push.*/, "");
    const figures = [
      seconds(msOf(ours)),
      String(connections ?? ""),
      peakMiB.toFixed(0),
      String(refused ?? ""),
    ];
    return [[what, count, ...figures]];
  });
  const head = ["", "`--concurrency`", "median, s", "connections", "peak MiB", "answered 429"];
  return table([head, ...rows]);
}

/** @param {Report} report */
function memory(report) {
  const titles = [
    "5 × 4, 50 ms, HTTP, first push",
    "5 × 4, 50 ms, HTTPS, HTTP/2, bearer token, first push",
    "64 × 8, 50 ms, HTTP, first push",
    "64 × 8, 50 ms, HTTPS, HTTP/2, 100 streams, first push",
    "200 × 4, 0 ms, HTTP, first push",
    "500 × 4, 50 ms, HTTP, first push",
    "500 × 4, 50 ms, HTTPS, HTTP/2, 250 streams, first push",
    "200 lists of 4 × 4, images elsewhere, 20 ms, HTTP, first run",
  ];
  const columns = titles.flatMap((title) => {
    const rows = rowsOf(report, title).filter(({ ms }) => ms !== undefined);
    return rows.length === 0 ? [] : [{ title, rows }];
  });
  const programs = [...new Set(columns.flatMap(({ rows }) => rows.map(({ peer }) => programOf(peer))))];
  const cells = columns.map(({ title, rows }) => [
    title,
    ...programs.map((program) => {
      const row = rows.find(({ peer }) => programOf(peer) === program);
      return row?.peakMiB === undefined ? "" : row.peakMiB.toFixed(0);
    }),
  ]);
  return table([["MiB", ...programs], ...cells]);
}

/** @param {Report} report */
function processorTime(report) {
  const runs = ["first push", "repeated push"].map((act) => rowsOf(report, `200 × 4, 0 ms, HTTP, ${act}`));
  const names = [...new Map(runs.flat().map((row) => [row.peer, nameOf(row)]))];
  const rows = names.map(([peer, name]) => [
    name,
    ...runs.flatMap((rows) => {
      const { cpuMs, requests } = rows.find((row) => row.peer === peer) ?? {};
      if (cpuMs === undefined) return ["", "", ""];
      const each = requests === undefined ? "" : (cpuMs / requests).toFixed(2);
      return [seconds(cpuMs), String(requests ?? ""), each];
    }),
  ]);
  const head = ["", "first push, s", "requests", "ms each", "repeated push, s", "requests", "ms each"];
  return `${table([head, ...rows])}\n\n${MARK}`;
}

/**
 * What a program said of its version, as it is usually written; one that was built from a branch says nothing of use.
 * @param {string} said
 */
export function versionOf(said) {
  return said.includes("unknown") ? "(main)" : said.replace(/^v(?=\d)/, "");
}
