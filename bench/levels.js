/**
 * The number of dependent levels in a registry's log: the longest chain of requests of which each can have been sent
 * because of the answer to the one before. That it was is taken for certain when it came a round trip or more after
 * that answer had left.
 * @param {readonly import("./registries.js").Logged[]} log in order of arrival
 * @param {number} rtt milliseconds; long enough that requests that were sent together come together
 */
export function dependentLevels(log, rtt) {
  /** @type {{ end: number, level: number }[]} */
  const answered = [];
  let deepest = 0;
  for (const { start, end } of log) {
    // A timer may fire a moment early.
    const causes = answered.filter((one) => start - one.end > rtt - 3);
    const level = 1 + Math.max(0, ...causes.map((one) => one.level));
    answered.push({ end, level });
    deepest = Math.max(deepest, level);
  }
  return deepest;
}
