import { ManifestError } from "../errors.js";
import { goObject, goString, goStringMap, goStringOrOmit, indentJson } from "../go/json.js";
import { encodeDescriptor, type Descriptor } from "../oci/descriptor.js";
import { parseIndex, type Manifest } from "../oci/manifest.js";
import { DOCKER_LIST, OCI_INDEX, OCI_MANIFEST } from "../oci/mediaTypes.js";
import { encodePlatform, NO_PLATFORM } from "../oci/platform.js";
import { formatReference } from "../oci/reference.js";
import { inListOrder, isAttestation } from "./attestations.js";
import type { Draft, Settings } from "./draft.js";
import { encodeEntry, type Entry } from "./entry.js";

/**
 * The list that a draft stands for. One that docker could have made is written as docker writes it; any other, unless
 * its settings ask for docker's list, as an OCI index with all that is known of its entries.
 * @throws ATTESTATION_LOST if it shall be docker's list and has attestations
 * @example
 * console.log(encodeList(draft).bytes.toString());
 */
export function encodeList({ entries, settings }: Pick<Draft, "entries" | "settings">): Manifest {
  const ordered = inListOrder(entries);
  const descriptors = ordered.map(({ descriptor }) => descriptor);
  switch (formatOf(ordered, settings)) {
    case "oci":
      return parseIndex(OCI_INDEX, encodeIndex(descriptors, settings));
    case "as docker": {
      const mediaType = settings.type === "docker" ? DOCKER_LIST : dockerMediaType(descriptors);
      return parseIndex(mediaType, encodeDockerList(descriptors, mediaType));
    }
  }
}

/**
 * What docker's list has no room for, in a few words each: it is lost where the settings ask for docker's list.
 * Empty where nothing is.
 * @example
 * lostInList(draft); // []
 */
export function lostInList({ entries, settings }: Pick<Draft, "entries" | "settings">): string[] {
  if (settings.type !== "docker") return [];
  const losing = entries.filter(hasExtras).length;
  return [
    ...(losing > 0 ? [`annotations and the like of ${losing} ${losing === 1 ? "entry" : "entries"}`] : []),
    ...(hasIndexFields(settings) ? ["the index's own annotations, subject and artifact type"] : []),
  ];
}

/** Would they be stored, shown and pushed alike? */
export function isSameDraft(one: Draft, other: Draft): boolean {
  const bytes = ({ entries }: Draft): Buffer => Buffer.concat(entries.map(encodeEntry));
  return bytes(one).equals(bytes(other)) && encodeList(one).digest === encodeList(other).digest;
}

/** docker's rule for lists it can make: an OCI index if the first image is an OCI one, else docker's manifest list. */
export function dockerMediaType(descriptors: readonly Descriptor[]): typeof OCI_INDEX | typeof DOCKER_LIST {
  return descriptors[0]?.mediaType === OCI_MANIFEST ? OCI_INDEX : DOCKER_LIST;
}

/**
 * The bytes of a list, as docker writes them: three spaces a level, no final newline, no annotations.
 * https://distribution.github.io/distribution/spec/manifest-v2-2/#manifest-list
 */
export function encodeDockerList(
  descriptors: readonly Descriptor[],
  mediaType: string = dockerMediaType(descriptors),
): Buffer {
  const items = descriptors.map((item) =>
    goObject([
      ["mediaType", goStringOrOmit(item.mediaType)],
      ["size", Number(item.size) === 0 ? undefined : String(item.size)],
      ["digest", goStringOrOmit(item.digest)],
      ["platform", encodePlatform(item.platform ?? NO_PLATFORM)],
    ]),
  );
  return layOut([
    ["schemaVersion", "2"],
    ["mediaType", goString(mediaType)],
    ["manifests", `[${items.join(",")}]`],
  ]);
}

/** https://github.com/opencontainers/image-spec/blob/main/image-index.md */
function encodeIndex(descriptors: readonly Descriptor[], settings: Settings): Buffer {
  return layOut([
    ["schemaVersion", "2"],
    ["mediaType", goString(OCI_INDEX)],
    ["artifactType", goStringOrOmit(settings.artifactType)],
    ["manifests", `[${descriptors.map(encodeDescriptor).join(",")}]`],
    ["subject", settings.subject && encodeDescriptor(settings.subject)],
    ["annotations", goStringMap(settings.annotations)],
  ]);
}

function layOut(fields: Parameters<typeof goObject>[0]): Buffer {
  return indentJson(Buffer.from(goObject(fields)), "   ");
}

function formatOf(entries: readonly Entry[], settings: Settings): "oci" | "as docker" {
  switch (settings.type) {
    case "oci":
      return "oci";
    case "docker": {
      const lost = entries.find(({ descriptor }) => isAttestation(descriptor));
      if (lost !== undefined) {
        throw new ManifestError("ATTESTATION_LOST", "docker's manifest list has no room for attestations", {
          subject: formatReference(lost.ref),
          hint: "push it as an OCI index, or leave the attestations out",
        });
      }
      return "as docker";
    }
    case "auto":
      return entries.some(hasExtras) || hasIndexFields(settings) ? "oci" : "as docker";
  }
}

/** Does its descriptor say anything that docker's entries never say? */
function hasExtras({ descriptor, manifest }: Entry): boolean {
  const { urls, annotations, data, artifactType, platform } = descriptor;
  const extras = urls.length + Object.keys(annotations).length + data.byteLength + artifactType.length;
  return extras > 0 || (platform === undefined && manifest?.kind === "artifact");
}

function hasIndexFields({ annotations, subject, artifactType }: Settings): boolean {
  return Object.keys(annotations).length > 0 || subject !== undefined || artifactType !== "";
}
