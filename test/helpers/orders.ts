import type { ListOrder } from "../../src/apply/order.js";
import { parseTarget } from "../../src/content/place.js";
import { parseSourceText } from "../../src/content/sourceText.js";

/** A list that is to be made, of what is usual. */
export function orderOf(target: string, { tags = [], sources = [], ...more }: OrderParts = {}): ListOrder {
  return {
    targets: [target, ...tags].map(parseTarget),
    sources: sources.map((text) => ({ text, source: parseSourceText(text) })),
    from: [],
    platforms: [],
    annotations: [],
    onto: "nothing",
    attestations: "keep",
    type: "auto",
    preferIndex: true,
    expect: [],
    strict: false,
    referrers: false,
    ...more,
  };
}

type OrderParts = Partial<Omit<ListOrder, "targets" | "sources">> & {
  readonly tags?: readonly string[];
  readonly sources?: readonly string[];
};
