import * as z from "zod/mini";
import { ManifestError } from "../errors.js";
import { goBytes, goStruct, issueOf, parseJson } from "../go/json.js";
import { goAnyValue, type GoValue } from "../go/values.js";
import type { Descriptor } from "./descriptor.js";

/**
 * What an attestation states: the layers of BuildKit's attestation manifests, each an in-toto statement, as it is or in
 * an envelope with its signature.
 * https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
 * https://github.com/secure-systems-lab/dsse/blob/master/envelope.md
 */

export type PredicateKind = "sbom" | "provenance";

const IN_TOTO = "application/vnd.in-toto+json";
const PREDICATE_TYPE = "in-toto.io/predicate-type";
const SPDX = "https://spdx.dev/Document";
const SLSA = "https://slsa.dev/provenance/";

const Statement = goStruct({ predicate: z.optional(z.unknown()) });
const Envelope = goStruct({ payload: goBytes });

/** What a layer of an attestation manifest states; undefined for one that states nothing of these. */
export function predicateKind({ mediaType, annotations }: Descriptor): PredicateKind | undefined {
  if (mediaType !== IN_TOTO && !isEnvelope(mediaType)) return undefined;
  const type = annotations[PREDICATE_TYPE] ?? "";
  return type === SPDX ? "sbom" : type.startsWith(SLSA) ? "provenance" : undefined;
}

/**
 * The predicate of a statement, as Go decodes one into an `any`. Signatures are not checked.
 * @throws INVALID_JSON, or INVALID_MANIFEST for what is no statement
 */
export function readPredicate(bytes: Buffer, mediaType: string): GoValue {
  const statement = isEnvelope(mediaType) ? read(Envelope, bytes).payload : bytes;
  return goAnyValue(read(Statement, statement).predicate);
}

function isEnvelope(mediaType: string): boolean {
  return /application\/vnd\.in-toto\..*\+dsse/.test(mediaType);
}

function read<Schema extends z.ZodMiniType>(schema: Schema, bytes: Buffer): z.infer<Schema> {
  const parsed = z.safeParse(schema, parseJson(bytes));
  if (parsed.success) return parsed.data;
  throw new ManifestError("INVALID_MANIFEST", issueOf(parsed.error));
}
