import * as z from "zod/mini";
import { parseJson } from "../go/json.js";
import { ImageConfig, parseImageConfig } from "../oci/imageConfig.js";

/** By what each is about. */
export type ConfigValues = Readonly<Record<string, string>>;

/**
 * What an image's config says, by what it is about: `User`, `Entrypoint`, `Env PATH`, `Label org.example.a`,
 * `ExposedPort 80/tcp`, `Volume /data`, `Healthcheck Test`, and whatever else docker writes there. Lists are JSON. Layers and
 * their history are left out: they are told as layers.
 * @returns undefined for JSON's `null`
 * @throws INVALID_JSON, INVALID_MANIFEST
 */
export function configValues(bytes: Buffer): ConfigValues | undefined {
  const image = parseImageConfig(bytes);
  if (image === undefined) return undefined;
  const { created, author, os, architecture, variant, config } = image;
  const said: readonly (readonly [name: string, value: string])[] = [
    ["created", created === undefined ? "" : timeText(created)],
    ["author", author],
    ["os", os],
    ["os.version", image["os.version"]],
    ["os.features", listed(image["os.features"])],
    ["architecture", architecture],
    ["variant", variant],
    ["User", config.User],
    ["Entrypoint", listed(config.Entrypoint)],
    ["Cmd", listed(config.Cmd)],
    ["WorkingDir", config.WorkingDir],
    ["StopSignal", config.StopSignal],
    ["ArgsEscaped", config.ArgsEscaped ? "true" : ""],
    ...config.Env.map(variableOf),
    ...Object.entries(config.Labels).map(([name, value]) => [`Label ${name}`, value] as const),
    ...Object.keys(config.ExposedPorts).map((port) => [`ExposedPort ${port}`, ""] as const),
    ...Object.keys(config.Volumes).map((path) => [`Volume ${path}`, ""] as const),
    ...othersIn(bytes),
  ];
  // What is named by itself alone is there or not; of all else an empty text says nothing.
  return Object.fromEntries(said.filter(([name, value]) => value !== "" || name.includes(" ")));
}

const AnyMembers = z.looseObject({});
const WithConfig = z.looseObject({ config: z.catch(AnyMembers, {}) });
const KNOWN: ReadonlySet<string> = new Set(
  Object.keys(ImageConfig.parse({}).config).map((name) => name.toLowerCase()),
);

/** What the specification does not have, and docker does: `Healthcheck`, `OnBuild`, `Shell`. What is empty says nothing. */
function othersIn(bytes: Buffer): (readonly [name: string, value: string])[] {
  const { success, data } = z.safeParse(WithConfig, parseJson(bytes));
  if (!success) return [];
  const others = Object.entries(data.config).filter(([name]) => !KNOWN.has(name.toLowerCase()));
  return others
    .flatMap(([name, value]) => {
      const members = z.safeParse(AnyMembers, value);
      if (!members.success) return [[name, valueText(value)] as const];
      return Object.entries(members.data).map(
        ([member, one]) => [`${name} ${member}`, valueText(one)] as const,
      );
    })
    .filter(([, text]) => text !== "");
}

function valueText(value: unknown): string {
  if (typeof value === "string") return value;
  const isEmpty =
    value === null || value === false || value === 0 || (Array.isArray(value) && value.length === 0);
  return isEmpty
    ? ""
    : JSON.stringify(value, (_, one: unknown) => (typeof one === "bigint" ? String(one) : one));
}

function timeText({ date, clock, offset = "Z" }: NonNullable<ImageConfig["created"]>): string {
  return `${date}T${clock}${offset}`;
}

function listed(texts: readonly string[]): string {
  return texts.length === 0 ? "" : JSON.stringify(texts);
}

/** Of a variable that is set twice the last value counts, as in a container. */
function variableOf(text: string): readonly [name: string, value: string] {
  const at = text.indexOf("=");
  return at === -1 ? [`Env ${text}`, ""] : [`Env ${text.slice(0, at)}`, text.slice(at + 1)];
}
