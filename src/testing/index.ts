/**
 * `tsmanifest/testing`: a container registry in memory, over real HTTP, for tests.
 *
 * @example
 * const registry = await startRegistry();
 * const image = registry.putImage("team/app", { tag: "amd64" });
 * // … run something against `${registry.host}/team/app:amd64` …
 * await registry.close();
 */
export { startRegistry, type RunningRegistry, type ServerOptions, type TlsOptions } from "./server.js";
export {
  createTestRegistry,
  createRegistryHandler,
  type Override,
  type TestRegistry,
  type TestRegistryOptions,
  type SeenRequest,
} from "./registry.js";
export type { AuthOptions } from "./auth.js";
export type { BasicOptions } from "./basic.js";
export type { BearerOptions } from "./tokens.js";
export type { Content } from "./content.js";
export type { Built, ImageOptions, Kind, ListOptions } from "./images.js";
export { peakConcurrency, type LoggedRequest } from "./log.js";
export type { Route } from "./routes.js";
export type { Descriptor } from "./schemas.js";
export type { ManifestOptions } from "./manifests.js";
export type { UploadOptions } from "./uploads.js";
