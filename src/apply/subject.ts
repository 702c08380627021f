import { parsePlace, type Place } from "../content/place.js";
import type { Repository } from "../content/repository.js";
import { NotFoundError } from "../errors.js";
import type { Descriptor } from "../oci/descriptor.js";
import { isDigest } from "../oci/digest.js";
import type { Location } from "../oci/location.js";
import type { ListOrder } from "./order.js";

type SubjectOrder = Pick<ListOrder, "subject" | "targets">;

/**
 * What a list refers to: an image, or a digest in the list's own repository.
 * @throws INVALID_REFERENCE
 */
export function subjectPlace({ subject, targets }: SubjectOrder): Place | undefined {
  if (subject === undefined || subject === "") return undefined;
  const [first] = targets;
  if (!isDigest(subject) || first === undefined) return parsePlace(subject);
  return { ...first, tag: undefined, digest: subject };
}

/**
 * What its registry has under that name now: media type, digest and size, and nothing else.
 * @throws MANIFEST_UNKNOWN
 */
export async function resolveSubject(
  order: SubjectOrder,
  { open, signal }: { readonly open: (location: Location) => Repository; readonly signal: AbortSignal },
): Promise<Descriptor | undefined> {
  const place = subjectPlace(order);
  if (place === undefined) return undefined;
  const reference = place.digest ?? place.tag ?? "latest";
  const found = await open(place.location).resolve(reference, { signal, mustKnow: true });
  if (found !== undefined) return found;
  const { subject = "" } = order;
  throw new NotFoundError("MANIFEST_UNKNOWN", `the subject ${subject} is not there`, {
    subject,
    hint: "push it first: a list can refer only to what its registry shows",
  });
}
