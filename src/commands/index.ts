import type { CommandGroup, CommandOrGroup } from "./command.js";
import { builderFlags } from "./imagetools/builderFlags.js";

/** `docker buildx imagetools`: no local lists, one command from sources to tags. */
const imagetools: CommandGroup = {
  name: "imagetools",
  summary: "The commands of docker buildx imagetools: make a list in one go, look at what a registry has",
  dialect: "buildx",
  flags: builderFlags,
  commands: [
    {
      name: "create",
      summary: "Make one list of images and lists, and give it its tags",
      load: async () => (await import("./imagetools/create.js")).imagetoolsCreate,
    },
    {
      name: "inspect",
      summary: "Show a list or an image of a registry or a layout",
      load: async () => (await import("./imagetools/inspect.js")).imagetoolsInspect,
    },
  ],
};

/**
 * The command tree. Each command is loaded on demand, so that `rm` and `annotate` start without the HTTP client.
 */
export const commands: readonly CommandOrGroup[] = [
  {
    name: "annotate",
    summary: "Say what platform an entry of a local list is for",
    load: async () => (await import("./annotate.js")).annotate,
  },
  {
    name: "apply",
    summary: "Make all lists of a file, as one release or as thousands",
    load: async () => (await import("./apply.js")).apply,
  },
  {
    name: "create",
    summary: "Make a local list out of images in a registry",
    load: async () => (await import("./create.js")).create,
  },
  {
    name: "diff",
    summary: "Show how two lists differ: by platform, layer and config",
    load: async () => (await import("./diff.js")).diff,
  },
  {
    name: "inspect",
    summary: "Show a list or a manifest, local or remote",
    load: async () => (await import("./inspect.js")).inspect,
  },
  {
    name: "ls",
    summary: "Show the local lists",
    load: async () => (await import("./ls.js")).ls,
  },
  {
    name: "prune",
    summary: "Delete local lists that have not been changed for long",
    load: async () => (await import("./prune.js")).prune,
  },
  {
    name: "push",
    summary: "Send a local list to its registry",
    load: async () => (await import("./push.js")).push,
  },
  {
    name: "rm",
    summary: "Delete local lists",
    load: async () => (await import("./rm.js")).rm,
  },
  imagetools,
  {
    name: "buildx",
    summary: "For those who turn docker into tsmanifest by an alias",
    dialect: "buildx",
    flags: builderFlags,
    commands: [imagetools],
    isHidden: true,
  },
];
