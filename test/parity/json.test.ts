import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { OCI_MANIFEST } from "../../src/oci/mediaTypes.js";
import { describeWithPrograms, type RegistryServer } from "../helpers/registryServer.js";
import { dockerSide, ourSide, type Side } from "./sides.js";

const LIST = "{host}/multi/app:v1";
const ENTRY = "{host}/team/app:v1";
const FILE = "{host-file}_multi_app-v1/{host-file}_team_app-v1";

/** JSON in any spelling: white space, numbers, escapes and repeated keys as no encoder writes them. */
const space = fc.constantFrom("", "", "", " ", "\n", "\t\r\n");
const spelledString = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "\\u003c",
        "\\/",
        '\\"',
        "\\\\",
        "\\u2028",
        "\\ud800",
        "<",
        "&",
        "\u2028",
        "\u2029",
        "\u007f",
      ),
      fc.stringMatching(/^[a-z{}[\]:, ]$/),
      fc
        .string({ unit: "grapheme", minLength: 1, maxLength: 1 })
        .map((text) => JSON.stringify(text).slice(1, -1)),
    ),
    { maxLength: 6 },
  )
  .map((pieces) => `"${pieces.join("")}"`);
const { value: spelledJson } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom("1e3", "-0.0E+2", "100000000000000000000", "0", "true", "null", "{}", "[ ]", "{\n}"),
    spelledString,
    fc
      .array(fc.tuple(space, tie("value"), space), { maxLength: 4 })
      .map((items) => `[${items.map((item) => item.join("")).join(",")}]`),
    fc
      .array(fc.tuple(space, spelledString, space, fc.constant(":"), space, tie("value"), space), {
        maxLength: 4,
      })
      .map((members) => `{${members.map((member) => member.join("")).join(",")}}`),
  ),
}));

describeWithPrograms("JSON in any spelling", ["docker"], () => {
  // Nothing is asked of a registry.
  const registry: RegistryServer = { host: "127.0.0.1:1", port: 1, url: "", close: () => Promise.resolve() };
  let sides: readonly [Side, Side];
  beforeAll(() => {
    sides = [dockerSide(registry), ourSide(registry)];
  });
  afterAll(() => {
    for (const side of sides) side.close();
  });

  it("100 manifests are shown and stored as docker does", { timeout: 120_000 }, async () => {
    const values = fc.sample(spelledJson, { seed: 20240605, numRuns: 100 });
    for (const value of values) {
      const manifest = `{ "mediaType":"${OCI_MANIFEST}","x":${value} ,"config":{}}`;
      const entry = `{"Ref":"${ENTRY}","Descriptor":{"platform":{"os":"linux","architecture":"arm"}},"OCIManifest":${manifest}}`;
      for (const side of sides) await side.putFile(FILE, entry);
      for (const argv of [
        ["inspect", LIST, ENTRY],
        ["inspect", "-v", LIST, ENTRY],
        ["annotate", LIST, ENTRY, "--variant=v6"],
      ]) {
        const [theirs, mine] = await Promise.all([sides[0].run(argv), sides[1].run(argv)]);
        expect({ value, ...mine }).toEqual({ value, ...theirs });
        expect(theirs.status).toBe(0);
      }
      expect(await sides[1].store()).toEqual(await sides[0].store());
    }
  });
});
