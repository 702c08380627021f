/** Numbers from 0 to 1, the same for the same seed. */
export type Random = () => number;

/** https://en.wikipedia.org/wiki/Xorshift, of 32 bits. */
export function seededRandom(seed: number): Random {
  let state = (seed * 2_654_435_761 + 1) | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
