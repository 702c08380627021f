/** The lines of stderr by which a command says what is wrong. */
export function errorsOf(stderr: string): string[] {
  return stderr.split("\n").filter((line) => line.startsWith("ERROR: "));
}

/** Those whose words scripts may know: where we have to say the same. */
const QUOTED = [
  /^ERROR: no sources specified$/,
  /^ERROR: can't push with no tags specified, please set --tag or --dry-run$/,
  /^ERROR: failed to parse source ".*", valid sources are digests, references and descriptors: /,
  /^ERROR: none of the manifests match the provided platforms$/,
  /^ERROR: input platform \S+ does not match any of the provided platforms$/,
  /^ERROR: multiple repositories specified, cannot infer repository for "/,
  /^ERROR: no repositories specified, please set a reference in tag or source$/,
  /^ERROR: ".*" annotations are not supported yet$/,
  /^ERROR: ".*" annotations are invalid while creating an image$/,
  /^ERROR: invalid size mismatch for \S+, \d+ != \d+$/,
  /^ERROR: invalid platform ".*": /,
  /^ERROR: \S+: not found$/,
  /^ERROR: unknown (?:shorthand )?flag: /,
  /^ERROR: flag needs an argument: /,
  /^ERROR: invalid argument ".*" for "/,
];

/** Behind them: how JSON is wrong, Go says in its own words. */
const GO_JSON = /(: )(?:unexpected end of JSON input|invalid character .*|json: .*)$/;

/** The error as far as its words are fixed. */
export function fixedPart(error: string): string {
  return error.replace(GO_JSON, "$1");
}

export function isQuoted(error: string): boolean {
  return QUOTED.some((pattern) => pattern.test(error));
}

/** Without what it is about. */
export function withoutNames(error: string): string {
  return error
    .replace(/sha256:[0-9a-f]{64}/g, "sha256:…")
    .replace(/\{(?:host|other|folder)\}\S*/g, "…")
    .replace(/\d+ != \d+/, "…");
}
