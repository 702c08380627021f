/**
 * tsmanifest as a library: references, the local store, registries, and the push of a list. No function here reads
 * the environment, writes to a terminal or ends the process.
 */
export { hasCode, ManifestError, type ErrorCode } from "./errors.js";

export {
  formatReference,
  parseReference,
  repositoryName,
  withDigest,
  withTag,
  type Reference,
} from "./oci/reference.js";
export { digestOf } from "./oci/digest.js";
export type { Descriptor } from "./oci/descriptor.js";
export { encodeEntry, type Entry } from "./list/entry.js";
export type { Manifest } from "./oci/manifest.js";
export { encodeList, listMediaType } from "./push/old/list.js";
export type { Platform } from "./oci/platform.js";

export { openStore, type Store } from "./store/store.js";

export type { Credentials } from "./registry/auth/credentials.js";
export {
  createRegistry,
  DEFAULT_CONCURRENCY,
  type RegistryClient,
  type RegistryEvent,
  type RegistryOptions,
} from "./registry/createRegistry.js";
export type { FetchedManifest, Mount, Registry, Upload } from "./registry/api.js";
export { childEntries, fetchEntries, fetchReference, imageEntry } from "./content/images.js";
export { RegistryError } from "./registry/http/registryError.js";
export { TransportError } from "./registry/http/transportError.js";
export { pushScopes, repositoryScope } from "./registry/auth/token.js";

export {
  planPush,
  type PlannedBlob,
  type PlannedChild,
  type PlannedList,
  type PushPlan,
} from "./push/old/plan.js";
export { executePush, type ExecuteOptions, type PushEvent } from "./push/old/execute.js";

// What the user has set up for docker, for programs that want the same.
export { dockerConfigDir } from "./docker/config.js";
export { createCredentials, type CredentialOptions, type CredentialsFor } from "./docker/credentials.js";
export { certsFolders, readRegistryCertificates } from "./docker/certs.js";
export { proxyFor } from "./docker/proxies.js";
