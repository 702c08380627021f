import type { ImageConfig } from "../oci/imageConfig.js";

/**
 * What an image's config says, by what it is about: `User`, `Entrypoint`, `Env PATH`, `Label org.example.a`,
 * `ExposedPort 80/tcp`, `Volume /data`. Lists are JSON. Layers and their history are left out: they are told as layers.
 */
export function configValues(image: ImageConfig): Record<string, string> {
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
  ];
  // What is named by itself alone is there or not; of all else an empty text says nothing.
  return Object.fromEntries(said.filter(([name, value]) => value !== "" || name.includes(" ")));
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
