// Writes docs/cli.md and man/tsmanifest.1 from the tables that the program itself reads its command line by.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { format } from "prettier";

const root = fileURLToPath(new URL("..", import.meta.url));

export const PAGE_FILE = `${root}/docs/cli.md`;
export const MAN_FILE = `${root}/man/tsmanifest.1`;

/**
 * @typedef {import("../src/commands/command.js").Command} Command
 * @typedef {import("../src/commands/command.js").CommandOrGroup} CommandOrGroup
 * @typedef {import("../src/commands/flagGroups.js").FlagGroup} FlagGroup
 * @typedef {typeof import("../src/commands/about.js")
 *   & typeof import("../src/commands/flagGroups.js")
 *   & Pick<typeof import("../src/commands/command.js"), "commonFlags" | "globalFlags">
 *   & { commands: readonly CommandOrGroup[], VERSION: string }} Tables
 */

/** @type {readonly (readonly [name: string, text: string])[]} */
const VARIABLES = [
  [
    "DOCKER_CONFIG",
    "The folder of docker's config.json, and of the local lists (in its folder manifests); ~/.docker unless set.",
  ],
  [
    "DOCKER_AUTH_CONFIG",
    "Logins as in the auths of config.json, in place of those there and of credential helpers.",
  ],
  ["TSMANIFEST_STORE", "The folder of the local lists, in place of docker's. --store takes precedence."],
  [
    "HTTPS_PROXY, HTTP_PROXY, NO_PROXY",
    "The proxy (http, https, socks5 or socks5h), and the hosts that are reached without it. Also in lower case.",
  ],
  ["SSL_CERT_FILE", "A PEM file of the CAs that the machine trusts, in place of the system's."],
  [
    "NO_COLOR, FORCE_COLOR, CLICOLOR, CLICOLOR_FORCE, TERM",
    "Whether there are colours: https://no-color.org, https://force-color.org, https://bixense.com/clicolors. With TERM=dumb nothing moves, either.",
  ],
  ["CI", "Where it is set, nothing moves on a terminal: docs/terminal.md."],
  [
    "CI_NODE_INDEX and CI_NODE_TOTAL, JOB_COMPLETION_INDEX, CIRCLE_NODE_INDEX, BUILDKITE_PARALLEL_JOB, …",
    "Which shard apply --shard auto makes: docs/apply.md names all of them.",
  ],
  [
    "XDG_CACHE_HOME",
    "The folder in which V8's compiled code of the program is kept, and hints for later runs; ~/.cache unless set.",
  ],
  ["NODE_DISABLE_COMPILE_CACHE", "Where it is set, no compiled code is kept."],
];

/** @type {readonly (readonly [path: string, text: string])[]} */
const FILES = [
  ["~/.docker/config.json", "Logins and credential helpers, as docker login writes them."],
  ["~/.docker/manifests/", "The local lists, as docker manifest keeps them."],
  [
    "/etc/docker/certs.d/HOST/, ~/.config/docker/certs.d/HOST/",
    "CAs (*.crt) and client certificates (*.cert with *.key) for a registry.",
  ],
];

/** @type {readonly (readonly [status: string, text: string])[]} */
const STATUSES = [
  ["0", "It is done."],
  ["1", "It is not, or not all of it; stderr says why. With diff --exit-code: the two differ."],
  ["2", "With diff --exit-code: what was to be compared could not be read."],
  ["125", "The flags cannot be read, as with docker. 1 for imagetools, as with buildx."],
  ["130, 143", "It was interrupted, by SIGINT (Ctrl-C) or SIGTERM."],
];

/**
 * Every command that is shown, under its heading in the help.
 * @param {readonly CommandOrGroup[]} tree
 * @param {string} [above]
 * @returns {Promise<{ summary: string, group: string, command: Command }[]>}
 */
async function commandsOf(tree, above) {
  const found = await Promise.all(
    tree
      .filter(({ isHidden }) => isHidden !== true)
      .map(async (node) => {
        const group = node.group ?? above ?? "Commands";
        if ("commands" in node) return commandsOf(node.commands, group);
        return [{ summary: node.summary, group, command: await node.load() }];
      }),
  );
  const all = found.flat();
  const groups = [...new Set(all.map(({ group }) => group))];
  return all.sort((a, b) => groups.indexOf(a.group) - groups.indexOf(b.group));
}

/**
 * docs/cli.md.
 * @param {Tables} tables
 */
export async function encodePage(tables) {
  const { ABOUT, commands, commonFlags, globalFlags, groupFlags } = tables;
  const all = await commandsOf(commands);
  const anchor = (/** @type {string} */ title) => title.toLowerCase().replaceAll(" ", "-");
  const lines = [
    "<!-- Written by tools/reference.js from the tables of flags: edit those. -->",
    "# Command line",
    ABOUT,
    "`tsmanifest COMMAND --help` shows the same in a terminal, `man tsmanifest` as a manual page. " +
      "`tsmanifest manifest …` and `tsmanifest buildx imagetools …` are understood, too, for those who turn `docker` into `tsmanifest` by an alias.",
    [
      "**Contents:**",
      all
        .map(({ command: { name } }) => `[${name}](#${anchor(`tsmanifest ${name}`)})`)
        .concat(
          "[Before the command](#before-the-command)",
          "[Exit status](#exit-status)",
          "[Environment](#environment)",
          "[Files](#files)",
        )
        .join(" · "),
    ].join(" "),
    table(
      ["command", "what it does"],
      all.map(({ command: { name }, summary }) => [
        `[\`${name}\`](#${anchor(`tsmanifest ${name}`)})`,
        cell(summary),
      ]),
    ),
    "Flags and arguments may stand in any order, until `--`. Write a flag's value after a space or `=`: `--tag latest`, `--tag=latest`. " +
      "One that takes no value can be switched off: `--strict=false`. Letters may be written together: `-pD`.",
  ];
  for (const { command } of all) {
    const { name, args, helpArgs = args, description, examples = [], flags } = command;
    lines.push(
      `## tsmanifest ${name}`,
      `Usage: \`tsmanifest ${name} ${helpArgs}\``,
      ...markdownParagraphs(description),
      ...groupFlags({ ...flags, ...commonFlags }).flatMap((group) => flagTable(tables, group)),
      ...(examples.length === 0 ? [] : ["**Examples**", ["```sh", ...examples, "```"].join("\n")]),
    );
  }
  lines.push(
    "## Before the command",
    "These stand between `tsmanifest` and the command.",
    ...groupFlags(globalFlags).flatMap((group) => flagTable(tables, group)),
    "## Exit status",
    table(["status", "what it says"], STATUSES.map(named)),
    "## Environment",
    table(["variable", "what it is for"], VARIABLES.map(named)),
    "## Files",
    table(["file", "what is in it"], FILES.map(named)),
  );
  return format(`${lines.join("\n\n")}\n`, { parser: "markdown", printWidth: 110, proseWrap: "preserve" });
}

/**
 * Paragraphs; lines that are indented are for the user to copy.
 * @param {string} text
 */
function markdownParagraphs(text) {
  return text.split("\n\n").map((part) => {
    const [first = "", ...code] = part.split("\n");
    return code.length === 0 ? part : `${first} \`${code.map((line) => line.trim()).join("`, `")}\``;
  });
}

/**
 * @param {Tables} tables
 * @param {FlagGroup} group
 */
function flagTable({ flagTerm, flagText }, { title, flags }) {
  return [
    `**${title}**`,
    table(
      ["flag", "what it does"],
      flags.map(([name, flag]) => [`\`${flagTerm(name, flag)}\``, cell(flagText(flag))]),
    ),
  ];
}

/**
 * @param {string[]} head
 * @param {string[][]} rows
 */
function table(head, rows) {
  const line = (/** @type {string[]} */ cells) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** @param {readonly [name: string, text: string]} row */
function named([name, text]) {
  const names = name
    .split(/, | and /)
    .map((one) => (one === "…" ? one : `\`${one}\``))
    .join(", ");
  return [names, cell(text)];
}

/** @param {string} text */
function cell(text) {
  return text.replaceAll("|", "\\|").replaceAll("*", "\\*");
}

/**
 * man/tsmanifest.1, for man(7).
 * @param {Tables} tables
 */
export async function encodeManPage(tables) {
  const { ABOUT, EXAMPLES, VERSION, commands, commonFlags, globalFlags, groupFlags } = tables;
  const all = await commandsOf(commands);
  const shared = sharedGroups(tables, all);
  const lines = [
    '.\\" Written by tools/reference.js from the tables of flags: edit those.',
    `.TH TSMANIFEST 1 "" "tsmanifest ${VERSION}" "User Commands"`,
    ".SH NAME",
    "tsmanifest \\- make, look at and push lists of images for several platforms",
    ".SH SYNOPSIS",
    ".B tsmanifest",
    "[\\fIOPTIONS\\fR] \\fICOMMAND\\fR ...",
    ".SH DESCRIPTION",
    roff(ABOUT),
    ".PP",
    roff(
      "Flags and arguments may stand in any order, until --. Write a flag's value after a space or =. " +
        "One that takes no value can be switched off: --strict=false. Letters may be written together: -pD.",
    ),
    ".SH OPTIONS",
    "These stand before the command.",
    ...groupFlags(globalFlags).flatMap((group) => roffFlags(tables, group)),
    ".SH COMMANDS",
  ];
  for (const { command } of all) {
    const { name, args, helpArgs = args, description, examples = [], flags } = command;
    const groups = groupFlags({ ...flags, ...commonFlags });
    const isShared = (/** @type {FlagGroup} */ group) => shared.get(group.title) === key(group);
    const elsewhere = groups.filter(isShared).map(({ title }) => title.toUpperCase());
    lines.push(
      `.SS "${roff(`tsmanifest ${name} ${helpArgs}`)}"`,
      ...roffParagraphs(description),
      ...groups
        .filter((group) => !isShared(group))
        .flatMap((group) => [".PP", `\\fI${roff(group.title)}\\fR`, ...roffFlags(tables, group)]),
      ".PP",
      `See also the options under \\fB${elsewhere.map(roff).join("\\fR, \\fB")}\\fR.`,
      ...(examples.length === 0 ? [] : [".PP", ...example(examples)]),
    );
  }
  for (const [title, text] of shared) {
    const group = all
      .flatMap(({ command: { flags } }) => groupFlags({ ...flags, ...commonFlags }))
      .find((one) => one.title === title && key(one) === text);
    if (group !== undefined) lines.push(`.SH ${roff(title.toUpperCase())}`, ...roffFlags(tables, group));
  }
  lines.push(
    ".SH EXIT STATUS",
    ...STATUSES.flatMap(roffItem),
    ".SH ENVIRONMENT",
    ...VARIABLES.flatMap(roffItem),
    ".SH FILES",
    ...FILES.flatMap(roffItem),
    ".SH EXAMPLES",
    ...example(EXAMPLES),
    ".SH SEE ALSO",
    "\\fBdocker\\-manifest\\fR(1)",
  );
  return `${lines.join("\n")}\n`;
}

/**
 * The groups that are the same in most commands, with what is in them: told once.
 * @param {Tables} tables
 * @param {{ command: Command }[]} all
 */
function sharedGroups({ groupFlags, commonFlags }, all) {
  const groups = all.flatMap(({ command: { flags } }) => groupFlags({ ...flags, ...commonFlags }));
  return new Map(
    ["Local lists", "Network", "General"].flatMap((title) => {
      const [first] = groups.filter((group) => group.title === title);
      return first === undefined ? [] : [/** @type {const} */ ([title, key(first)])];
    }),
  );
}

/** @param {FlagGroup} group */
function key({ flags }) {
  return JSON.stringify(flags);
}

/**
 * @param {Tables} tables
 * @param {FlagGroup} group
 */
function roffFlags({ flagTerm, flagText }, { flags }) {
  return flags.flatMap(([name, flag]) => roffItem([flagTerm(name, flag), flagText(flag)]));
}

/** @param {readonly [term: string, text: string]} item */
function roffItem([term, text]) {
  return [".TP", `\\fB${roff(term)}\\fR`, roff(text)];
}

/** @param {string} text */
function roffParagraphs(text) {
  return text.split("\n\n").flatMap((part, index) => {
    const [first = "", ...code] = part.split("\n");
    const start = index === 0 ? [] : [".PP"];
    return [...start, roff(first), ...(code.length === 0 ? [] : example(code.map((line) => line.trim())))];
  });
}

/** @param {readonly string[]} lines */
function example(lines) {
  return [".RS", ".nf", ...lines.map(roff), ".fi", ".RE"];
}

/**
 * Text as roff has it: a hyphen is one that can be copied, and no line is taken for a request.
 * @param {string} text
 */
function roff(text) {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("…", "...")
    .replaceAll('"', "\\(dq")
    .replace(/^(?=[.'])/gm, "\\&");
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { outputFiles } = await build({
    stdin: {
      contents: ["about", "flagGroups", "command", "index"]
        .map((name) => `export * from "./src/commands/${name}.js";`)
        .concat('export { VERSION } from "./src/version.js";')
        .join("\n"),
      resolveDir: root,
    },
    bundle: true,
    format: "esm",
    platform: "node",
    write: false,
    logLevel: "warning",
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire("/");' },
  });
  const code = Buffer.from(outputFiles[0]?.contents ?? "").toString("base64");
  /** @type {unknown} */
  const bundled = await import(`data:text/javascript;base64,${code}`);
  const tables = /** @type {Tables} */ (bundled);
  for (const [file, text] of [
    [PAGE_FILE, await encodePage(tables)],
    [MAN_FILE, await encodeManPage(tables)],
  ]) {
    if (file === undefined || text === undefined) continue;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}
