// Draws docs/terminal.svg: a short session on a registry in memory, run in a real terminal by script(1), its text as text.
// `node tools/picture.js` makes it anew; a test compares it with the one that is there.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import xterm from "@xterm/headless";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
export const PICTURE_FILE = join(root, "docs/terminal.svg");

/** What stands for the registry in the picture. As long as `127.10.0.1:` and five digits, so that columns stay columns. */
const HOST = "registry.example";
const ADDRESS = "127.10.0.1";

const COLUMNS = 96;

/** What is typed. */
const SESSION = [
  `tsmanifest imagetools create -t ${HOST}/app:v2 --from digests \\
    --expect linux/amd64,linux/arm64,linux/s390x`,
  `tsmanifest imagetools create -t ${HOST}/app:v2 --from digests \\
    --expect linux/amd64,linux/arm64 && echo pushed`,
  `tsmanifest inspect --tree ${HOST}/app:v2`,
  `tsmanifest diff ${HOST}/app:v1 ${HOST}/app:v2`,
];

/**
 * Runs the session, and draws what the terminal shows at its end.
 * @returns {Promise<string>} SVG
 */
export async function takePicture() {
  const folder = mkdtempSync(join(tmpdir(), "picture-"));
  try {
    const { startRegistry } = await buildAll(folder);
    const registry = await startOnFiveDigits(startRegistry);
    try {
      const digests = fill(registry);
      mkdirSync(join(folder, "work/digests"), { recursive: true });
      for (const digest of digests)
        writeFileSync(join(folder, "work/digests", digest.replace("sha256:", "")), "");
      const written = await runInTerminal(folder, registry.host);
      return draw(await linesOf(written), registry.host);
    } finally {
      await registry.close();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * The program and the registry, of the sources as they are.
 * @param {string} folder
 * @returns {Promise<typeof import("../src/testing/index.js")>}
 */
async function buildAll(folder) {
  await build({
    entryPoints: { tsmanifest: join(root, "src/main.ts"), testing: join(root, "src/testing/index.ts") },
    outdir: folder,
    outExtension: { ".js": ".cjs" },
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    logLevel: "error",
  });
  const program = join(folder, "bin/tsmanifest");
  mkdirSync(dirname(program));
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${join(folder, "tsmanifest.cjs")}' "$@"\n`);
  chmodSync(program, 0o755);
  /** @type {unknown} */
  const bundled = await import(pathToFileURL(join(folder, "testing.cjs")).href);
  return /** @type {{ readonly default: typeof import("../src/testing/index.js") }} */ (bundled).default;
}

/** @param {typeof import("../src/testing/index.js").startRegistry} startRegistry */
async function startOnFiveDigits(startRegistry) {
  for (;;) {
    const registry = await startRegistry({ host: ADDRESS });
    if (registry.host.length === HOST.length) return registry;
    await registry.close();
  }
}

/**
 * A list of before, and what two builds have pushed since: an index each, of an image and its attestation.
 * @param {import("../src/testing/index.js").RunningRegistry} registry
 * @returns {string[]} the digests that the builds leave
 */
function fill(registry) {
  const base = Buffer.alloc(31_400_000, "base");
  const layers = (/** @type {string} */ seed) => [base, Buffer.alloc(4_700_000, seed)];
  /** @param {string} seed */
  const image = (seed) => {
    const [, architecture = ""] = seed.split(" ");
    return registry.putImage("app", { kind: "oci", architecture, layers: layers(seed), seed });
  };
  const amd64 = image("v1 amd64");
  registry.putList("app", { kind: "oci", tag: "v1", children: [amd64, image("v1 arm64")] });
  return ["v2 amd64", "v2 arm64"].map((seed) => {
    const built = image(seed);
    const attestation = attest(registry, built.digest);
    const manifests = [
      { mediaType: built.mediaType, digest: built.digest, size: built.size, platform: built.platform },
      {
        ...attestation,
        platform: { os: "unknown", architecture: "unknown" },
        annotations: {
          "vnd.docker.reference.digest": built.digest,
          "vnd.docker.reference.type": "attestation-manifest",
        },
      },
    ];
    const mediaType = "application/vnd.oci.image.index.v1+json";
    return registry.putManifest("app", mediaType, JSON.stringify({ schemaVersion: 2, mediaType, manifests }))
      .digest;
  });
}

/**
 * What BuildKit says of an image: how it was made, and what is in it.
 * @param {import("../src/testing/index.js").RunningRegistry} registry
 * @param {string} digest of the image
 */
function attest(registry, digest) {
  const layers = ["https://slsa.dev/provenance/v1", "https://spdx.dev/Document"].map((predicateType) => {
    const statement = { _type: "https://in-toto.io/Statement/v1", subject: [{ digest }], predicateType };
    return {
      ...registry.putBlob("app", JSON.stringify(statement), "application/vnd.in-toto+json"),
      annotations: { "in-toto.io/predicate-type": predicateType },
    };
  });
  const config = registry.putBlob("app", "{}", "application/vnd.oci.image.config.v1+json");
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  return registry.putManifest(
    "app",
    mediaType,
    JSON.stringify({ schemaVersion: 2, mediaType, config, layers }),
  );
}

/**
 * @param {string} folder
 * @param {string} host
 * @returns {Promise<Buffer>} all that was written to the terminal
 */
async function runInTerminal(folder, host) {
  const commands = SESSION.map((line) => {
    const shown = `printf '\\033[32m$\\033[0m \\033[1m%s\\033[0m\\n' '${line}'`;
    return `${shown}\n${line.replaceAll(HOST, host)}\necho`;
  });
  writeFileSync(join(folder, "session.sh"), `stty cols ${COLUMNS} rows 24\n${commands.join("\n")}\n`);
  const child = spawn("script", ["-qec", `sh ${join(folder, "session.sh")}`, "/dev/null"], {
    cwd: join(folder, "work"),
    env: {
      PATH: `${join(folder, "bin")}:${process.env["PATH"] ?? ""}`,
      HOME: folder,
      TERM: "xterm-256color",
      LANG: "C.UTF-8",
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  /** @type {Buffer[]} */
  const chunks = [];
  child.stdout.on("data", (/** @type {Buffer} */ chunk) => chunks.push(chunk));
  await once(child, "close");
  return Buffer.concat(chunks);
}

/**
 * What stands side by side in a line and looks alike.
 * @typedef {object} Run
 * @property {number} column
 * @property {string} text
 * @property {string} style classes
 */

/**
 * The lines of the terminal, without the empty ones at the end.
 * @param {Uint8Array} written
 * @returns {Promise<Run[][]>}
 */
async function linesOf(written) {
  const terminal = new xterm.Terminal({ cols: COLUMNS, rows: 24, scrollback: 1_000, allowProposedApi: true });
  await new Promise((/** @type {(value: void) => void} */ resolve) => {
    terminal.write(written, resolve);
  });
  const buffer = terminal.buffer.active;
  const lines = Array.from({ length: buffer.length }, (_, index) => runsOf(buffer.getLine(index)));
  terminal.dispose();
  const last = lines.findLastIndex((runs) => runs.some(({ text }) => text.trim() !== ""));
  return lines.slice(0, last + 1);
}

/**
 * @param {import("@xterm/headless").IBufferLine | undefined} line
 * @returns {Run[]}
 */
function runsOf(line) {
  /** @type {Run[]} */
  const runs = [];
  for (let column = 0; column < COLUMNS; column++) {
    const cell = line?.getCell(column);
    if (cell === undefined || cell.getWidth() === 0) continue;
    const style = styleOf(cell);
    const text = cell.getChars() || " ";
    const last = runs.at(-1);
    if (last?.style === style) last.text += text;
    else runs.push({ column, text, style });
  }
  return runs;
}

/**
 * The words of a run: programs that draw SVG do not agree about spaces at the ends of a text.
 * @param {Run} run
 * @returns {Run[]}
 */
function wordsOf({ column, text, style }) {
  return [...text.matchAll(/\S+(?: \S+)*/g)].map((match) => ({
    column: column + match.index,
    text: match[0],
    style,
  }));
}

/** @param {import("@xterm/headless").IBufferCell} cell */
function styleOf(cell) {
  const colour = cell.isFgPalette() ? [`c${cell.getFgColor() % 8}`] : [];
  return [...colour, ...(cell.isBold() ? ["bold"] : []), ...(cell.isDim() ? ["dim"] : [])].join(" ");
}

const CELL = 8.4;
const LINE = 20;
const MARGIN = 16;

/**
 * @param {readonly Run[][]} lines
 * @param {string} host what the registry was called
 */
function draw(lines, host) {
  const [width, height] = [COLUMNS * CELL + 2 * MARGIN, lines.length * LINE + 2 * MARGIN];
  const rows = lines.map((runs, index) => {
    const y = MARGIN + index * LINE + 15;
    return runs.flatMap(wordsOf).map(({ column, text, style }) => {
      const classes = style === "" ? "" : ` class="${style}"`;
      const at = `x="${(MARGIN + column * CELL).toFixed(1)}" y="${y}" textLength="${(text.length * CELL).toFixed(1)}"`;
      return `<text ${at}${classes}>${escaped(text.replaceAll(host, HOST))}</text>\n`;
    });
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="A terminal: a list is refused because a platform is missing, then made, shown as a tree, and compared with the one before">
<style>
  text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; fill: #e6edf3; }
  .bold { font-weight: 600; }
  .dim { fill: #9198a1; }
  .c1 { fill: #ff7b72; }
  .c2 { fill: #56d364; }
  .c3 { fill: #e3b341; }
  .c4 { fill: #79c0ff; }
  .c5 { fill: #d2a8ff; }
  .c6 { fill: #76e3ea; }
</style>
<rect width="${width}" height="${height}" rx="8" fill="#0d1117" stroke="#30363d"/>
${rows.flat().join("")}</svg>
`;
}

/** @param {string} text */
function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(PICTURE_FILE, await takePicture());
}
