import * as z from "zod/mini";
import { ManifestError } from "../errors.js";
import { goStruct, goText, goTextMap, goTexts, issueOf, jsonMap, parseJson } from "../go/json.js";
import { parseGoTime } from "../go/time.js";

/**
 * An image's config, as far as the specification has it: what only docker writes there, such as `Healthcheck`, is
 * dropped.
 * https://github.com/opencontainers/image-spec/blob/main/config.md
 */

const goBoolean = z._default(z.boolean(), false);

const goTime = z.pipe(
  z
    .string()
    .check(z.refine((text) => parseGoTime(text) !== undefined, { error: "is not a time of RFC 3339" })),
  z.transform(parseGoTime),
);

/** A set, written as an object of empty objects. */
const nameSet = z._default(
  jsonMap(
    z.pipe(
      z.transform((member: unknown): unknown => member ?? {}),
      jsonMap(z.unknown()),
    ),
  ),
  {},
);

const ExecutionFields = goStruct({
  User: goText,
  ExposedPorts: nameSet,
  Env: goTexts,
  Entrypoint: goTexts,
  Cmd: goTexts,
  Volumes: nameSet,
  WorkingDir: goText,
  Labels: goTextMap,
  StopSignal: goText,
  ArgsEscaped: goBoolean,
});

const RootFs = goStruct({
  type: goText,
  // Unlike the lists above, one that is missing is written differently from an empty one.
  diff_ids: z.optional(z.array(z.nullable(z.string()))),
});

const HistoryEntry = goStruct({
  created: z.optional(goTime),
  created_by: goText,
  author: goText,
  comment: goText,
  empty_layer: goBoolean,
});

export const ImageConfig = goStruct({
  created: z.optional(goTime),
  author: goText,
  architecture: goText,
  os: goText,
  "os.version": goText,
  "os.features": goTexts,
  variant: goText,
  config: z._default(ExecutionFields, () => ExecutionFields.parse({})),
  rootfs: z._default(RootFs, () => RootFs.parse({})),
  history: z._default(z.array(HistoryEntry), []),
});
export type ImageConfig = Readonly<z.infer<typeof ImageConfig>>;

/**
 * Reads a config as Go does.
 * @returns undefined for JSON's `null`, which leaves Go without a config
 * @throws INVALID_JSON, or INVALID_MANIFEST for what Go refuses
 */
export function parseImageConfig(bytes: Buffer): ImageConfig | undefined {
  const json = parseJson(bytes);
  if (json === null) return undefined;
  const parsed = z.safeParse(ImageConfig, json);
  if (parsed.success) return parsed.data;
  throw new ManifestError("INVALID_MANIFEST", issueOf(parsed.error));
}
