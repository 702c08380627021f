import fc from "fast-check";

/** How many inputs a fuzz test makes up. The long run, by hand or by night: `FUZZ_RUNS=100000`. */
const RUNS = Number(process.env["FUZZ_RUNS"] ?? 500);

/** Long enough for the long run; far less per input, which is where a hang would show. */
export const FUZZ_TIMEOUT_MS = 60_000 + RUNS * 20;
const SLOW_MS = 2_000;

/** Holds that `check` takes every input, and none for long. */
export function fuzz<Input>(input: fc.Arbitrary<Input>, check: (input: Input) => void): void {
  fc.assert(
    fc.property(input, (value) => {
      const start = performance.now();
      check(value);
      const took = performance.now() - start;
      if (took > SLOW_MS) throw new Error(`took ${took.toFixed(0)} ms`);
    }),
    { numRuns: RUNS },
  );
}
