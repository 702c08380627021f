import { readImages } from "../../content/inspectImage.js";
import type { Named } from "../../content/inspectedName.js";
import type { Repository } from "../../content/repository.js";
import type { Context } from "../../context.js";
import { messageOf } from "../../errors.js";
import { marshalIndented } from "../../go/marshal.js";
import { executeTemplate, type TemplateFunctions } from "../../go/template/execute.js";
import { parseTemplate, type Template } from "../../go/template/parse.js";
import { ANY, goNil, goStringValue } from "../../go/values.js";
import { detailsWanted, isWholeManifest } from "../../list/detailsWanted.js";
import { imageDetailsValue, parseIndexContent, type PlatformDetails } from "../../list/imageDetails.js";
import { isListType } from "../../oci/mediaTypes.js";
import { warnOn } from "../../ui/warn.js";

/** A template of `--format`. */
interface Format {
  readonly template: Template;
  /** It stands for the text that is shown without a template. */
  readonly isText: boolean;
}

/** @throws USAGE in Go's words if it is none */
export function parseFormat(text: string): Format {
  const template = parseTemplate(text, Object.keys(functions));
  return { template, isText: isWholeManifest(template) };
}

/** Reads what the template asks for, and executes it. */
export async function showFormat(
  { template }: Format,
  {
    given,
    descriptor,
    bytes,
    manifest,
    repository,
  }: Named & { readonly given: string; readonly repository: Repository },
  { stderr, signal }: Context,
  onRead?: (done: number, begun: number) => void,
): Promise<string> {
  const wanted = detailsWanted(template);
  const isMore = Object.values(wanted).includes(true) && manifest !== undefined;
  const images = isMore
    ? await readImages(repository, { descriptor, manifest }, wanted, { signal, onRead })
    : [];
  for (const problem of hiddenProblems(images)) warnOn(stderr)(problem);
  const index = isListType(descriptor.mediaType) ? parseIndexContent(bytes) : undefined;
  return executeTemplate(template, imageDetailsValue({ name: given, descriptor, index, images }), functions);
}

/** `json`, as buildx has it. */
const functions: TemplateFunctions = {
  json: { params: [ANY], call: ([value = goNil]) => goStringValue(marshalIndented(value)) },
};

/** With a single image, attestations that cannot be read are shown as none there are, as buildx does. */
function hiddenProblems(images: readonly PlatformDetails[]): Set<string> {
  const results = images.length === 1 ? images.flatMap(({ sboms, provenance }) => [sboms, provenance]) : [];
  return new Set(
    results.flatMap((result) =>
      result.status === "rejected" ? [`an attestation cannot be read: ${messageOf(result.reason)}`] : [],
    ),
  );
}
