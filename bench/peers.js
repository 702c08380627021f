// Who is compared, and how each is asked for the same thing: a list in a new repository, of images in others.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("../bin/tsmanifest.js", import.meta.url));
const LIST = "application/vnd.docker.distribution.manifest.list.v2+json";

/**
 * What is to be done, and where.
 * @typedef {object} Job
 * @property {string} folder of this run alone
 * @property {string} host of the registry, `address:port`
 * @property {import("./registries.js").Protocol} protocol
 * @property {string} caFile
 * @property {string} target the list to be made: a new repository's; the first where there are many
 * @property {string} prefix of the repositories with the images
 * @property {readonly string[]} sources
 * @property {readonly import("./lists.js").List[]} lists all of them
 */

/** @typedef {{ name: string, argv: (job: Job) => string[] }} CommandLine */

/**
 * @typedef {object} Peer
 * @property {string} name of its push
 * @property {string} program
 * @property {readonly string[]} version arguments that make it say its version
 * @property {(job: Job) => string[][]} [prepare] what comes before the push; not timed
 * @property {(job: Job) => string[]} push
 * @property {CommandLine} [create] makes a local list out of images in the registry
 * @property {CommandLine} [combine] gives a list of images in the registry its tag, in one command
 * @property {CommandLine} [inspect] shows a list that is in the registry
 * @property {CommandLine} [many] gives many lists their tags
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
  const repository = list.target.slice(0, list.target.lastIndexOf(":"));
  const flags = list.protocol === "http" ? ["--plain-http"] : ["--ca-file", list.caFile];
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
    ["oras", "manifest", "index", "create", ...flags, list.target, ...images.map(({ tag }) => tag)],
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

/** @type {readonly Peer[]} */
export const PEERS = [
  {
    name: "tsmanifest push",
    program: process.execPath,
    version: [PROGRAM, "--version"],
    prepare: (job) => [[process.execPath, PROGRAM, "create", ...oursFlags(job), job.target, ...job.sources]],
    push: (job) => [process.execPath, PROGRAM, "push", ...oursFlags(job), job.target],
    create: {
      name: "tsmanifest create",
      argv: (job) => [process.execPath, PROGRAM, "create", ...oursFlags(job), job.target, ...job.sources],
    },
    combine: {
      name: "tsmanifest imagetools create",
      argv: (job) => [
        ...[process.execPath, PROGRAM, "imagetools", "create", ...oursFlags(job), "-t", job.target],
        ...job.sources,
      ],
    },
    inspect: {
      name: "tsmanifest imagetools inspect",
      argv: (job) => [process.execPath, PROGRAM, "imagetools", "inspect", ...oursFlags(job), listOf(job)],
    },
    many: {
      name: "tsmanifest apply",
      argv: (job) => [process.execPath, PROGRAM, "apply", ...oursFlags(job), "-f", listFile(job)],
    },
  },
  {
    name: "docker manifest push",
    program: "docker",
    version: ["--version"],
    prepare: (job) => [["docker", "manifest", "create", ...dockerFlags(job), job.target, ...job.sources]],
    push: (job) => ["docker", "manifest", "push", ...dockerFlags(job), job.target],
    create: {
      name: "docker manifest create",
      argv: (job) => ["docker", "manifest", "create", ...dockerFlags(job), job.target, ...job.sources],
    },
    many: {
      name: "docker manifest create and push",
      argv: (job) =>
        loop(job, (list) => [
          ["docker", "manifest", "create", ...dockerFlags(list), list.target, ...list.sources],
          ["docker", "manifest", "push", ...dockerFlags(list), list.target],
        ]),
    },
  },
  {
    name: "buildah manifest push",
    program: "buildah",
    version: ["--version"],
    prepare: (job) => [
      ["buildah", ...storage(job), "manifest", "create", "list"],
      ...job.sources.map((source) => [
        "buildah",
        ...storage(job),
        "manifest",
        "add",
        ...tlsVerify(job),
        "list",
        `docker://${source}`,
      ]),
    ],
    push: (job) => [
      ...["buildah", ...storage(job), "manifest", "push", "--all", ...tlsVerify(job)],
      ...["list", `docker://${job.target}`],
    ],
  },
  {
    name: "podman manifest push",
    program: "podman",
    version: ["--version"],
    prepare: (job) => [
      ["podman", ...storage(job), "manifest", "create", "list"],
      ...job.sources.map((source) => [
        "podman",
        ...storage(job),
        "manifest",
        "add",
        ...tlsVerify(job),
        "list",
        `docker://${source}`,
      ]),
    ],
    push: (job) => [
      ...["podman", ...storage(job), "manifest", "push", "--all", ...tlsVerify(job)],
      ...["list", `docker://${job.target}`],
    ],
  },
  {
    name: "skopeo copy --all",
    program: "skopeo",
    version: ["--version"],
    push: (job) => [
      ...["skopeo", "copy", "--all"],
      ...(job.protocol === "http" ? ["--src-tls-verify=false", "--dest-tls-verify=false"] : []),
      ...[`docker://${listOf(job)}`, `docker://${job.target}`],
    ],
  },
  {
    name: "crane index append",
    program: "crane",
    version: ["version"],
    push: craneAppend,
    combine: { name: "crane index append", argv: craneAppend },
    inspect: { name: "crane manifest", argv: (job) => ["crane", "manifest", listOf(job)] },
    many: { name: "crane index append", argv: (job) => loop(job, (list) => [craneAppend(list)]) },
  },
  {
    name: "regctl index create",
    program: "regctl",
    version: ["version", "--format", "{{.VCSTag}}"],
    push: regctlCreate,
    combine: { name: "regctl index create", argv: regctlCreate },
    many: { name: "regctl index create", argv: (job) => loop(job, (list) => [regctlCreate(list)]) },
  },
  {
    name: "oras cp",
    program: "oras",
    version: ["version"],
    push: (job) => ["oras", "cp", "--no-tty", ...orasFlags(job), listOf(job), job.target],
    many: { name: "oras manifest index create", argv: (job) => loop(job, orasCommands) },
  },
  {
    name: "manifest-tool push",
    program: "manifest-tool",
    version: ["--version"],
    push: (job) => {
      const images = job.sources.map(
        (image, index) => `  - image: ${image}\n    platform: ${platform(index)}\n`,
      );
      writeFileSync(join(job.folder, "spec.yml"), `image: ${job.target}\nmanifests:\n${images.join("")}`);
      const flags = job.protocol === "http" ? ["--plain-http"] : [];
      return ["manifest-tool", ...flags, "push", "from-spec", join(job.folder, "spec.yml")];
    },
  },
  {
    name: "buildx imagetools create",
    program: "buildx",
    version: ["version"],
    push: buildxCreate,
    combine: { name: "buildx imagetools create", argv: buildxCreate },
    inspect: {
      name: "buildx imagetools inspect",
      argv: (job) => ["buildx", "imagetools", "inspect", listOf(job)],
    },
    many: { name: "buildx imagetools create", argv: (job) => loop(job, (list) => [buildxCreate(list)]) },
  },
];

/** @param {number} index */
function platform(index) {
  const architectures = ["amd64", "arm64", "ppc64le", "s390x", "riscv64"];
  return `{ os: linux, architecture: ${architectures[index % architectures.length]} }`;
}

/**
 * What a peer does in a scenario; undefined where it has no such command.
 * @param {Peer} peer
 * @param {import("./lab.js").Act} act
 * @returns {CommandLine | undefined}
 */
export function commandFor(peer, act) {
  if (act === "push" || act === "repeat") return { name: peer.name, argv: peer.push };
  return act === "apply" || act === "reapply" ? peer.many : peer[act];
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
      JSON.stringify(job.protocol === "bearer" ? { auths: { [job.host]: { auth } } } : {}),
    );
  }
  return {
    PATH,
    HOME: join(job.folder, "home"),
    // Shared by all runs, as on a machine where the programs were used before: tsmanifest keeps compiled code there.
    XDG_CACHE_HOME: join(dirname(job.folder), "cache"),
    TMPDIR: job.folder,
    DOCKER_CONFIG: job.folder,
    REGISTRY_AUTH_FILE: config,
    ...(job.protocol !== "http" && { SSL_CERT_FILE: job.caFile }),
  };
}
