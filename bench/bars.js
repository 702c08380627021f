// What tsmanifest holds itself to: how much slower than others, or how large, a row of the benchmark may be at most, and
// what it may cost on the wire. `npm run bench` evaluates the bars; test/bench/bars.test.ts asserts the costs.
import { seconds, table } from "./table.js";

/** @typedef {import("./run.js").Report} Report */
/** @typedef {import("./trials.js").Row} Row */

/**
 * What a run may cost. Requests are exact, so are levels where they are said, but for `spare`; no more connections than these.
 * @typedef {object} Cost
 * @property {number} requests
 * @property {number} [levels] requests that wait for each other; left out where what is under way at once depends on the clock
 * @property {number} [spare] so many levels more, where HTTP/1.1 begins with fewer connections than there are requests to send
 * @property {number} connections
 */

/**
 * A figure of a row, and what it may be at most. Of a time: seconds, or with `of` a share of the fastest of those rows;
 * of start-up: times `node -e 0`.
 * @typedef {object} Bar
 * @property {"time" | "processor time a request" | "peak MiB" | "requests" | "answered 429" | "start-up"} figure
 * @property {readonly string[]} [of]
 * @property {number} atMost
 */

/**
 * @typedef {object} Held
 * @property {string} title of the scenario
 * @property {string} command of ours
 * @property {Cost} [cost] where nothing is known of registries, but by what comes before in the scenario
 * @property {readonly Bar[]} [bars]
 */

const PUSH = "tsmanifest push";
const CREATE = "tsmanifest imagetools create";
/** Of those that make a list of images in one command. @type {Bar} */
const FOUR_TIMES_THE_FASTEST = {
  figure: "time",
  of: ["crane index append", "regctl index create", "buildx imagetools create"],
  atMost: 0.25,
};
export const STARTUP = "start-up";

/** @type {readonly Held[]} */
export const HELD = [
  {
    title: "5 × 4, 50 ms, HTTP, first push",
    command: PUSH,
    cost: { requests: 32, levels: 3, spare: 2, connections: 26 },
  },
  {
    title: "5 × 4, 50 ms, HTTP, repeated push",
    command: PUSH,
    cost: { requests: 6, levels: 1, connections: 6 },
    bars: [
      { figure: "time", of: ["oras cp"], atMost: 0.75 },
      { figure: "requests", atMost: 6 },
    ],
  },
  {
    title: "5 × 4, 50 ms, HTTP, changed tag",
    command: PUSH,
    cost: { requests: 7, levels: 2, connections: 7 },
  },
  {
    title: "5 × 4, 50 ms, HTTPS, HTTP/2, first push",
    command: PUSH,
    cost: { requests: 32, levels: 4, connections: 1 },
  },
  {
    title: "5 × 4, 50 ms, HTTPS, HTTP/2, repeated push",
    command: PUSH,
    cost: { requests: 6, levels: 2, connections: 1 },
  },
  {
    title: "5 × 4, 50 ms, HTTPS, HTTP/2, bearer token, first push",
    command: PUSH,
    cost: { requests: 34, levels: 4, connections: 1 },
  },
  {
    title: "5 × 4, 50 ms, HTTPS, HTTP/2, bearer token, first push, unknown registry",
    command: PUSH,
    cost: { requests: 34, levels: 5, connections: 1 },
  },
  {
    title: "5 × 4, 50 ms, HTTPS, HTTP/2, bearer token, repeated push, unknown registry",
    command: PUSH,
    cost: { requests: 28, levels: 3, connections: 1 },
  },
  {
    title: "5 × 4, 50 ms, HTTPS, HTTP/2, bearer token, from images to tag, known registry",
    command: CREATE,
    cost: { requests: 49, levels: 5, connections: 1 },
  },
  {
    title: "5 × 4, 50 ms, HTTPS, HTTP/2, bearer token, repeated push",
    command: PUSH,
    cost: { requests: 8, levels: 2, connections: 1 },
    bars: [
      { figure: "time", of: ["oras cp"], atMost: 0.7 },
      { figure: "requests", atMost: 8 },
    ],
  },
  {
    title: "5 × 4, 50 ms, HTTPS, HTTP/2, bearer token, changed tag",
    command: PUSH,
    cost: { requests: 9, levels: 3, connections: 1 },
  },
  {
    title: "5 × 4, 50 ms, HTTPS, HTTP/2, token of another host, repeated push",
    command: PUSH,
    cost: { requests: 8, levels: 2, connections: 2 },
  },
  {
    title: "5 × 4, 50 ms, HTTP, from images to tag",
    command: CREATE,
    cost: { requests: 47, levels: 4, spare: 3, connections: 47 },
    bars: [FOUR_TIMES_THE_FASTEST],
  },
  {
    title: "5 × 4, 50 ms, HTTPS, HTTP/2, bearer token, from images to tag",
    command: CREATE,
    cost: { requests: 49, levels: 6, connections: 1 },
    bars: [FOUR_TIMES_THE_FASTEST],
  },
  ...["HTTPS, HTTP/2, 100 streams", "HTTPS, HTTP/2, 429 beyond 100"].flatMap((line) => [
    {
      title: `64 × 8, 50 ms, ${line}, first push`,
      command: PUSH,
      cost: { requests: 642, connections: 1 },
      bars: /** @type {Bar[]} */ ([
        { figure: "time", atMost: 0.82 },
        { figure: "answered 429", atMost: 0 },
      ]),
    },
  ]),
  ...["HTTPS, HTTP/2, 250 streams", "HTTPS, HTTP/2, 429 beyond 100"].flatMap((line) => [
    {
      title: `500 × 4, 50 ms, ${line}, first push`,
      command: PUSH,
      cost: { requests: 3002, connections: 1 },
      bars: /** @type {Bar[]} */ ([
        { figure: "time", atMost: 2.16 },
        { figure: "peak MiB", atMost: 129.9 },
        { figure: "answered 429", atMost: 0 },
      ]),
    },
  ]),
  {
    title: "5 × 4, 0 ms, HTTP, first push",
    command: PUSH,
    bars: [{ figure: "time", of: ["crane index append", "regctl index create"], atMost: 1 }],
  },
  {
    title: "200 × 4, 0 ms, HTTP, first push",
    command: PUSH,
    bars: [{ figure: "processor time a request", atMost: 0.4 }],
  },
  { title: STARTUP, command: "tsmanifest --version", bars: [{ figure: "start-up", atMost: 1.1 }] },
  { title: STARTUP, command: "tsmanifest annotate", bars: [{ figure: "start-up", atMost: 1.25 }] },
  { title: STARTUP, command: "tsmanifest rm", bars: [{ figure: "start-up", atMost: 1.25 }] },
  {
    title: STARTUP,
    command: "tsmanifest push, to the first byte sent",
    bars: [{ figure: "start-up", atMost: 1.64 }],
  },
];

/**
 * @typedef {object} Verdict
 * @property {Held} held
 * @property {Bar} bar
 * @property {Row | undefined} row ours
 * @property {number | undefined} value undefined where the run failed, or there is nothing to compare it with
 * @property {boolean | undefined} isMet
 */

/**
 * Those of the scenarios that were measured.
 * @param {Pick<Report, "startup" | "scenarios">} report
 * @returns {Verdict[]}
 */
export function evaluate({ startup, scenarios }) {
  return HELD.flatMap((held) => {
    const rows = held.title === STARTUP ? [] : scenarios.find(({ title }) => title === held.title)?.rows;
    if (rows === undefined || (held.title === STARTUP && startup.length === 0)) return [];
    const row = rows.find(({ peer }) => peer === held.command);
    return (held.bars ?? []).map((bar) => {
      const value =
        bar.figure === "start-up"
          ? startup.find(({ name }) => name === held.command)?.ratio
          : row && valueOf(bar, row, rows);
      // As it is shown: 1.101 is 1.1.
      const isMet = value === undefined ? undefined : round(value) <= bar.atMost;
      return { held, bar, row, value, isMet };
    });
  });
}

/**
 * @param {Bar} bar
 * @param {Row} row
 * @param {readonly Row[]} rows
 * @returns {number | undefined}
 */
function valueOf({ figure, of }, row, rows) {
  switch (figure) {
    case "time":
      return of === undefined ? row.ms && row.ms.median / 1000 : shareOf(of, row, rows);
    case "processor time a request":
      return row.cpuMs !== undefined && row.requests !== undefined ? row.cpuMs / row.requests : undefined;
    case "peak MiB":
      return row.peakMiB;
    case "requests":
      return row.requests;
    case "answered 429":
      return row.refused;
    case "start-up":
      return undefined;
  }
}

/**
 * @param {readonly string[]} names
 * @param {Row} row
 * @param {readonly Row[]} rows
 */
function shareOf(names, row, rows) {
  const others = rows.flatMap(({ peer, ms }) =>
    names.includes(peer) && ms !== undefined ? [ms.median] : [],
  );
  return row.ms === undefined || others.length === 0 ? undefined : row.ms.median / Math.min(...others);
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 100) / 100;
}

/** @param {Pick<Report, "startup" | "scenarios">} report */
export function barsTable(report) {
  const head = ["", "at most", "measured", "met", "time, s", "requests", "levels", "connections"];
  const rows = evaluate(report).map(({ held, bar, row, value, isMet }) => [
    `${held.title}: ${held.command}`,
    `${bar.atMost} ${unitOf(bar)}`,
    value === undefined ? "not measured" : round(value).toFixed(decimalsOf(bar)),
    isMet === undefined ? "" : isMet ? "yes" : "**no**",
    seconds(row?.ms?.median),
    String(row?.requests ?? ""),
    String(row?.levels ?? ""),
    String(row?.connections ?? ""),
  ]);
  return table([head, ...rows]);
}

/** @param {Bar} bar */
function unitOf({ figure, of = [] }) {
  switch (figure) {
    case "time":
      if (of.length === 0) return "s";
      return of.length === 1 ? `of ${of.join()}` : `of the fastest of ${of.map(programOf).join(", ")}`;
    case "processor time a request":
      return "ms of processor time a request";
    case "start-up":
      return "times `node -e 0`";
    case "peak MiB":
      return "MiB";
    case "requests":
    case "answered 429":
      return figure;
  }
}

/** @param {Bar} bar */
function decimalsOf({ figure }) {
  return figure === "requests" || figure === "answered 429" || figure === "peak MiB" ? 0 : 2;
}

/** @param {string} name of a row */
export function programOf(name) {
  return name.split(" ")[0] ?? name;
}
