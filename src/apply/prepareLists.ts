import { ManifestError } from "../errors.js";
import type { ListToApply } from "./applyList.js";
import { dependencies, inOrder, listNames } from "./dependencies.js";
import { formatFilePlace, type FileOrder } from "./file/fileOrder.js";
import { fromPlaces } from "./fromPlaces.js";
import { Groups } from "./groups.js";
import { orderAccesses } from "./listWork.js";
import type { PublishSettings } from "./publish.js";
import type { WantedOrderSource } from "./readSource.js";
import { targetName } from "./results.js";
import { targetKey } from "./targets.js";
import type { AccessGroup } from "./accesses.js";
import { subjectPlace } from "./subject.js";
import { wantedSources } from "./wantedSources.js";

/** A list, in its place among those that are made. */
export interface PreparedList extends ListToApply {
  /** Which of all lists of the files it is, whatever the shard. */
  readonly place: number;
  /** Those that it shares a token with. */
  readonly group: AccessGroup;
  /** Lists that it is made of: they stand before it. */
  readonly waitsFor: readonly PreparedList[];
}

/**
 * Reads what is on this machine of what the lists are made of, and puts them in the order in which they are made. Nothing
 * is sent.
 * @param defaults what holds where the file does not say it
 * @param isMine tells by its `targetKey` whether a list is made here: those of a shard are
 * @throws INVALID_FILE for lists that are made of each other, and for what cannot be read
 */
export async function prepareLists(
  orders: readonly FileOrder[],
  defaults: PublishSettings,
  isMine: (target: string) => boolean = () => true,
): Promise<readonly PreparedList[]> {
  const from = await readFrom(orders);
  const waitsFor = dependencies(
    orders.map(({ order }, at) => {
      const sources = [...wantedSources(order), ...(from.get(at) ?? [])].map(({ place }) => place);
      const subject = subjectPlace(order);
      return listNames(order, subject === undefined ? sources : [...sources, subject]);
    }),
  );
  const sorted = inOrder(waitsFor);
  if ("cycle" in sorted) throw cycleError(sorted.cycle.flatMap((at) => orders[at] ?? []));
  const prepared = new Map<number, PreparedList>();
  const groups = new Groups();
  const faults: string[] = [];
  for (const place of sorted.order) {
    const list = orders[place];
    if (list === undefined || !isMine(targetKey(list.order.targets))) continue;
    const { order, retries } = list;
    const others = waitsFor[place] ?? [];
    const missing = others.find((other) => !prepared.has(other));
    if (missing !== undefined) faults.push(otherShard(list, orders[missing]));
    const read = from.get(place) ?? NOTHING;
    prepared.set(place, {
      place,
      order,
      from: read,
      settings: settingsOf(list, defaults),
      group: groups.add(orderAccesses(order, [...wantedSources(order), ...read]), retries),
      waitsFor: others.length === 0 ? NOTHING : others.flatMap((other) => prepared.get(other) ?? []),
    });
  }
  if (faults.length > 0) throw invalidFile(faults.join("\n"));
  return [...prepared.values()];
}

/** One for all: there may be a hundred thousand lists. */
const NOTHING: readonly never[] = [];

function settingsOf({ verify, wait }: FileOrder, defaults: PublishSettings): PublishSettings {
  if (verify === undefined && wait === undefined) return defaults;
  return {
    verify: verify === "none" ? "" : (verify ?? defaults.verify),
    waitMs: wait ?? defaults.waitMs,
  };
}

/** What folders of digests and metadata files name, by the place of the list. */
async function readFrom(orders: readonly FileOrder[]): Promise<ReadonlyMap<number, ListToApply["from"]>> {
  const faults: string[] = [];
  const found = new Map<number, ListToApply["from"]>();
  // One by one: ten thousand folders at once are more than may be open.
  for (const [place, { order, at, fromAt }] of orders.entries()) {
    if (order.from.length === 0) continue;
    const read: WantedOrderSource[] = [];
    for (const [index, path] of order.from.entries()) {
      try {
        read.push(...(await fromPlaces([path], order.targets[0])));
      } catch (error) {
        if (!(error instanceof ManifestError)) throw error;
        const hint = error.hint === undefined ? "" : `: ${error.hint}`;
        faults.push(`${formatFilePlace(fromAt[index] ?? at)}: ${error.message}${hint}`);
      }
    }
    found.set(place, read);
  }
  if (faults.length > 0) throw invalidFile(faults.join("\n"));
  return found;
}

function cycleError(lists: readonly FileOrder[]): ManifestError {
  const [first] = lists;
  if (first === undefined) throw new Error("a cycle of nothing");
  const names = [...lists, first].map(({ order }) => targetName(order.targets));
  return invalidFile(`${formatFilePlace(first.at)}: lists are made of each other: ${names.join(" of ")}`);
}

/** A list of another shard may not be there yet when it is wanted here, and nobody would notice that it is an old one. */
function otherShard({ at, order }: FileOrder, other: FileOrder | undefined): string {
  const source = other === undefined ? "another list" : targetName(other.order.targets);
  return (
    `${formatFilePlace(at)}: ${targetName(order.targets)} is made of ${source}, which is in another shard: ` +
    `apply the two without --shard, one file after the other`
  );
}

function invalidFile(message: string): ManifestError {
  return new ManifestError("INVALID_FILE", message, { hint: "nothing was sent" });
}
