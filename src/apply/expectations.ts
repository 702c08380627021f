import { ManifestError } from "../errors.js";
import { checkExpectations, expectationError, listWarnings, readExpectations } from "../list/expectations.js";
import type { Descriptor } from "../oci/descriptor.js";

/** What must be so of a list. */
export interface Expectations {
  /** Exactly these platforms, each once; anything, if there are none. */
  readonly expect: readonly string[];
  /** What would be a warning is an error. */
  readonly strict: boolean;
}

/**
 * What must be so of a list, as a check of its entries; what is odd about them is told to `warn`, once,
 * however often the list is made.
 * @throws INVALID_PLATFORM for a platform that is none, at once
 */
export function expectationsOf(
  warn: (text: string) => void,
  { expect, strict }: Expectations,
  name: string,
): (entries: readonly Descriptor[]) => void {
  const expected = expect.length === 0 ? undefined : readExpectations(expect);
  const said = new Set<string>();
  return (entries) => {
    const difference = expected && checkExpectations(entries, expected);
    if (difference !== undefined) throw expectationError(name, difference);
    const warnings = listWarnings(entries);
    if (strict && warnings.length > 0) {
      throw new ManifestError("EXPECTATION", `${name}: ${warnings.join("; ")}`, {
        subject: name,
        hint: "nothing was changed: --strict refuses what would be a warning without it",
      });
    }
    for (const warning of warnings) {
      if (!said.has(warning)) warn(warning);
      said.add(warning);
    }
  };
}
