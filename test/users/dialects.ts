import type { Outcome, Scene } from "../helpers/scene.js";

/** A way to make a list of images that a registry has, and to give it its name there. */
export interface Dialect {
  readonly dialect: string;
  /** What `create` needs to be told where it has made that list before. */
  readonly again: readonly string[];
  /** What `push` needs to be told where images are in another registry: docker refuses those, imagetools copies them. */
  readonly fromElsewhere: readonly string[];
  /** What the last command said, or the first that failed. */
  readonly make: (
    scene: Pick<Scene, "run">,
    list: string,
    sources: readonly string[],
    flags?: Flags,
  ) => Promise<Outcome>;
}

interface Flags {
  /** Of where images come from, and what is expected of them. */
  readonly create?: readonly string[];
  readonly push?: readonly string[];
  /** Of the network: every command has them. */
  readonly network?: readonly string[];
}

/** The two command lines that people have in their scripts. */
export const dialects: readonly Dialect[] = [
  {
    dialect: "docker manifest",
    again: ["--replace"],
    fromElsewhere: ["--cross-registry"],
    make: async (scene, list, sources, { create = [], push = [], network = [] } = {}) => {
      const created = await scene.run("create", ...network, ...create, list, ...sources);
      return created.status === 0 ? scene.run("push", ...network, ...push, list) : created;
    },
  },
  {
    dialect: "docker buildx imagetools",
    again: [],
    fromElsewhere: [],
    make: (scene, list, sources, { create = [], push = [], network = [] } = {}) =>
      scene.run("imagetools", "create", ...network, ...create, ...push, "-t", list, ...sources),
  },
];
