import type { Random } from "../generator.js";
import { someAnnotations, type Content } from "./contents.js";
import { UNMATCHED, UNREADABLE, WANTED } from "./platforms.js";
import { LAYOUTS, REPOSITORIES, type World } from "./world.js";

/** Makes up command lines of `imagetools create`, always the same ones for the same seed. */

export interface Step {
  /** Behind `imagetools`; `{host}`, `{other}` and `{folder}` stand for the side's own. */
  readonly argv: readonly string[];
  /** To be written into the side's folder beforehand, by path; the same places stand in them. */
  readonly files: Readonly<Record<string, string>>;
  readonly metadataFile: string | undefined;
  /** Where it reads and writes: `{host}`, `{other}`, `{folder}` for layouts. */
  readonly registries: readonly string[];
  /** With more than one, what stderr says is not compared: which is reported first is not buildx's to decide. */
  readonly faults: number;
  /** What the line is about, for the tally. */
  readonly kinds: readonly string[];
}

/** Something that can be named as a source. */
interface Named {
  /** `{host}/team/app` or `{folder}/layout` */
  readonly location: string;
  readonly tag: string;
  /** Unknown where a command of the session has put it. */
  readonly content: Content | undefined;
}

/** What a session knows: the world, and the tags that its commands have set, as `{host}/team/app:v1`. */
export function sourcesOf(world: World, pushed: ReadonlySet<string>): Named[] {
  return [
    ...world.placements.map(({ repository, tag, content }) => ({ location: repository, tag, content })),
    ...world.layouts.map(({ folder, tag, content }) => ({ location: folder, tag, content })),
    ...[...pushed].map((name) => {
      const colon = name.lastIndexOf(":");
      return { location: name.slice(0, colon), tag: name.slice(colon + 1), content: undefined };
    }),
  ];
}

/** Where a command reads from, and where it writes to. */
interface Route {
  readonly from: readonly string[];
  readonly to: readonly string[];
}

const ABSENT = `sha256:${"0123456789abcdef".repeat(4)}`;

export function nextStep(random: Random, sources: readonly Named[]): Step {
  return random.chance(0.05) ? misuse(random, sources) : create(random, sources);
}

/** A command line as it grows. */
class Line {
  readonly args: string[] = [];
  readonly flags: string[][] = [];
  readonly files: Record<string, string> = {};
  readonly kinds = new Set<string>();
  /** What its sources are, as far as that is known. */
  readonly contents: Content[] = [];
  metadataFile: string | undefined;
  registries: readonly string[] = [];
  faults = 0;

  addFile(path: string, content: string): string {
    this.files[path] = content;
    return `{folder}/${path}`;
  }

  step(random: Random): Step {
    const { files, metadataFile, registries, faults, args } = this;
    const split = random.below(args.length + 1);
    const argv = ["create", ...args.slice(0, split), ...this.flags.flat(), ...args.slice(split)];
    return { argv, files, metadataFile, registries, faults, kinds: [...this.kinds] };
  }
}

function create(random: Random, sources: readonly Named[]): Step {
  const line = new Line();
  const route = aRoute(random, sources);
  line.registries = [...new Set([...route.from, ...route.to].map(registryOf))];
  addSources(random, line, route, sources);
  const isDryRun = random.chance(0.15);
  addTags(random, line, route, sources, isDryRun);
  if (isDryRun) {
    line.flags.push([random.pick(["--dry-run", "--dry-run=true", "--dry-run=1"])]);
    line.kinds.add("dry run");
  }
  if (random.chance(0.17)) addAnnotations(random, line);
  if (random.chance(0.22)) addPlatforms(random, line);
  if (random.chance(0.15)) {
    line.flags.push(["--prefer-index=false"]);
    line.kinds.add("prefer-index=false");
  } else if (random.chance(0.05)) {
    line.flags.push(["--prefer-index"]);
  }
  if (random.chance(0.3)) {
    line.metadataFile = "metadata.json";
    line.flags.push(
      random.pick([
        ["--metadata-file={folder}/metadata.json"],
        ["--metadata-file", "{folder}/metadata.json"],
      ]),
    );
    if (!isDryRun) line.kinds.add("metadata file");
  }
  line.flags.push(
    ...random.weighted<string[][]>([
      [6, []],
      [2, [["--progress=none"]]],
      [2, [["--progress", "plain"]]],
      [1, [["--progress=auto"]]],
      [1, [["--progress=quiet"]]],
    ]),
  );
  return line.step(random);
}

function aRoute(random: Random, sources: readonly Named[]): Route {
  const known = [...new Set(sources.map(({ location }) => location))];
  const registries = known.filter((location) => !isLayout(location));
  const home = random.pick(registries);
  const target = (): string => random.pick(REPOSITORIES);
  return random.weighted<() => Route>([
    [9, () => ({ from: [home], to: [home] })],
    [6, () => ({ from: [home], to: [target()] })],
    [2, () => ({ from: [home, random.pick(known)], to: [target()] })],
    [2, () => ({ from: [home], to: [target(), target()] })],
    [2, () => ({ from: [home], to: [random.pick(LAYOUTS)] })],
    [1, () => ({ from: [home], to: [random.pick(LAYOUTS), target()] })],
    [3, () => ({ from: [random.pick(known)], to: [target()] })],
    [1, () => ({ from: [random.pick(known)], to: [random.pick([...known, ...LAYOUTS])] })],
  ])();
}

function isLayout(location: string): boolean {
  return location.startsWith("{folder}");
}

function addSources(random: Random, line: Line, { from, to }: Route, sources: readonly Named[]): void {
  const count = random.weighted([
    [6, 1],
    [4, 2],
    [2, 3],
    [1, 5],
  ]);
  const isOneRepository = new Set([...from, ...to]).size === 1;
  const files: string[] = [];
  for (let index = 0; index < count; index++) {
    const location = from[index % from.length] ?? "";
    const named = random.pick(sources.filter((source) => source.location === location));
    if (isLayout(location)) line.kinds.add("layout source");
    if (named.content !== undefined) line.contents.push(named.content);
    const text = oneSource(random, line, named, isOneRepository);
    if (random.chance(0.12)) {
      // What is read from a file is not trimmed; JSON need not be.
      const isJson = /^\{["\n]/.test(text);
      files.push(line.addFile(`source${files.length}`, isJson ? `${text}${random.pick(["", "\n"])}` : text));
      line.kinds.add("file");
    } else {
      line.args.push(text);
    }
  }
  line.kinds.add(count === 1 ? "one source" : "several sources");
  for (const file of files) line.flags.push(valueFlag(random, "-f", "--file", file));
}

function referenceOf({ location, tag }: Named): string {
  return `${isLayout(location) ? "oci-layout://" : ""}${location}:${tag}`;
}

/** A source in one of its forms. */
function oneSource(random: Random, line: Line, named: Named, isOneRepository: boolean): string {
  const { location, tag, content } = named;
  const prefix = isLayout(location) ? "oci-layout://" : "";
  const reference = referenceOf(named);
  const wrong = random.chance(0.05);
  if (wrong) {
    line.faults++;
    return random.weighted<string>([
      [3, `${prefix}${location}:none`],
      [2, `${prefix}${location}@${ABSENT}`],
      [1, `${prefix}${location}/none`],
      [1, "A"],
      [1, "{"],
      [1, "sha256:12"],
      [1, `${prefix}${location}@sha256:12`],
      [1, `{"digest":"sha256:12"}`],
      [1, `{"mediaType":"a/b","size":1}`],
      [1, content?.body.toString("latin1") ?? "{"],
    ]);
  }
  if (content === undefined)
    return tag === "latest" && random.chance(0.5) ? `${prefix}${location}` : reference;
  if (content.kind === "broken") line.faults++;
  return random.weighted<() => string>([
    [8, () => reference],
    [4, () => `${prefix}${location}@${content.digest}`],
    [2, () => `${prefix}${location}:${tag}@${content.digest}`],
    [1, () => (tag === "latest" ? `${prefix}${location}` : reference)],
    [isOneRepository ? 5 : 0.2, () => bareDigest(line, content)],
    [isOneRepository ? 5 : 0.2, () => descriptorOf(random, line, content)],
  ])();
}

function bareDigest(line: Line, { digest }: Content): string {
  line.kinds.add("bare digest");
  return digest;
}

/** As `buildx build --metadata-file` has it, or somebody's own. */
function descriptorOf(random: Random, line: Line, { mediaType, digest, body, platform }: Content): string {
  line.kinds.add("descriptor");
  const size = random.chance(0.04) ? body.byteLength + 1 : body.byteLength;
  if (size !== body.byteLength) line.faults++;
  const shown = {
    ...(random.chance(0.7) && { mediaType }),
    digest,
    ...(random.chance(0.9) && { size }),
    ...(random.chance(0.3) && { annotations: someAnnotations(random) }),
    ...(random.chance(0.3) && { platform }),
    ...(random.chance(0.05) && { artifactType: "application/vnd.example.given", data: "e30=" }),
    ...(random.chance(0.05) && { "x-unknown": [] }),
  };
  return random.chance(0.7) ? JSON.stringify(shown) : JSON.stringify(shown, undefined, 2);
}

const NEW_TAGS = ["v1", "v2", "latest", "V_1.x-2"];

function addTags(
  random: Random,
  line: Line,
  { from, to }: Route,
  sources: readonly Named[],
  isDryRun: boolean,
): void {
  const locations = [...to, ...(random.chance(0.15) ? [random.pick(to)] : [])];
  const names = locations.map((location) => {
    const prefix = isLayout(location) ? "oci-layout://" : "";
    return `${prefix}${location}${random.chance(0.05) ? "" : `:${random.pick(NEW_TAGS)}`}`;
  });
  const isAppended = random.chance(0.12);
  if (isAppended) {
    const there = sources.filter(({ location }) => location === to[0]);
    if (there.length > 0 && random.chance(0.9)) names[0] = referenceOf(random.pick(there));
    line.flags.push([random.pick(["--append", "--append=true"])]);
    line.kinds.add("append");
  }
  if (random.chance(0.02)) {
    line.faults++;
    names.push(random.pick(["", "A:b", "{host}/team/app:a b", "{host}/team/app@sha256:12"]));
  }
  if (names.length > 1) line.kinds.add("several tags");
  if (new Set(to).size > 1) line.kinds.add("several repositories");
  if (to.some(isLayout)) line.kinds.add("layout target");
  if (to.some((target) => from.some((source) => registryOf(source) !== registryOf(target)))) {
    line.kinds.add("to another registry");
  }
  if (isDryRun && !isAppended && random.chance(0.5)) return;
  for (const name of names) line.flags.push(valueFlag(random, "-t", "--tag", name));
}

function registryOf(location: string): string {
  return location.slice(0, location.indexOf("/"));
}

function valueFlag(random: Random, short: string, long: string, value: string): string[] {
  return random.weighted<string[]>([
    [4, [short, value]],
    [3, [long, value]],
    [2, [`${long}=${value}`]],
    [1, [`${short}${value}`]],
    [1, [`${short}=${value}`]],
  ]);
}

const ANNOTATIONS = [
  "index:a=b",
  "index:org.opencontainers.image.title=<x & y>",
  "index:equals=a=b",
  "index:=no key",
  "manifest-descriptor:all=<1>",
  "manifest-descriptor:empty=",
  "manifest-descriptor[linux/amd64]:amd64=yes",
  "manifest-descriptor[linux/arm64/v8]:arm64=yes",
  "manifest-descriptor[windows/amd64]:windows=yes",
  "index,manifest-descriptor:both=yes",
  "index,manifest-descriptor[linux/arm64]:half=\u2028",
  "",
];
/** Refused, but on docker's list, where all that can be read is passed over. */
const UNSUPPORTED_ANNOTATIONS = [
  "manifest:m=1",
  "plain=1",
  "manifest[linux/amd64]:m=2",
  "index-descriptor:d=1",
];
const BROKEN_ANNOTATIONS = [
  "nothing",
  "bogus:a=b",
  "Index:a=b",
  "index[:a=b",
  "index[linux(x)/amd64]:a=b",
  "index[bogus]:a=b",
  ":a=b",
  "index,:a=b",
];

function addAnnotations(random: Random, line: Line): void {
  const chosen = random.some(ANNOTATIONS, 0.2);
  if (chosen.length === 0) chosen.push("index:k=v");
  // What comes later is taken.
  if (random.chance(0.1)) chosen.push("index:a=later", "manifest-descriptor:all=later");
  if (random.chance(0.05)) {
    chosen.push(random.pick(UNSUPPORTED_ANNOTATIONS));
    line.faults++;
  }
  if (random.chance(0.05)) {
    chosen.push(random.pick(BROKEN_ANNOTATIONS));
    line.faults++;
  }
  line.kinds.add("annotation");
  for (const text of chosen) {
    line.flags.push(random.pick([[`--annotation=${text}`], ["--annotation", text]]));
  }
}

function addPlatforms(random: Random, line: Line): void {
  const wanted = Array.from({ length: random.chance(0.75) ? 1 : 2 }, () => random.weighted(WANTED));
  const held = line.contents.flatMap((content) => [content, ...content.children]).flatMap(platformsOf);
  if (held.length > 0 && random.chance(0.75)) wanted[0] = random.pick(held);
  if (random.chance(0.06)) wanted.push(random.pick(UNMATCHED));
  if (random.chance(0.04)) {
    wanted.push(random.pick(UNREADABLE));
    line.faults++;
  }
  line.kinds.add("platform");
  for (const platform of wanted) line.flags.push(valueFlag(random, "-p", "--platform", platform));
}

/** As `--platform` has it, where the config has enough for that. */
function platformsOf({ platform }: Content): string[] {
  const { os, architecture, variant } = { os: "", architecture: "", variant: "", ...platform };
  const isReadable = [os, architecture].every((part) => /^[A-Za-z0-9_-]+$/.test(part));
  return isReadable ? [[os, architecture, variant].filter((part) => part !== "").join("/")] : [];
}

function misuse(random: Random, sources: readonly Named[]): Step {
  const { location, tag } = random.pick(sources.filter((source) => !isLayout(source.location)));
  const source = `${location}:${tag}`;
  const target = `${location}:v1`;
  const argv = random.pick([
    [],
    ["-t", target],
    [source],
    ["--dry-run"],
    ["-t", target, source, "--bogus"],
    ["-t", target, source, "-x"],
    ["-t"],
    ["-t", target, source, "--dry-run=maybe"],
    ["-t", target, "-f", "{folder}/nowhere"],
    ["-t", target, source, "--progress=bogus"],
    ["--append", source],
    ["--append", "--dry-run", source],
    ["-t", target, source, "--prefer-index="],
    ["-t", target, "--", source, "--dry-run"],
    ["--dry-run", ABSENT],
    ["--dry-run", `{"digest":"${ABSENT}"}`],
    ["-t", target, "-t", `{other}/nowhere/at/all:v1`, ABSENT],
    ["-t", target, "-t", `{other}/nowhere/at/all:v1`, `{"digest":"${ABSENT}","mediaType":"a/b","size":3}`],
  ]);
  return {
    argv: ["create", ...argv],
    files: {},
    metadataFile: undefined,
    registries: [registryOf(location)],
    faults: 1,
    kinds: ["misuse"],
  };
}
