import { describe, test } from "vitest";

/** One thing that can go wrong out there. Both texts go into docs/faults.md. */
export interface FaultCase {
  /** What the server, the network or the machine does. */
  readonly server: string;
  /** What the client does and says then. */
  readonly client: string;
  readonly run: () => Promise<void>;
}

export interface Concern {
  readonly title: string;
  readonly cases: readonly FaultCase[];
}

/** Makes a test of each case. */
export function playConcern({ title, cases }: Concern): void {
  describe(title, () => {
    test.each(cases.map((one) => ({ name: `${one.server}: ${one.client}`, run: one.run })))(
      "$name",
      ({ run }) => run(),
    );
  });
}
