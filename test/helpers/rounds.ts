import type { SceneOptions } from "./scene.js";

/**
 * Answers in rounds: nobody gets an answer before as many requests are there as the round wants. A client that needs
 * more rounds than these, or other ones, waits for ever; no clock is involved. After the last one all is as usual.
 */
export function inRounds(
  sizes: readonly number[],
): Required<Pick<SceneOptions, "onRequest">> & { done: () => boolean } {
  const left = [...sizes];
  let waiting: (() => void)[] = [];
  return {
    onRequest: async () => {
      if (left.length === 0) return undefined;
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        if (waiting.length !== left[0]) return;
        left.shift();
        const round = waiting;
        waiting = [];
        for (const release of round) release();
      });
      return undefined;
    },
    done: () => left.length === 0 && waiting.length === 0,
  };
}
