// Bars drawn by hand: SVG that GitHub and a browser show alike, in light and dark.
import { programOf } from "./bars.js";
import { versionOf } from "./sections.js";

const WIDTH = 760;
const BAR = 18;
const GAP = 8;
const NAMES = 310;
const VALUES = 170;
const TITLE = 28;

/** The panels, from above. */
const PANELS = [
  { of: "5 × 4, 50 ms, HTTP, from images to tag", title: "From images to a tag, HTTP" },
  {
    of: "5 × 4, 50 ms, HTTPS, HTTP/2, bearer token, from images to tag",
    title: "From images to a tag, HTTPS with HTTP/2 and a bearer token",
  },
  { of: "5 × 4, 50 ms, HTTP, repeated push", title: "Repeated push of a local list, HTTP" },
  {
    of: "5 × 4, 50 ms, HTTPS, HTTP/2, bearer token, repeated push",
    title: "Repeated push of a local list, HTTPS with HTTP/2 and a bearer token",
  },
];

/** @typedef {import("./trials.js").Measured} Measured */

/**
 * The time of a first push and of a repeated one by program, over HTTP and over HTTPS with a token. Each bar is a median,
 * with a line from the fastest to the slowest run; a version is beside each name.
 * @param {import("./run.js").Report} report
 */
export function chart({ measured, machine, peers, scenarios }) {
  const versions = new Map(Object.entries(peers).map(([name, said]) => [name, versionOf(said)]));
  let y = 58;
  const panels = PANELS.flatMap(({ title, of }) => {
    const shown = scenarios.find((one) => one.title === of);
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
<text x="8" y="20">A list of 5 images of 4 blobs each, at a round-trip time of 50 ms. Shorter is better.</text>
<text class="small" x="8" y="40">Bar: median. Line: fastest to slowest run. ${escape(machine)}. Measured on ${measured}.</text>
${panels.join("\n")}
</svg>
`;
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
    const version = versions.get(programOf(peer)) ?? "";
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

/** @param {string} text */
function escape(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
