import type { ActionInputs } from "./inputs.js";

/**
 * What `imagetools create` shall do: say what would change, print the list, or push it. The first two send nothing that
 * changes anything.
 */
export type CreateMode = "plan" | "show" | "push";

/**
 * The command line that makes a list.
 * @param annotations values of `--annotation`
 */
export function createCommandLine(
  inputs: ActionInputs,
  annotations: readonly string[],
  mode: CreateMode,
): string[] {
  return [
    ...globalFlags(inputs),
    ...["imagetools", "create"],
    ...each("--tag", inputs.tags),
    ...each("--from", inputs.from),
    ...each("--annotation", annotations),
    ...each("--platform", inputs.platforms),
    ...each("--expect", inputs.expect),
    ...given({ append: inputs.append, merge: inputs.merge, referrers: inputs.referrers }),
    ...networkFlags(inputs),
    ...modeFlags(inputs, mode),
    "--",
    ...inputs.sources,
  ];
}

function modeFlags(inputs: ActionInputs, mode: CreateMode): string[] {
  switch (mode) {
    case "plan":
      return ["--plan", "--format", "json"];
    case "show":
      return ["--dry-run"];
    case "push":
      return ["--format", "json", ...pushFlags(inputs)];
  }
}

/** The command line that makes the lists of files. */
export function applyCommandLine(inputs: ActionInputs): string[] {
  return [
    ...globalFlags(inputs),
    "apply",
    ...each("--file", inputs.files),
    ...text("--shard", inputs.shard),
    ...text("--jobs", inputs.jobs),
    ...networkFlags(inputs),
    ...given({ plan: !inputs.push }),
    ...["--format", "json", ...pushFlags(inputs)],
  ];
}

/** The command line that prints a manifest as it is. */
export function inspectCommandLine(inputs: ActionInputs, name: string): string[] {
  return [...globalFlags(inputs), "imagetools", "inspect", "--raw", ...networkFlags(inputs), "--", name];
}

function globalFlags({ network: { config } }: ActionInputs): string[] {
  return text("--config", config);
}

function networkFlags({ network }: ActionInputs): string[] {
  const { retries, insecure, plainHttp, caFile } = network;
  return [
    ...text("--retries", retries),
    ...text("--ca-file", caFile),
    ...given({ insecure, "plain-http": plainHttp }),
  ];
}

function pushFlags({ verify, wait }: ActionInputs): string[] {
  const verifyFlag = { false: [], true: ["--verify"], blobs: ["--verify=blobs"] }[verify];
  return [...verifyFlag, ...text("--wait", wait)];
}

function each(flag: string, values: readonly string[]): string[] {
  return values.flatMap((value) => [flag, value]);
}

function text(flag: string, value: string): string[] {
  return value === "" ? [] : [flag, value];
}

function given(flags: Readonly<Record<string, boolean>>): string[] {
  return Object.entries(flags).flatMap(([name, isGiven]) => (isGiven ? [`--${name}`] : []));
}
