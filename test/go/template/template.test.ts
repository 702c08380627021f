import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWithPrograms } from "../../helpers/registryServer.js";
import { DATA, STRUCT_TEMPLATES, TEMPLATES } from "./cases.js";
import { seededRandom } from "../../helpers/seededRandom.js";
import { GoOracle, resultOf, type TemplateCase, type TemplateResult } from "./oracle.js";
import { TemplateGenerator } from "./randomTemplates.js";

const BUILD_TIMEOUT_MS = 180_000;
const RANDOM_TIMEOUT_MS = 120_000;

/** Which random templates, and how many. */
const SEED = Number(process.env["TEMPLATE_SEED"] ?? 1);
const RANDOM_TEMPLATES = Number(process.env["TEMPLATE_CASES"] ?? 4000);

/** What ours refuses in one line, whatever Go makes of it; and what would go on for ever, which Go lets go on longer. */
const REFUSED = /^template: (?:.* cannot be used here|it goes more than \d+ levels deep)$/s;

function casesOf(groups: Readonly<Record<string, readonly string[]>>, isStruct: boolean): TemplateCase[] {
  return Object.values(groups).flatMap((group) =>
    group.map((template) => ({ template, data: DATA, isStruct })),
  );
}

describeWithPrograms("a template, beside Go's own", ["go"], () => {
  let go: GoOracle;
  beforeAll(() => {
    go = new GoOracle();
  }, BUILD_TIMEOUT_MS);
  afterAll(() => {
    go.close();
  });

  const cases = [...casesOf(TEMPLATES, false), ...casesOf(STRUCT_TEMPLATES, true)];
  let expected: ReadonlyMap<TemplateCase, TemplateResult>;
  beforeAll(() => {
    const results = go.results(cases);
    expected = new Map(cases.map((one, index) => [one, results[index]!]));
  });

  it.each(cases.map((one) => [JSON.stringify(one.template), one] as const))("%s", (_name, one) => {
    const ours = resultOf(one);
    if (REFUSED.test(ours.error)) return;
    expect(ours).toEqual(expected.get(one));
  });

  it(
    `does the same with ${RANDOM_TEMPLATES} random ones (TEMPLATE_SEED=${SEED})`,
    () => {
      const generator = new TemplateGenerator(seededRandom(SEED));
      const random = Array.from({ length: RANDOM_TEMPLATES }, () => generator.next());
      const theirs = go.results(random);
      // An address in the output is another each time; ours shows what is there.
      const again = go.results([...random].reverse()).reverse();
      const compared = random.flatMap((template, index) => {
        const [expected, actual] = [theirs[index]!, resultOf(template)];
        if (REFUSED.test(actual.error) || !isDeepStrictEqual(expected, again[index])) return [];
        return [{ template: template.template, actual, expected }];
      });
      expect(compared.filter(({ expected }) => expected.error === "").length).toBeGreaterThan(
        RANDOM_TEMPLATES / 3,
      );
      const differences = compared.filter(({ actual, expected }) => !isDeepStrictEqual(actual, expected));
      expect(differences).toEqual([]);
    },
    RANDOM_TIMEOUT_MS,
  );
});
