// Who is compared, and how each is asked for the same thing: a list in a new repository, of images in others.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { LIST } from "./images.js";
import { wantsTokens } from "./protocols.js";

const PROGRAM = fileURLToPath(new URL("../bin/tsmanifest.js", import.meta.url));

/**
 * What is to be done, and where.
 * @typedef {object} Job
 * @property {string} folder of this run alone
 * @property {string} host of the registry, `address:port`
 * @property {import("./protocols.js").Protocol} protocol
 * @property {string} caFile
 * @property {string} target the list to be made: a new repository's; the first where there are many
 * @property {string} prefix of the repositories with the images
 * @property {readonly string[]} sources
 * @property {readonly import("./lists.js").List[]} lists all of them
 * @property {string} digest of the list, once it has been pushed
 */

/**
 * @typedef {object} CommandLine
 * @property {string} name of its rows
 * @property {(job: Job) => string[]} argv
 * @property {boolean} [readsSources] a push that finds its sources first, which others have done in a command before it
 */

/**
 * What a program can be asked for, each in one way or in several.
 * @typedef {object} Acts
 * @property {CommandLine} push after `prepare`
 * @property {readonly CommandLine[]} [retag] gives a tag that names something else back to a list that is in its repository
 * @property {readonly CommandLine[]} [combine] gives a list of images in the registry its tag, whatever commands that takes
 * @property {CommandLine} [create] makes a local list out of images in the registry
 * @property {CommandLine} [inspect] shows a list that is in the registry
 * @property {CommandLine} [many] gives many lists their tags
 */

/**
 * @typedef {object} Peer
 * @property {string} name
 * @property {string} program
 * @property {readonly string[]} version arguments that make it say its version
 * @property {(job: Job) => string[][]} [prepare] what comes before the push; not timed
 * @property {Acts} acts
 */

/** @param {Job} job */
const tlsVerify = (job) => (job.protocol === "http" ? ["--tls-verify=false"] : []);
/** @param {Job} job */
const dockerFlags = (job) => (job.protocol === "http" ? ["--insecure"] : []);
/** @param {Job} job */
const oursFlags = (job) => (job.protocol === "http" ? [] : ["--ca-file", job.caFile]);
/** @param {Job} job */
const storage = (job) => [
  ...["--root", join(job.folder, "storage"), "--runroot", join(job.folder, "run"), "--storage-driver", "vfs"],
];
/** @param {Job} job */
const regctlHost = (job) => [
  "--host",
  `reg=${job.host},tls=${job.protocol === "http" ? "disabled" : "enabled"}`,
];
/** @param {Job} job */
const orasFlags = (job) =>
  job.protocol === "http"
    ? ["--from-plain-http", "--to-plain-http"]
    : ["--from-ca-file", job.caFile, "--to-ca-file", job.caFile];

/** @param {Job} job */
const orasTarget = (job) => (job.protocol === "http" ? ["--plain-http"] : ["--ca-file", job.caFile]);

/** @param {Job} job */
const listOf = (job) => `${job.host}/${job.prefix}/all:v1`;

/** @param {Job} job */
const craneAppend = (job) => [
  ...["crane", "index", "append", "--docker-empty-base", "-t", job.target],
  ...job.sources.flatMap((source) => ["-m", source]),
];
/** @param {Job} job */
const regctlCreate = (job) => [
  ...["regctl", ...regctlHost(job), "index", "create", "--media-type", LIST],
  ...[job.target, ...job.sources.flatMap((source) => ["--ref", source])],
];
/** @param {Job} job */
const buildxCreate = (job) => ["buildx", "imagetools", "create", "-t", job.target, ...job.sources];

/**
 * What is written where one command makes one list: a loop over all of them, eight at a time.
 * @param {Job} job
 * @param {(list: Job) => string[][]} commandsFor one after the other
 */
function loop(job, commandsFor) {
  const file = join(job.folder, "commands");
  const lines = job.lists.map((list) =>
    commandsFor({ ...job, ...list })
      .map((argv) => argv.join(" "))
      .join(" && "),
  );
  writeFileSync(file, lines.map((line) => `${line}\0`).join(""));
  return ["sh", "-c", 'xargs -0 -n 1 -P 8 sh -c < "$0"', file];
}

/**
 * oras makes lists only of what is in the repository already, so that other images are copied there first.
 * @param {Job} list
 */
function orasCommands(list) {
  const repository = repositoryOf(list);
  const images = list.sources.map((source) => {
    const [place = "", tag = ""] = source.split(/:(?=[^:]+$)/);
    return { source, tag, isThere: place === repository };
  });
  return [
    ...images
      .filter(({ isThere }) => !isThere)
      .map(({ source, tag }) => [
        "oras",
        "cp",
        "--no-tty",
        ...orasFlags(list),
        source,
        `${repository}:${tag}`,
      ]),
    [
      "oras",
      "manifest",
      "index",
      "create",
      ...orasTarget(list),
      list.target,
      ...images.map(({ tag }) => tag),
    ],
  ];
}

/** @param {Job} job */
function listFile({ folder, lists }) {
  const file = join(folder, "lists.yaml");
  const entries = lists.map(
    ({ target, sources }) =>
      `  - target: ${target}\n    sources:\n${sources.map((source) => `      - ${source}\n`).join("")}`,
  );
  writeFileSync(file, `version: 1\nlists:\n${entries.join("")}`);
  return file;
}

/**
 * Several commands in one figure.
 * @param {readonly (readonly string[])[]} commands one after the other
 */
function together(commands) {
  const quoted = (/** @type {string} */ word) => `'${word.replaceAll("'", String.raw`'\''`)}'`;
  return ["sh", "-c", commands.map((argv) => argv.map(quoted).join(" ")).join(" && ")];
}

/** @param {Job} job */
const repositoryOf = (job) => job.target.slice(0, job.target.lastIndexOf(":"));
/** @param {Job} job */
const byDigest = (job) => `${repositoryOf(job)}@${job.digest}`;

/** @param {...string} args */
const ours = (...args) => [process.execPath, PROGRAM, ...args];
/** @param {Job} job */
const oursCreate = (job) => ours("create", ...oursFlags(job), job.target, ...job.sources);
/** @param {Job} job */
const oursPush = (job) => ours("push", ...oursFlags(job), job.target);
/** @param {Job} job */
const dockerCreate = (job) => [
  ...["docker", "manifest", "create", ...dockerFlags(job)],
  ...[job.target, ...job.sources],
];
/** @param {Job} job */
const dockerPush = (job) => ["docker", "manifest", "push", ...dockerFlags(job), job.target];
/** @param {Job} job */
const skopeoCopy = (job) => [
  ...["skopeo", "copy", "--all"],
  ...(job.protocol === "http" ? ["--src-tls-verify=false", "--dest-tls-verify=false"] : []),
  ...[`docker://${listOf(job)}`, `docker://${job.target}`],
];
/** @param {Job} job */
const orasCopy = (job) => ["oras", "cp", "--no-tty", ...orasFlags(job), listOf(job), job.target];

/**
 * podman and buildah, which share their commands.
 * @param {string} program
 * @returns {Peer}
 */
function podmanLike(program) {
  /** @param {Job} job */
  const prepare = (job) => [
    [program, ...storage(job), "manifest", "create", "list"],
    ...job.sources.map((source) => [
      ...[program, ...storage(job), "manifest", "add", ...tlsVerify(job)],
      ...["list", `docker://${source}`],
    ]),
  ];
  /** @param {Job} job */
  const push = (job) => [
    ...[program, ...storage(job), "manifest", "push", "--all", ...tlsVerify(job)],
    ...["list", `docker://${job.target}`],
  ];
  return {
    name: program,
    program,
    version: ["--version"],
    prepare,
    acts: {
      push: { name: `${program} manifest push`, argv: push },
      combine: [
        {
          name: `${program} manifest create, add and push`,
          argv: (job) => together([...prepare(job), push(job)]),
        },
      ],
    },
  };
}

/** @type {readonly Peer[]} */
export const PEERS = [
  {
    name: "tsmanifest",
    program: process.execPath,
    version: [PROGRAM, "--version"],
    prepare: (job) => [oursCreate(job)],
    acts: {
      push: { name: "tsmanifest push", argv: oursPush },
      retag: [
        { name: "tsmanifest push", argv: oursPush },
        {
          name: "tsmanifest imagetools create",
          argv: (job) => ours("imagetools", "create", ...oursFlags(job), "-t", job.target, byDigest(job)),
        },
      ],
      combine: [
        {
          name: "tsmanifest imagetools create",
          argv: (job) => ours("imagetools", "create", ...oursFlags(job), "-t", job.target, ...job.sources),
        },
        {
          name: "tsmanifest create and push",
          argv: (job) => together([oursCreate(job), oursPush(job)]),
        },
      ],
      create: { name: "tsmanifest create", argv: oursCreate },
      inspect: {
        name: "tsmanifest imagetools inspect",
        argv: (job) => ours("imagetools", "inspect", ...oursFlags(job), listOf(job)),
      },
      many: {
        name: "tsmanifest apply",
        argv: (job) => ours("apply", ...oursFlags(job), "-f", listFile(job)),
      },
    },
  },
  {
    name: "docker",
    program: "docker",
    version: ["--version"],
    prepare: (job) => [dockerCreate(job)],
    acts: {
      push: { name: "docker manifest push", argv: dockerPush },
      retag: [{ name: "docker manifest push", argv: dockerPush }],
      combine: [
        {
          name: "docker manifest create and push",
          argv: (job) => together([dockerCreate(job), dockerPush(job)]),
        },
      ],
      create: { name: "docker manifest create", argv: dockerCreate },
      many: {
        name: "docker manifest create and push",
        argv: (job) => loop(job, (list) => [dockerCreate(list), dockerPush(list)]),
      },
    },
  },
  podmanLike("buildah"),
  podmanLike("podman"),
  {
    name: "skopeo",
    program: "skopeo",
    version: ["--version"],
    acts: { push: { name: "skopeo copy --all", argv: skopeoCopy } },
  },
  {
    name: "crane",
    program: "crane",
    version: ["version"],
    acts: {
      push: { name: "crane index append", argv: craneAppend, readsSources: true },
      retag: [{ name: "crane tag", argv: (job) => ["crane", "tag", byDigest(job), "v1"] }],
      combine: [{ name: "crane index append", argv: craneAppend }],
      inspect: { name: "crane manifest", argv: (job) => ["crane", "manifest", listOf(job)] },
      many: { name: "crane index append", argv: (job) => loop(job, (list) => [craneAppend(list)]) },
    },
  },
  {
    name: "regctl",
    program: "regctl",
    version: ["version", "--format", "{{.VCSTag}}"],
    acts: {
      push: { name: "regctl index create", argv: regctlCreate, readsSources: true },
      retag: [
        {
          name: "regctl image copy",
          argv: (job) => ["regctl", ...regctlHost(job), "image", "copy", byDigest(job), job.target],
        },
      ],
      combine: [{ name: "regctl index create", argv: regctlCreate }],
      many: { name: "regctl index create", argv: (job) => loop(job, (list) => [regctlCreate(list)]) },
    },
  },
  {
    name: "oras",
    program: "oras",
    version: ["version"],
    acts: {
      push: { name: "oras cp", argv: orasCopy },
      retag: [
        { name: "oras cp", argv: orasCopy },
        { name: "oras tag", argv: (job) => ["oras", "tag", ...orasTarget(job), byDigest(job), "v1"] },
      ],
      many: { name: "oras manifest index create", argv: (job) => loop(job, orasCommands) },
    },
  },
  {
    name: "manifest-tool",
    program: "manifest-tool",
    version: ["--version"],
    acts: {
      push: {
        name: "manifest-tool push",
        readsSources: true,
        argv: (job) => {
          const images = job.sources.map(
            (image, index) => `  - image: ${image}\n    platform: ${platform(index)}\n`,
          );
          const spec = join(job.folder, "spec.yml");
          writeFileSync(spec, `image: ${job.target}\nmanifests:\n${images.join("")}`);
          const flags = job.protocol === "http" ? ["--plain-http"] : [];
          return ["manifest-tool", ...flags, "push", "from-spec", spec];
        },
      },
    },
  },
  {
    name: "buildx",
    program: "buildx",
    version: ["version"],
    acts: {
      push: { name: "buildx imagetools create", argv: buildxCreate, readsSources: true },
      retag: [
        {
          name: "buildx imagetools create",
          argv: (job) => buildxCreate({ ...job, sources: [byDigest(job)] }),
        },
      ],
      combine: [{ name: "buildx imagetools create", argv: buildxCreate }],
      inspect: {
        name: "buildx imagetools inspect",
        argv: (job) => ["buildx", "imagetools", "inspect", listOf(job)],
      },
      many: { name: "buildx imagetools create", argv: (job) => loop(job, (list) => [buildxCreate(list)]) },
    },
  },
];

/** @param {number} index */
function platform(index) {
  const architectures = ["amd64", "arm64", "ppc64le", "s390x", "riscv64"];
  return `{ os: linux, architecture: ${architectures[index % architectures.length]} }`;
}

/**
 * How a peer does what a scenario wants; empty where it cannot.
 * @param {Peer} peer
 * @param {import("./lab.js").Act} act
 * @returns {readonly CommandLine[]}
 */
export function commandsFor({ acts }, act) {
  if (act === "repeat") return [acts.push];
  const found = act === "apply" || act === "reapply" ? acts.many : acts[act];
  if (found === undefined) return [];
  return "argv" in found ? [found] : found;
}

/** Programs are looked for where `go install` puts them, too. */
export const PATH = [join(homedir(), "go", "bin"), process.env["PATH"] ?? ""].join(delimiter);

/** @returns {(Peer & { said: string })[]} those that are on this machine, with what they say their version is */
export function peersHere() {
  return PEERS.flatMap((peer) => {
    try {
      const env = { ...process.env, PATH };
      const said = execFileSync(peer.program, [...peer.version], { env, encoding: "utf8", stdio: "pipe" });
      const [, version = "unknown"] = /(v?\d+\.\d+[^\s,]*)/.exec(said) ?? [];
      return [{ ...peer, said: version }];
    } catch {
      return [];
    }
  });
}

/** @param {Job} job */
const cacheOf = (job) => join(dirname(job.folder), "cache");

/**
 * Takes away what earlier runs of tsmanifest have noted of registries, as in a home where it has pushed to none of them.
 * @param {Job} job
 */
export function forgetRegistries(job) {
  const folder = join(cacheOf(job), "tsmanifest");
  if (!existsSync(folder)) return;
  const notes = readdirSync(folder).filter((name) => /^(?:challenge|manifests)-/.test(name));
  for (const name of notes) rmSync(join(folder, name));
}

/**
 * The surroundings of a job: credentials and trust as each peer looks for them, nothing of the user's own.
 * @param {Job} job
 */
export function environment(job) {
  const config = join(job.folder, "config.json");
  if (!existsSync(config)) {
    mkdirSync(join(job.folder, "home"), { recursive: true });
    const auth = Buffer.from("bench:bench").toString("base64");
    writeFileSync(
      config,
      JSON.stringify(wantsTokens(job.protocol) ? { auths: { [job.host]: { auth } } } : {}),
    );
  }
  return {
    PATH,
    HOME: join(job.folder, "home"),
    // Shared by all runs, as on a machine where the programs were used before: tsmanifest keeps compiled code there.
    XDG_CACHE_HOME: cacheOf(job),
    TMPDIR: job.folder,
    DOCKER_CONFIG: job.folder,
    REGISTRY_AUTH_FILE: config,
    ...(job.protocol !== "http" && { SSL_CERT_FILE: job.caFile }),
  };
}
