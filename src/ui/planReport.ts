import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { listDifference, type ListDifference } from "../list/difference.js";
import { formatLocation } from "../oci/location.js";
import { rootOf } from "../push/plan.js";
import { requests, type PlannedRequest } from "../push/requests.js";
import type { Survey, SurveyedBlob, SurveyedTag } from "../push/survey.js";
import { apiHost, protocols, type EndpointOptions } from "../registry/http/endpoint.js";
import { describePushed } from "./describeEntries.js";
import { jsonDocument } from "./jsonDocument.js";
import { imageSizes, listSummary } from "./listSummary.js";
import type { PlanReport } from "./planReportSchema.js";
import { planReportText } from "./planReportText.js";

type TargetData = PlanReport["targets"][number];
type TagData = TargetData["tags"][number];
type DifferenceData = NonNullable<TagData["difference"]>;

/** How registries would be reached. */
export interface PlanReportOptions {
  /** How a registry is reached, by its domain. Default: as it is without flags and certificates. */
  readonly endpointOf?: (domain: string) => EndpointOptions;
}

/**
 * What pushes would do, from what is known of their targets, as text for people, as Markdown for GitHub, or as JSON
 * ({@link PlanReport}). All end in a line end, and hold nothing that a terminal would obey.
 * @example
 * console.log(formatPlanReport([await survey(plan(draft), open)], "text"));
 */
export function formatPlanReport(
  surveys: readonly Survey[],
  format: "text" | "json" | "markdown",
  options: PlanReportOptions = {},
): string {
  const report = planReport(surveys, options);
  switch (format) {
    case "json":
      return jsonDocument(report);
    case "markdown":
      return planMarkdown(surveys, report);
    case "text":
      return planReportText(report);
  }
}

/** All targets get the same list. */
function planMarkdown([first]: readonly Survey[], before: PlanReport): string {
  if (first === undefined) return "";
  const { digest, children } = rootOf(first.plan).manifest;
  return listSummary({
    status: "planned",
    digest,
    manifests: children.map(describePushed),
    tags: [],
    before,
    sizes: imageSizes(first.plan.manifests.map(({ manifest }) => manifest)),
  });
}

/**
 * The same as data.
 * @example
 * const { requests, targets } = planReport([await survey(plan(draft), open)]);
 */
export function planReport(surveys: readonly Survey[], options: PlanReportOptions = {}): PlanReport {
  const planned = surveys.flatMap(({ plan, assumptions }) => {
    const target = formatLocation(plan.target);
    return requests(plan, assumptions).map((request) => plannedRequest(request, target, options));
  });
  return {
    version: 1,
    requests: planned.sort((one, other) => one.level - other.level),
    targets: surveys.map(targetOf),
  };
}

const DEFAULT_ENDPOINT: EndpointOptions = { insecure: false, plainHttp: false, hasCertificates: false };

function plannedRequest(
  request: PlannedRequest,
  target: string,
  { endpointOf = () => DEFAULT_ENDPOINT }: PlanReportOptions,
): PlanReport["requests"][number] {
  const { level, bytes, optional } = request;
  const more = { ...(bytes !== undefined && { bytes }), ...(optional && { optional }) };
  if (request.kind === "file") {
    const url = pathToFileURL(join(request.folder, request.path)).href;
    return { level, target, method: "WRITE", url, ...more };
  }
  const { method, domain, path } = request;
  const host = apiHost(domain);
  const [protocol] = protocols(host, endpointOf(domain));
  return { level, target, method, url: `${protocol}//${host}${path}`, ...more };
}

function targetOf(survey: Survey): TargetData {
  const { plan, manifests, blobs, tags } = survey;
  const { digest, mediaType, bytes } = rootOf(plan).manifest;
  const digests = (isThere: boolean): string[] =>
    manifests.filter((one) => one.isThere === isThere).map(({ step }) => step.manifest.digest);
  const copied = blobs.filter(({ fate }) => fate === "copy");
  const sources = copied.flatMap(({ step }) => step.sources.slice(0, 1).map(formatLocation));
  return {
    name: formatLocation(plan.target),
    root: { digest, mediaType, size: bytes.byteLength },
    manifests: { present: digests(true), put: digests(false) },
    blobs: {
      present: total(blobs, "present", "unneeded"),
      mount: total(blobs, "mount"),
      copy: { ...total(blobs, "copy"), from: [...new Set(sources)] },
      foreign: total(blobs, "foreign"),
      refused: total(blobs, "refused"),
    },
    tags: tags.map((tag) => tagOf(tag, survey)),
  };
}

function total(
  blobs: readonly SurveyedBlob[],
  ...fates: readonly SurveyedBlob["fate"][]
): { count: number; bytes: number } {
  const some = blobs.filter(({ fate }) => fates.includes(fate));
  return { count: some.length, bytes: some.reduce((sum, { step }) => sum + step.size, 0) };
}

function tagOf(surveyed: SurveyedTag, { plan }: Survey): TagData {
  const { tag: name, state } = surveyed;
  const { manifest: root } = rootOf(plan);
  switch (surveyed.state) {
    case "absent":
      return { name, state, difference: asData(listDifference(undefined, root)) };
    case "same":
      return { name, state, digest: surveyed.digest };
    case "other": {
      const { digest, manifest } = surveyed;
      return { name, state, digest, ...(manifest && { difference: asData(listDifference(manifest, root)) }) };
    }
    case "unknown":
      return { name, state, reason: surveyed.error.message };
  }
}

/** With no member that is undefined. */
function asData({ images, unchanged, others, annotations, fields }: ListDifference): DifferenceData {
  return {
    images: images.map(({ platform, change, from, to, attestation }) => ({
      ...(platform !== undefined && { platform }),
      change,
      ...(from !== undefined && { from }),
      ...(to !== undefined && { to }),
      ...(attestation && { attestation }),
    })),
    unchanged,
    others: others.map(({ change, digest, mediaType, artifactType }) => ({
      change,
      digest,
      mediaType,
      ...(artifactType !== "" && { artifactType }),
    })),
    annotations: annotations.map(valueChange),
    fields: fields.map(valueChange),
  };
}

function valueChange({ name, from, to }: ListDifference["fields"][number]): DifferenceData["fields"][number] {
  return { name, ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
}
