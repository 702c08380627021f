/**
 * The number of dependent levels in a registry's log: the longest chain of requests of which each can have been sent
 * because of the answer to the one before. That it was is taken for certain when it came a round trip or more after
 * that answer had left.
 * @param {readonly Pick<import("./registries.js").Logged, "start" | "end">[]} log in order of arrival
 * @param {number} rtt milliseconds; long enough that requests that were sent together come together
 */
export function dependentLevels(log, rtt) {
  const answered = log.map(({ start, end }) => ({ start, end, level: 1 }));
  for (const [index, one] of answered.entries()) {
    for (const earlier of answered.slice(0, index)) {
      // A timer may fire a moment early.
      if (one.start - earlier.end > rtt - 3) one.level = Math.max(one.level, earlier.level + 1);
    }
  }
  return Math.max(0, ...answered.map(({ level }) => level));
}
