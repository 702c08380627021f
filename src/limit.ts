/** Runs at most `count` pieces of work at once, in the order they were given. */
export type Limit = <Result>(work: () => Promise<Result>) => Promise<Result>;

export function limitTo(count: number): Limit {
  let running = 0;
  const waiting: (() => void)[] = [];
  let next = 0;
  return async function limited(work) {
    if (running >= count) await new Promise<void>((start) => waiting.push(start));
    else running++;
    try {
      return await work();
    } finally {
      const start = waiting[next];
      if (start === undefined) {
        running--;
        waiting.length = next = 0;
      } else {
        next++;
        start();
      }
    }
  };
}
