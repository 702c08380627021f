// Bars drawn by hand: SVG that GitHub and a browser show alike, in light and dark.

const WIDTH = 760;
const BAR = 18;
const GAP = 8;
const NAMES = 240;
const VALUES = 170;
const TITLE = 28;

/** What the chart is of: the line and the list that are also the first figures of docs/performance.md. */
const RTT = 50;
const CHILDREN = 5;

/** The panels, from above. */
const PANELS = [
  { act: "push", protocol: "http", title: "First push, HTTP" },
  { act: "repeat", protocol: "http", title: "Repeated push, HTTP" },
  { act: "push", protocol: "bearer", title: "First push, HTTPS with HTTP/2 and a bearer token" },
  { act: "repeat", protocol: "bearer", title: "Repeated push, HTTPS with HTTP/2 and a bearer token" },
];

/** @typedef {import("./run.js").Measured} Measured */

/**
 * The time of a push by program: the first push and the repeated one, over HTTP and over HTTPS with a token. Each bar is a
 * median, with a line from the fastest to the slowest run; a version is beside each name.
 * @param {import("./run.js").Report} report
 */
export function chart({ measured, machine, peers, scenarios }) {
  const versions = new Map(Object.entries(peers).map(([name, said]) => [name, versionOf(said)]));
  let y = 58;
  const panels = PANELS.flatMap(({ title, ...wanted }) => {
    const shown = scenarios.find(({ scenario }) => isOf(scenario, wanted));
    if (shown === undefined) return [];
    const panel = drawPanel(title, shown, versions, y);
    y += panel.height + 20;
    return [panel.svg];
  });
  const label = `Time of a first and of a repeated push, by program. Measured on ${measured}.`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" role="img" aria-label="${label}">
<style>
  text { font: 13px system-ui, sans-serif; fill: #24292f; }
  .title { font-weight: 600; }
  .small { font-size: 12px; fill: #57606a; }
  .bar { fill: #8c959f; }
  .ours { fill: #1a7f37; }
  .range { stroke: #24292f; stroke-width: 1.5; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .small { fill: #9198a1; }
    .bar { fill: #6e7681; }
    .ours { fill: #3fb950; }
    .range { stroke: #e6edf3; }
  }
</style>
<text x="8" y="20">A list of ${CHILDREN} images of 4 blobs each, at a round-trip time of ${RTT} ms. Shorter is better.</text>
<text class="small" x="8" y="40">Bar: median. Line: fastest to slowest run. ${escape(machine)}. Measured on ${measured}.</text>
${panels.join("\n")}
</svg>
`;
}

/**
 * @param {import("./scenarios.js").Scenario} scenario
 * @param {{ act: string, protocol: string }} wanted
 */
function isOf({ act, protocol, rtt, size, flags = [], oursOnly }, wanted) {
  const isFirst = rtt === RTT && size.children === CHILDREN && flags.length === 0 && oursOnly !== true;
  return isFirst && act === wanted.act && protocol === wanted.protocol;
}

/**
 * @param {string} title
 * @param {Measured} measured
 * @param {ReadonlyMap<string, string>} versions
 * @param {number} top
 */
function drawPanel(title, { rows }, versions, top) {
  const bars = rows.flatMap(({ peer, ms }) => (ms === undefined ? [] : [{ peer, ms }]));
  bars.sort((a, b) => a.ms.median - b.ms.median);
  const longest = Math.max(...bars.map(({ ms }) => ms.max));
  const widthOf = (/** @type {number} */ ms) => (ms / longest) * (WIDTH - NAMES - VALUES);
  const lines = bars.map(({ peer, ms }, index) => {
    const y = top + TITLE + index * (BAR + GAP);
    const style = peer.startsWith("tsmanifest") ? "bar ours" : "bar";
    const [left, right] = [NAMES + widthOf(ms.min), NAMES + widthOf(ms.max)].map((x) => x.toFixed(1));
    const version = versions.get(peer) ?? "";
    return [
      `<text x="${NAMES - 8}" y="${y + 13}" text-anchor="end">${escape(`${peer} ${version}`.trim())}</text>`,
      `<rect class="${style}" x="${NAMES}" y="${y}" width="${Math.max(2, widthOf(ms.median)).toFixed(1)}" height="${BAR}" rx="2"/>`,
      ms.runs > 1
        ? `<path class="range" d="M${left} ${y + 5}v${BAR - 10}m0 -${(BAR - 10) / 2}H${right}m0 -${(BAR - 10) / 2}v${BAR - 10}"/>`
        : "",
      `<text x="${(Number(right) + 8).toFixed(1)}" y="${y + 13}">${secondsOf(ms)}</text>`,
    ].join("");
  });
  const heading = `<text class="title" x="8" y="${top + 14}">${escape(title)}</text>`;
  return { svg: [heading, ...lines].join("\n"), height: TITLE + bars.length * (BAR + GAP) };
}

/** @param {import("./stats.js").Spread} spread */
function secondsOf({ median, min, max, runs }) {
  const show = (/** @type {number} */ ms) => (ms / 1000).toFixed(2);
  return runs === 1 ? `${show(median)} s (one run)` : `${show(median)} s (${show(min)}–${show(max)})`;
}

/**
 * What a program said of its version, as it is usually written; one that was built from a branch says nothing of use.
 * @param {string} said
 */
function versionOf(said) {
  return said.includes("unknown") ? "(main)" : said.replace(/^v(?=\d)/, "");
}

/** @param {string} text */
function escape(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
