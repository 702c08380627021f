import type { CommandGroup, CommandOrGroup } from "./command.js";
import { builderFlags } from "./imagetools/builderFlags.js";

/** `docker buildx imagetools`: no local lists, one command from sources to tags. */
const imagetools: CommandGroup = {
  name: "imagetools",
  summary: "The commands of docker buildx imagetools: make a list in one go, look at what a registry has",
  group: "All at once",
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
 * The command tree, in the order of the help: what does all at once, then local lists in the order of work. Each command is loaded on demand, so that `rm` and `annotate` start without the HTTP client.
 */
export const commands: readonly CommandOrGroup[] = [
  imagetools,
  {
    name: "apply",
    summary: "Make all lists of a file, as one release or as thousands",
    group: "All at once",
    load: async () => (await import("./apply.js")).apply,
  },
  {
    name: "create",
    summary: "Make a local list out of images in a registry",
    group: "Local lists",
    load: async () => (await import("./create.js")).create,
  },
  {
    name: "annotate",
    summary: "Say what platform an entry of a local list is for",
    group: "Local lists",
    load: async () => (await import("./annotate.js")).annotate,
  },
  {
    name: "push",
    summary: "Send a local list to its registry",
    group: "Local lists",
    load: async () => (await import("./push.js")).push,
  },
  {
    name: "ls",
    summary: "Show the local lists",
    group: "Local lists",
    load: async () => (await import("./ls.js")).ls,
  },
  {
    name: "rm",
    summary: "Delete local lists",
    group: "Local lists",
    load: async () => (await import("./rm.js")).rm,
  },
  {
    name: "prune",
    summary: "Delete local lists that have not been changed for long",
    group: "Local lists",
    load: async () => (await import("./prune.js")).prune,
  },
  {
    name: "inspect",
    summary: "Show a list or a manifest, local or remote",
    group: "Looking",
    load: async () => (await import("./inspect.js")).inspectCommand,
  },
  {
    name: "diff",
    summary: "Show how two lists differ: by platform, layer and config",
    group: "Looking",
    load: async () => (await import("./diff.js")).diffCommand,
  },
  {
    name: "completion",
    summary: "Print the script that completes commands in bash, zsh, fish or PowerShell",
    group: "This program",
    load: async () => (await import("./completion.js")).completion,
  },
  {
    name: "buildx",
    summary: "For those who turn docker into tsmanifest by an alias",
    dialect: "buildx",
    flags: builderFlags,
    commands: [imagetools],
    isHidden: true,
  },
];
