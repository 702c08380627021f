// A bar for each peer, drawn by hand: SVG that GitHub and a browser show alike, in light and dark.

const WIDTH = 760;
const BAR = 18;
const GAP = 8;
const NAMES = 190;
const VALUES = 80;

/**
 * First pushes of the small list at 50 ms, one panel a protocol.
 * @param {import("./run.js").Report} report
 */
export function chart({ scenarios }) {
  const shown = scenarios.filter(
    ({ scenario: { act, rtt, size, oursOnly } }) =>
      act === "push" && rtt === 50 && size.children === 5 && oursOnly !== true,
  );
  let y = 8;
  const panels = shown.map(({ title, rows }) => {
    const panel = drawPanel(title, rows, y);
    y += panel.height + 20;
    return panel.svg;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" role="img" aria-label="Time of a push, by program">
<style>
  text { font: 13px system-ui, sans-serif; fill: #24292f; }
  .title { font-weight: 600; }
  .bar { fill: #8c959f; }
  .ours { fill: #1a7f37; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .bar { fill: #6e7681; }
    .ours { fill: #3fb950; }
  }
</style>
${panels.join("\n")}
</svg>
`;
}

/**
 * @param {string} title
 * @param {readonly import("./run.js").Row[]} rows
 * @param {number} top
 */
function drawPanel(title, rows, top) {
  const bars = rows.flatMap(({ peer, ms }) =>
    ms === undefined ? [] : [{ peer, seconds: ms.median / 1000 }],
  );
  bars.sort((a, b) => a.seconds - b.seconds);
  const longest = Math.max(...bars.map(({ seconds }) => seconds));
  const lines = bars.map(({ peer, seconds }, index) => {
    const y = top + 28 + index * (BAR + GAP);
    const width = Math.max(2, (seconds / longest) * (WIDTH - NAMES - VALUES));
    const style = peer.startsWith("tsmanifest") ? "bar ours" : "bar";
    return [
      `<text x="${NAMES - 8}" y="${y + 13}" text-anchor="end">${peer}</text>`,
      `<rect class="${style}" x="${NAMES}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="2"/>`,
      `<text x="${(NAMES + width + 6).toFixed(1)}" y="${y + 13}">${seconds.toFixed(2)} s</text>`,
    ].join("");
  });
  const heading = `<text class="title" x="8" y="${top + 14}">${title}</text>`;
  return { svg: [heading, ...lines].join("\n"), height: 28 + bars.length * (BAR + GAP) };
}
