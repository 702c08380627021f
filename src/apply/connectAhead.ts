import type { Location } from "../oci/location.js";
import type { Session } from "./session.js";

/** An image in a registry, and what is read of it: its manifest; then its config beside what refers to it. */
const READS = 2;
/** The same where its blobs go, too: it is asked for, and three or more blobs are mounted. */
const READS_AND_WRITES = 6;
/** No more are opened before it is known whether they are needed. */
const MAX_AHEAD = 32;

/**
 * Begins to open the connections that reading sources is going to need, and what follows as soon as they are read: by then they
 * are there. Over HTTP/2 one does for all.
 * @param sources where they are, each as often as something is there
 * @param targets where it is certain that something will be sent to
 */
export async function connectAhead(
  { connect }: Pick<Session, "connect">,
  sources: readonly Location[],
  targets: readonly Location[],
): Promise<void> {
  const wanted = new Map<string, { readonly location: Location; readonly count: number }>();
  const add = (location: Location, count: number): void => {
    if (location.kind !== "registry") return;
    const sofar = wanted.get(location.domain)?.count ?? 0;
    wanted.set(location.domain, { location, count: Math.min(MAX_AHEAD, sofar + count) });
  };
  const domains = new Set(targets.map((location) => (location.kind === "registry" ? location.domain : "")));
  for (const source of sources) {
    const isTarget = source.kind === "registry" && domains.has(source.domain);
    add(source, isTarget ? READS_AND_WRITES : READS);
  }
  for (const target of targets) {
    if (target.kind === "registry" && !wanted.has(target.domain))
      add(target, READS_AND_WRITES * sources.length);
  }
  await Promise.all([...wanted.values()].map(({ location, count }) => connect(location, count)));
}
