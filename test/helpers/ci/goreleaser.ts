import { parse } from "yaml";
import * as z from "zod/mini";
import { putBuild, putIndex } from "../builds.js";
import { assignmentsIn, putFile, type Env } from "./machine.js";
import { buildByTag, PASSWORD, USER, type Site } from "./site.js";

/** As much of GoReleaser as the page uses. https://goreleaser.com/customization/ */
const Config = z.strictObject({
  version: z.literal(2),
  dockers_v2: z.optional(
    z.array(
      z.strictObject({
        images: z.array(z.string()),
        tags: z.array(z.string()),
        platforms: z.array(z.string()),
        hooks: z.strictObject({
          post: z.array(z.strictObject({ cmd: z.string(), output: z.boolean() })),
        }),
        disable: z.string(),
      }),
    ),
  ),
  dockers: z.optional(
    z.array(
      z.strictObject({
        image_templates: z.tuple([z.string()]),
        goarch: z.string(),
        use: z.literal("buildx"),
        build_flag_templates: z.array(z.string()),
      }),
    ),
  ),
  publishers: z.optional(
    z.array(
      z.strictObject({
        name: z.string(),
        ids: z.array(z.string()),
        extra_files: z.array(z.strictObject({ glob: z.string() })),
        cmd: z.string(),
        env: z.array(z.string()),
      }),
    ),
  ),
});

/** Builds, pushes and publishes as `goreleaser release` does for the tag v1.4.0. */
export async function runGoreleaser(site: Site, text: string, files: Env = {}): Promise<void> {
  const { dockers_v2: lists = [], dockers = [], publishers = [] } = Config.parse(parse(text));
  const machine = site.lab.machine();
  for (const [path, content] of Object.entries(files)) putFile(machine, path, content);
  const login = { HOME: machine.home, DOCKER_CONFIG: machine.home };
  for (const { host } of Object.values(site.registries)) site.login(login, host, USER, PASSWORD);
  const filled = (template: string, more: Env = {}): string =>
    fill(template, {
      ".Version": "1.4.0",
      ".IsSnapshot": "false",
      ".Env.DOCKER_CONFIG": machine.home,
      ...more,
    });

  for (const { images, tags, platforms, hooks, disable } of lists) {
    if (filled(disable) === "true") continue;
    const image = images[0] ?? "";
    const { peer, repository } = site.find(image);
    const builds = platforms.map((platform) =>
      putBuild(peer, repository, { architecture: platform.split("/")[1] ?? "", seed: platform }),
    );
    const children = builds.flatMap(({ index }) => Index.parse(JSON.parse(index.body.toString())).manifests);
    const { digest } = putIndex(peer, repository, children, { tag: filled(tags[0] ?? "") });
    for (const hook of hooks.post) {
      await site.lab.run(machine, wordsOf(filled(hook.cmd, { ".Digest": digest })), login);
    }
  }

  for (const {
    image_templates: [template],
    goarch,
    build_flag_templates: flags,
  } of dockers) {
    if (!flags.includes(`--platform=linux/${goarch}`))
      throw new Error(`not for ${goarch}: ${flags.join(" ")}`);
    const name = filled(template);
    buildByTag(site, login, name, goarch);
  }
  for (const { extra_files: extra, cmd, env } of publishers) {
    // Nothing of the environment goes to a publisher but this, and what it names.
    for (const { glob } of extra) {
      if (!(glob.replace("./", "") in files)) throw new Error(`no file is ${glob}`);
      await site.lab.run(machine, wordsOf(filled(cmd, { ".ArtifactPath": glob.replace("./", "") })), {
        HOME: machine.home,
        ...assignmentsIn(env.map((variable) => filled(variable)).join("\n")),
      });
    }
  }
}

const Index = z.object({
  manifests: z.array(z.looseObject({ mediaType: z.string(), digest: z.string(), size: z.number() })),
});

/** Puts values in the place of `{{ … }}`. */
function fill(template: string, values: Env): string {
  return template.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, expression: string) => {
    const value = values[expression];
    if (value === undefined) throw new Error(`there is no {{ ${expression} }}`);
    return value;
  });
}

/** Splits a command as GoReleaser does, which runs no shell: quotes hold words together, and nothing else is special. */
function wordsOf(command: string): [string, ...string[]] {
  if (/[|&;<>$`]/.test(command)) throw new Error(`this needs a shell: ${command}`);
  const words = [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, plain]) => double ?? single ?? plain ?? "",
  );
  const [program = "", ...args] = words;
  return [program, ...args];
}
