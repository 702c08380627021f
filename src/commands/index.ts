import type { CommandEntry } from "./command.js";

/**
 * The command tree. Each command is loaded on demand, so that `rm` and `annotate` start without the HTTP client.
 */
export const commands: readonly CommandEntry[] = [
  {
    name: "annotate",
    summary: "Say what platform an entry of a local list is for",
    load: async () => (await import("./annotate.js")).annotate,
  },
  {
    name: "create",
    summary: "Make a local list out of images in a registry",
    load: async () => (await import("./create.js")).create,
  },
  {
    name: "inspect",
    summary: "Show a list or a manifest, local or remote",
    load: async () => (await import("./inspect.js")).inspect,
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
];
