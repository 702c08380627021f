/**
 * tsmanifest as a library: references, repositories (registries and OCI layouts), drafts and docker's store of them, and
 * the push of a list. No function here reads the environment, writes to a terminal or ends the process.
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
export { formatLocation, isSameLocation, locationOf, type Location } from "./oci/location.js";
export { digestOf } from "./oci/digest.js";
export type { Descriptor } from "./oci/descriptor.js";
export { parseManifest, type Manifest } from "./oci/manifest.js";
export type { Platform } from "./oci/platform.js";

export type {
  Blob,
  BlobEvent,
  BlobOutcome,
  BlobStream,
  EnsureOptions,
  Interruptible,
  PutOptions,
  Repository,
} from "./content/repository.js";
export { BlobError } from "./content/blobError.js";
export { openLayout, type Layout } from "./content/layout.js";
export { parseLayoutReference, type LayoutReference } from "./content/layoutReference.js";
export { layoutSource, registrySource, SourceReader, type Source } from "./content/resolve.js";

export { addEntries, DEFAULT_SETTINGS, emptyDraft, findEntry, withEntries } from "./list/draft.js";
export type { Draft, Settings } from "./list/draft.js";
export { encodeList, lostInList } from "./list/encode.js";
export { encodeEntry, type Entry } from "./list/entry.js";
export { openStore, type Store } from "./store/store.js";

export type { Credentials } from "./registry/auth/credentials.js";
export {
  createRegistry,
  DEFAULT_CONCURRENCY,
  type Access,
  type RegistryClient,
  type RegistryOptions,
  type RegistrySession,
} from "./registry/createRegistry.js";
export type { RegistryEvent } from "./registry/wireEvents.js";
export { RegistryError } from "./registry/http/registryError.js";
export { TransportError } from "./registry/http/transportError.js";

export {
  accessesOf,
  plan,
  type BlobStep,
  type ManifestStep,
  type Plan,
  type PlanOptions,
} from "./push/plan.js";
export { requests, type Assumptions, type MountAnswer, type PlannedRequest } from "./push/requests.js";
export { execute, type ExecuteOptions, type PushEvent, type PushResult } from "./push/execute.js";
export { PlanError, PutError, type ListFault } from "./push/errors.js";

// What the user has set up for docker, for programs that want the same.
export { dockerConfigDir } from "./docker/config.js";
export { createCredentials, type CredentialOptions, type CredentialsFor } from "./docker/credentials.js";
export { certsFolders, readRegistryCertificates } from "./docker/certs.js";
export { proxyFor } from "./docker/proxies.js";
