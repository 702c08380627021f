import type { Place } from "../content/place.js";
import type { WantedSource } from "../content/sourceText.js";
import { descriptor, type Descriptor } from "../oci/descriptor.js";
import { fromPlaces } from "./fromPlaces.js";
import type { ListOrder, OrderSource } from "./order.js";
import type { WantedOrderSource } from "./readSource.js";

/**
 * The sources of a list of a file, with their repositories; the folders and files of `from` are read for that. A digest or
 * descriptor alone is in the repository of the list.
 * @throws CONFIG for what cannot be read
 */
export async function wantedSources(order: ListOrder): Promise<readonly WantedOrderSource[]> {
  const [first] = order.targets;
  const named = order.sources.map((source) => wantedSource(source, first));
  const found = await fromPlaces(order.from, first);
  return [...named, ...found];
}

function wantedSource(
  { text, source, says, isPlatformChecked }: OrderSource,
  list: Place | undefined,
): WantedOrderSource {
  const { place, given } = placeOf(source, list);
  const said = says && { ...(given ?? descriptor("", place.digest ?? "", 0)), ...saying(says) };
  return { place, given: said ?? given, text, isPlatformChecked };
}

function placeOf(
  source: OrderSource["source"],
  list: Place | undefined,
): Pick<WantedSource, "place" | "given"> {
  if (source.kind === "place") return { place: source.place, given: undefined };
  if (list === undefined) throw new Error("a list without a name");
  const own = { ...list, tag: undefined };
  if (source.kind === "digest") return { place: { ...own, digest: source.digest }, given: undefined };
  return { place: { ...own, digest: source.descriptor.digest }, given: source.descriptor };
}

function saying({ platform, annotations }: NonNullable<OrderSource["says"]>): Partial<Descriptor> {
  return { ...(platform && { platform }), ...(annotations && { annotations: { ...annotations } }) };
}
