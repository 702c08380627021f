/**
 * A clock in milliseconds that never goes back, even where the machine's is set back meanwhile. (Not performance.now(): what
 * that loads delays the first request.)
 */
export function steadyClock(read: () => number = Date.now): () => number {
  let last = read();
  let ahead = 0;
  return () => {
    const now = read();
    ahead += Math.max(0, last - now);
    last = now;
    return now + ahead;
  };
}
