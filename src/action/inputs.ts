import { ManifestError } from "../errors.js";

/** What a step of a workflow gives to the Action, read and checked as far as that goes without the command line. */
export interface ActionInputs {
  /** What the list is called: whole references. */
  readonly tags: readonly string[];
  readonly sources: readonly string[];
  /** Folders of digests, metadata files of builds. */
  readonly from: readonly string[];
  /** As docker/metadata-action prints them: `index:KEY=VALUE`. */
  readonly annotations: readonly string[];
  /** `KEY=VALUE` */
  readonly labels: readonly string[];
  readonly expect: readonly string[];
  readonly platforms: readonly string[];
  readonly append: boolean;
  readonly merge: boolean;
  readonly referrers: boolean;
  /** False: what would be pushed is shown, and nothing is sent. */
  readonly push: boolean;
  /** False: a source in another registry than a tag is refused. */
  readonly crossRegistry: boolean;
  readonly verify: "false" | "true" | "blobs";
  readonly wait: string;
  /** Files of lists; with any, everything that is said of one list is empty. */
  readonly files: readonly string[];
  /** `3/16`; empty for all lists of the files. */
  readonly shard: string;
  readonly jobs: string;
  readonly credentials: RegistryLogin | undefined;
  readonly network: NetworkInputs;
}

/** Who comes to a registry, in the words of docker/login-action. */
export interface RegistryLogin {
  /** `ghcr.io`, `docker.io` */
  readonly registry: string;
  readonly username: string;
  readonly password: string;
}

export interface NetworkInputs {
  readonly retries: string;
  readonly insecure: boolean;
  readonly plainHttp: boolean;
  readonly caFile: string;
  /** The folder of docker's configuration. */
  readonly config: string;
}

/** The value of an input by its name, without blanks around it; empty where the step does not give it. */
export type ReadInput = (name: string) => string;

/** Ten seconds at most between two tries: enough for a registry that answers 429 for a minute. */
const RETRIES = "20";

/**
 * Reads all inputs. Empty ones count as not given, since `${{ … }}` may turn out to be nothing.
 * @throws USAGE, naming the input, with the way out
 * @example
 * readInputs((name) => core.getInput(name)).tags; // ["ghcr.io/me/app:1.2.3", "ghcr.io/me/app:latest"]
 */
export function readInputs(read: ReadInput): ActionInputs {
  const flag = (name: string, otherwise = false): boolean => readFlag(read, name, otherwise);
  const inputs: ActionInputs = {
    tags: items(read("tags")),
    sources: lines(read("sources")),
    from: lines(read("from")),
    annotations: lines(read("annotations")),
    labels: lines(read("labels")),
    expect: items(read("expect")),
    platforms: items(read("platforms")),
    append: flag("append"),
    merge: flag("merge"),
    referrers: flag("referrers"),
    push: flag("push", true),
    crossRegistry: flag("cross-registry", true),
    verify: read("verify") === "blobs" ? "blobs" : flag("verify") ? "true" : "false",
    wait: read("wait"),
    files: lines(read("file")),
    shard: shardOfJob(read("shard"), read("job-index"), read("job-total")),
    jobs: read("jobs"),
    credentials: readLogin(read),
    network: {
      retries: read("retries") || RETRIES,
      insecure: flag("insecure"),
      plainHttp: flag("plain-http"),
      caFile: read("ca-file"),
      config: read("config"),
    },
  };
  if (inputs.files.length > 0) checkFiles(inputs);
  else checkList(inputs);
  return inputs;
}

/** One a line; comments and blank lines are left out. */
function lines(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

/** One a line, or several in a line with commas between them. */
function items(text: string): string[] {
  return lines(text)
    .flatMap((line) => line.split(","))
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

/** With `auto` a job of a matrix makes its part; GitHub counts jobs from 0, and no variable of the environment says which it is. */
function shardOfJob(shard: string, index: string, total: string): string {
  const isKnown = [index, total].every((number) => /^\d+$/.test(number));
  return shard === "auto" && isKnown ? `${Number(index) + 1}/${total}` : shard;
}

/** A boolean as YAML 1.2 has it. */
function readFlag(read: ReadInput, name: string, otherwise: boolean): boolean {
  const text = read(name);
  if (text === "") return otherwise;
  if (["true", "True", "TRUE"].includes(text)) return true;
  if (["false", "False", "FALSE"].includes(text)) return false;
  const choices = name === "verify" ? "true, false or blobs" : "true or false";
  throw usage(name, `${JSON.stringify(text)} is not ${choices}`);
}

function readLogin(read: ReadInput): RegistryLogin | undefined {
  const [registry, username, password] = [read("registry"), read("username"), read("password")];
  if (username === "" && password === "") {
    if (registry === "") return undefined;
    throw usage("registry", "username and password are missing", WITHOUT_LOGIN);
  }
  const missing = username === "" ? "username" : password === "" ? "password" : undefined;
  if (missing !== undefined) throw usage(missing, "it is empty; is the secret set?", WITHOUT_LOGIN);
  return {
    registry: registry.replace(/^https?:\/\//, "").replace(/\/.*$/, "") || "docker.io",
    username,
    password,
  };
}

const WITHOUT_LOGIN =
  "set registry, username and password; or leave out all three, and the login of docker/login-action is used";

function checkList(inputs: ActionInputs): void {
  const { tags, sources, from, append, merge, shard, jobs } = inputs;
  if (sources.length + from.length === 0) {
    throw usage("sources", "there is nothing to make a list of", "set sources, from or file");
  }
  if (tags.length === 0) {
    throw usage(
      "tags",
      "the list has no name",
      "set it to ${{ steps.meta.outputs.tags }}, or to a reference such as ghcr.io/me/app:v1",
    );
  }
  for (const tag of tags) checkTag(tag);
  if (append && merge) throw usage("append", "it cannot be combined with merge", "choose one of the two");
  if (shard !== "")
    throw usage("shard", "it is only for a file of lists", "set file as well, or leave it out");
  if (jobs !== "") throw usage("jobs", "it is only for a file of lists", "set file as well, or leave it out");
}

/** docker/metadata-action without `images` prints bare tags, which would all be repositories of docker.io/library. */
function checkTag(tag: string): void {
  if (/[/:]/.test(tag)) return;
  if (!TAG.test(tag)) {
    throw usage(
      "tags",
      `${JSON.stringify(tag)} is not a reference`,
      `write whole references, such as ${EXAMPLE}`,
    );
  }
  throw usage(
    "tags",
    `${JSON.stringify(tag)} is a tag without a repository`,
    `set images of docker/metadata-action, or write the whole reference, such as ${EXAMPLE}`,
  );
}

/** https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests */
const TAG = /^\w[\w.-]{0,127}$/;

const EXAMPLE = "ghcr.io/me/app:v1";

/** What is said of one list is in the file. */
function checkFiles(inputs: ActionInputs): void {
  const { tags, sources, from, annotations, labels, expect, platforms } = inputs;
  const { append, merge, referrers, crossRegistry } = inputs;
  const given = Object.entries({ tags, sources, from, annotations, labels, expect, platforms })
    .filter(([, values]) => values.length > 0)
    .map(([name]) => name);
  const set = Object.entries({ append, merge, referrers, "cross-registry": !crossRegistry })
    .filter(([, isSet]) => isSet)
    .map(([name]) => name);
  const [first] = [...given, ...set];
  if (first === undefined) return;
  throw usage(
    first,
    "it is for a single list, but file is set too",
    "move it into the file of lists, or leave file out",
  );
}

function usage(input: string, why: string, hint?: string): ManifestError {
  return new ManifestError("USAGE", `input ${input}: ${why}`, { subject: input, hint });
}
