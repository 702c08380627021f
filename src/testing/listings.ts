import { jsonAnswer, type Answer } from "./answer.js";
import type { Call } from "./call.js";
import { fault, methodFault } from "./faults.js";
import type { RegistryState } from "./state.js";

/**
 * The tags of a repository.
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#listing-tags
 */
export function answerTags(state: RegistryState, call: Call, name: string): Answer {
  if (call.method !== "GET" && call.method !== "HEAD") throw methodFault("GET", "HEAD");
  const repository = state.repositories.get(name);
  if (repository === undefined || repository.manifests.size === 0) throw fault("NAME_UNKNOWN", { name });
  const { items, headers } = page([...repository.tags.keys()], call, `/v2/${name}/tags/list`);
  return jsonAnswer(200, { name, tags: items }, headers);
}

/** Every repository's name: no part of the OCI specification, but clients ask for it. */
export function answerCatalog(state: RegistryState, call: Call): Answer {
  if (call.method !== "GET" && call.method !== "HEAD") throw methodFault("GET", "HEAD");
  const { items, headers } = page([...state.repositories.keys()], call, "/v2/_catalog");
  return jsonAnswer(200, { repositories: items }, headers);
}

/** At most `n` items behind `last`, and a Link to the rest. */
function page(
  all: readonly string[],
  call: Call,
  path: string,
): { items: string[]; headers: Record<string, string> } {
  const wanted = call.query.get("n");
  if (wanted !== null && !/^\d+$/.test(wanted)) throw fault("PAGINATION_NUMBER_INVALID", { n: wanted });
  const last = call.query.get("last");
  const rest = [...all].sort(lexically).filter((item) => last === null || lexically(item, last) > 0);
  const items = wanted === null ? rest : rest.slice(0, Number(wanted));
  const end = items.at(-1);
  if (wanted === null || end === undefined || items.length === rest.length) return { items, headers: {} };
  const next = new URLSearchParams({ last: end, n: wanted });
  return { items, headers: { Link: `<${path}?${next.toString()}>; rel="next"` } };
}

/** Case-insensitive, as the specification has it; names that differ in case only still have one order. */
function lexically(a: string, b: string): number {
  const [lowerA, lowerB] = [a.toLowerCase(), b.toLowerCase()];
  if (lowerA !== lowerB) return lowerA < lowerB ? -1 : 1;
  return a < b ? -1 : Number(a > b);
}
