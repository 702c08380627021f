/**
 * The next turn of Node's event loop: what has come by then is dealt with, and what was begun is on its way. (Not by
 * node:timers/promises, which takes a while to load.)
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
