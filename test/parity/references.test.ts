import fc from "fast-check";
import { beforeAll, expect, it } from "vitest";
import { messageOf } from "../../src/errors.js";
import { formatReference, parseReference } from "../../src/oci/reference.js";
import { describeWithDocker, docker, dockerConfigFolder } from "../helpers/docker.js";
import { referenceCases } from "../helpers/referenceCases.js";

/**
 * `docker manifest rm` answers each argument with one line: the normalised name of the list that is not there, or
 * what is wrong with the reference.
 */
describeWithDocker("references, as docker reads them", () => {
  let config: string;
  beforeAll(() => {
    config = dockerConfigFolder();
  });

  async function dockersAnswers(inputs: readonly string[]): Promise<string[]> {
    const { stderr } = await docker(["manifest", "rm", "--", ...inputs], { config });
    return stderr.split("\n").slice(0, -1);
  }

  function ourAnswer(input: string): string {
    try {
      return `No such manifest: ${formatReference(parseReference(input))}`;
    } catch (error) {
      return messageOf(error);
    }
  }

  it("every row of the table is what docker says", async () => {
    const answers = await dockersAnswers(referenceCases.map(({ input }) => input));
    const rows = referenceCases.map(({ name, reference, error }, index) => ({
      name,
      docker: answers[index],
      table: error ?? `No such manifest: ${reference ?? ""}`,
    }));
    expect(rows.filter((row) => row.docker !== row.table)).toEqual([]);
    expect(answers).toHaveLength(referenceCases.length);
  });

  it("500 strings near the grammar are read alike", async () => {
    const hex = fc.constantFrom("a".repeat(32), "a".repeat(64), "A".repeat(64), "0".repeat(128));
    const piece = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.constantFrom("a", "b0", "library", "localhost", "docker.io", "index.docker.io"),
      },
      { weight: 6, arbitrary: fc.constantFrom("/", ":", ".", "@", "-", "_", "__", "[", "]", "::") },
      {
        weight: 2,
        arbitrary: fc.constantFrom("A", "5000", "[::1]", "latest", "@sha256:", "@sha512:", "@SHA256:", "+"),
      },
      {
        weight: 1,
        arbitrary: fc.constantFrom(" ", "\u00e9", "\u00c9", "\u0130", "\u212a", "\u03a3", "\t", "\ufffd"),
      },
      { weight: 1, arbitrary: hex },
    );
    const inputs = fc.sample(
      fc.array(piece, { minLength: 1, maxLength: 7 }).map((pieces) => pieces.join("")),
      { seed: 20240601, numRuns: 500 },
    );
    const answers = await dockersAnswers(inputs);
    const rows = inputs.map((input, index) => ({ input, docker: answers[index], us: ourAnswer(input) }));
    expect(rows.filter((row) => row.docker !== row.us)).toEqual([]);
    expect(answers).toHaveLength(inputs.length);
    // Most strings near the grammar are wrong; the comparison must see enough of both.
    expect(answers.filter((answer) => answer.startsWith("No such manifest")).length).toBeGreaterThan(50);
  });
});
