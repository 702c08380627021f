import type { Step } from "./commands.js";
import { configsOf, type World } from "./world.js";

/** Requests by which blobs went through this process though source and target are in one registry, which mounts. */
export function blobsThatPassed(
  { registries }: Step,
  world: World,
  requests: readonly string[],
): readonly string[] {
  if (registries.length !== 1 || registries[0] === "{folder}") return [];
  const configs = configsOf(world);
  return requests.filter((request) => {
    const [method = "", path = ""] = request.split(" ");
    if (method === "PUT" || method === "PATCH") return path.includes("/blobs/uploads/");
    const digest = /\/blobs\/(sha256:[0-9a-f]{64})$/.exec(path)?.[1];
    // The config of an image that is a source says what platform it is for.
    return method === "GET" && digest !== undefined && !configs.has(digest);
  });
}
