import { hasCode, ManifestError } from "../errors.js";
import { formatLocation, type Location } from "../oci/location.js";
import type { LookProblem } from "./listTree.js";

/** What is wrong with the text of a manifest, which does not know its own name. */
const OF_CONTENT = ["INVALID_JSON", "INVALID_MANIFEST", "UNSUPPORTED_MANIFEST"] as const;

/** Does it tell of content that is not what its digest or its size says? All else is a gap: something is not known. */
export function isWrongContent({ code }: LookProblem): boolean {
  return code === "DIGEST_MISMATCH" || code === "MANIFEST_MISMATCH";
}

/** What stands in the way of looking at all of something, and does not keep anybody from looking at the rest. */
export class Problems {
  readonly #found = new Map<string, LookProblem>();
  readonly #signal: AbortSignal | undefined;

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
  }

  /** Each once, in the order in which they were found. */
  get all(): readonly LookProblem[] {
    return [...this.#found.values()];
  }

  /** @param key of problems of which one is enough; by their message unless told */
  add(problem: LookProblem, key: string = problem.message): LookProblem {
    const known = `${problem.code} ${key}`;
    if (!this.#found.has(known)) this.#found.set(known, problem);
    return problem;
  }

  /**
   * What an error says, if one can go on without what it has kept from being read.
   * @param location where it happened: that a registry does not answer is one problem, however often it is asked
   * @throws the error itself if it is none of ours or bounds the work (LIMIT); an interruption
   */
  of(error: unknown, location: Location, say = (message: string): string => message): LookProblem {
    this.#signal?.throwIfAborted();
    if (!(error instanceof ManifestError) || error.code === "LIMIT" || error.code === "STOPPED") throw error;
    const { code, message, subject = "" } = error;
    const isNamed = subject === "" || message.includes(subject) || !hasCode(error, ...OF_CONTENT);
    const problem = { code, message: say(isNamed ? message : `${subject}: ${message}`) };
    const isOfRepository = hasCode(error, "REGISTRY", "TRANSPORT", "UNAUTHENTICATED", "CREDENTIALS_MISSING");
    return this.add(problem, isOfRepository ? formatLocation(location) : undefined);
  }
}
