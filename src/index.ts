/**
 * tsmanifest as a library. First the functions for what is common, each of them one call: `pushList`, `append`, `copy`,
 * `inspect`, `diff`, `createDraft`. Below them the pieces they are made of: references, repositories (registries and OCI
 * layouts), drafts and docker's store of them, plans and pushes. No function here but `userDocker` reads the environment, none
 * writes to a terminal or ends the process. docs/library.md has a program for each purpose.
 */

// The common things, a call each.
export { append, type AppendListOptions } from "./library/append.js";
export { connect, type CallOptions, type Connection, type ConnectOptions } from "./library/connect.js";
export { copy, type CopyOptions } from "./library/copy.js";
export { createDraft, type DraftOptions } from "./library/createDraft.js";
export { diff } from "./library/diff.js";
export { inspect } from "./library/inspect.js";
export type { Lookable } from "./library/look.js";
export { pushList, type PushListOptions } from "./library/pushList.js";
export type { PushDraftOptions } from "./library/pushDraft.js";
export type { ListOptions } from "./library/pushSources.js";
export type { TransferOptions } from "./library/pushSettings.js";
export type { BuildSource, ImageSource, ListSource } from "./library/sources.js";
export { userDocker, type UserDockerOptions } from "./library/userDocker.js";
export type { DockerSetup, SetupCertificates } from "./docker/setup.js";
export type { Memory, RememberedChallenge, RememberedRepository } from "./memory/memory.js";

// What there is to see behind a name, and how two of them differ.
export type {
  ListTree,
  LookOrigin,
  LookProblem,
  SharedLayer,
  TreeBlob,
  TreeNode,
  TreeTotals,
} from "./look/listTree.js";
export type {
  ComparedSide,
  ContentDifference,
  ImageDifference,
  LayersDifference,
  TreeDifference,
} from "./look/treeDifference.js";

// Errors.
export {
  hasCode,
  ManifestError,
  NotFoundError,
  type ErrorCode,
  type ErrorDetails,
  type NotFoundCode,
  type NotFoundDetails,
} from "./errors.js";

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
export { descriptor, type Descriptor } from "./oci/descriptor.js";
export { parseManifest, type Manifest } from "./oci/manifest.js";
export type { Platform } from "./oci/platform.js";
export { readPlatformName } from "./oci/platformAliases.js";
export { isSamePlatform, platformKey } from "./oci/platformMatcher.js";
export {
  formatPlatform,
  normalizePlatform,
  parsePlatform,
  type PlatformDefaults,
} from "./oci/platformName.js";

export type {
  AroundMove,
  BlobInfo,
  BlobProgress,
  BlobOutcome,
  BlobStream,
  EnsureOptions,
  Interruptible,
  PutOptions,
  Repository,
  ResolveOptions,
} from "./content/repository.js";
export { BlobError } from "./content/blobError.js";
export { openLayout, type Layout, type LayoutOptions } from "./content/layout.js";
export { parseLayoutReference, type LayoutReference } from "./content/layoutReference.js";
export {
  layoutSource,
  registrySource,
  SourceReader,
  type Source,
  type SourceReaderOptions,
} from "./content/resolve.js";
export { readFrom, type FromSource } from "./content/fromSource.js";
export { ManifestCache, type ManifestCacheOptions } from "./content/manifestCache.js";
export { SharedManifests } from "./content/sharedManifests.js";
export { TreeReader, type TreeItem, type TreeOptions } from "./content/manifestTree.js";
export { formatPlace, parsePlace, type Place } from "./content/place.js";

export { addEntries, DEFAULT_SETTINGS, emptyDraft, findEntry, withEntries } from "./list/draft.js";
export type { Annotations, Draft, DraftBase, Settings } from "./list/draft.js";
export { encodeList, lostInList } from "./list/encode.js";
export { encodeEntry, type Entry } from "./list/entry.js";
export { baseOf, mergeDrafts, type Merged, type Theirs } from "./list/merge.js";
export { withoutReplaced } from "./list/replace.js";

// One manifest of several, as `docker buildx imagetools create` makes it.
export { parseAnnotations, type ListAnnotation } from "./list/annotationFlags.js";
export {
  combine,
  type Combined,
  type CombinedEntry,
  type CombinedSource,
  type CombineOptions,
} from "./list/combine.js";

// What a list should have, and how it differs from another.
export {
  checkExpectations,
  formatDifference,
  listWarnings,
  readExpectations,
  type PlatformDifference,
} from "./list/expectations.js";
export {
  isSameList,
  listDifference,
  type EntryChange,
  type ImageChange,
  type ListDifference,
  type ValueChange,
} from "./list/difference.js";
export type { Choice } from "./list/choose.js";

export { openStore, type Store } from "./store/store.js";
export type { StoredList } from "./store/listed.js";

export type { Credentials } from "./registry/auth/credentials.js";
export {
  createRegistry,
  HostRates,
  type Access,
  type ChallengeMemory,
  type RegistryClient,
  type RegistryOptions,
  type RegistrySession,
  type SessionOptions,
} from "./registry/createRegistry.js";
export type { RegistryEvent } from "./registry/wireEvents.js";
export { RegistryError, type ApiError } from "./registry/http/registryError.js";
export type { FailedAnswer, HttpResponse, Method } from "./registry/http/message.js";
export type { EndpointOptions } from "./registry/http/endpoint.js";
export type { TlsSettings } from "./registry/http/tls.js";
export type { Timeouts } from "./registry/http/transport.js";
export type { RetryLimits } from "./registry/retry/backoff.js";
export type { AllowanceOptions } from "./registry/retry/allowance.js";
export type { HostRatesOptions } from "./registry/retry/hostRate.js";
export { CredentialsRefusedError } from "./registry/auth/authorize/fetchToken.js";
export { TransportError } from "./registry/http/transportError.js";

export {
  accessesOf,
  plan,
  planManifests,
  rootOf,
  type BlobStep,
  type ManifestsToPlan,
  type ManifestStep,
  type Plan,
  type PlanItem,
  type PlanOptions,
} from "./push/plan.js";
export {
  requests,
  type Assumptions,
  type MountAnswer,
  type PlannedRequest,
  type RequestLevel,
} from "./push/requests.js";
export {
  execute,
  Push,
  type ExecuteOptions,
  type PushEvent,
  type PushOptions,
  type PushResult,
  type RootOptions,
} from "./push/execute.js";
export type { PartDone, PlanProgress } from "./push/pushTotals.js";
export { executeAll, type ExecuteAllOptions, type MoveGuard } from "./push/executeAll.js";
export { appendTo, type AppendOptions } from "./push/appendTo.js";
export {
  survey,
  type Survey,
  type SurveyedBlob,
  type SurveyedManifest,
  type SurveyedTag,
  type SurveyOptions,
} from "./push/survey.js";
export {
  NotVerifiedError,
  verify,
  verifyWithin,
  type VerifyFault,
  type VerifyOptions,
  type VerifyWithinOptions,
} from "./push/verify.js";
export { PlanError, PutError, type ListFault } from "./push/errors.js";
export { formatPlanReport, planReport, type PlanReportOptions } from "./ui/planReport.js";
export { PlanReport } from "./ui/planReportSchema.js";

// What commands print under `--format json`, as zod schemas; docs/outputs.md says which.
export { ApplyPlan, ApplyResult } from "./ui/applyResult.js";
export { DifferenceResult } from "./ui/differenceResult.js";
export { ErrorResult } from "./ui/errorResult.js";
export { EntryResult, InspectResult } from "./ui/inspectResult.js";
export { ListResult } from "./ui/listResult.js";
export { LsResult } from "./ui/lsResult.js";
export { PushMetadata } from "./ui/pushMetadata.js";
export { TreeResult } from "./ui/treeResult.js";
export { RemovalResult } from "./ui/removalResult.js";

// What the user has set up for docker, for programs that want the same.
export { dockerConfigDir } from "./docker/config.js";
export { createCredentials, type CredentialOptions, type CredentialsFor } from "./docker/credentials.js";
export { certsFolders, readRegistryCertificates, type RegistryCertificates } from "./docker/certs.js";
export type { Surroundings } from "./docker/environment.js";
export type { ClientCertificate } from "./docker/pem.js";
export { proxyFor } from "./docker/proxies.js";
