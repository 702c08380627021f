import { describe, expect, it } from "vitest";
import { barsTable, evaluate, HELD, STARTUP } from "../../bench/bars.js";
import { dependentLevels } from "../../bench/levels.js";
import { commandsFor, PEERS } from "../../bench/peers.js";
import { chosen, FULL, QUICK, titleOf } from "../../bench/scenarios.js";
import type { Row } from "../../bench/trials.js";

const titles = FULL.map(titleOf);

describe("the bars", () => {
  it("are of scenarios that a run of everything has, and of commands that take part there", () => {
    for (const { title, command, bars = [] } of HELD.filter((held) => held.title !== STARTUP)) {
      const scenario = FULL.find((one) => titleOf(one) === title);
      expect(scenario, title).toBeDefined();
      if (scenario === undefined) continue;
      expect(scenario.onlyNamed, title).toBeUndefined();
      const names = PEERS.filter(
        ({ name }) => scenario.peers === undefined || scenario.peers.includes(name),
      ).flatMap((peer) => commandsFor(peer, scenario.act).map(({ name }) => name));
      expect(names).toEqual(expect.arrayContaining([command, ...bars.flatMap(({ of = [] }) => of)]));
    }
  });

  it("compare our median with that of the fastest of the others", () => {
    const [repeated] = evaluate({
      startup: [],
      scenarios: [
        measured("5 × 4, 50 ms, HTTP, repeated push", [
          { peer: "tsmanifest push", ms: spread(210), requests: 6 },
          { peer: "crane index append", ms: spread(100) },
          { peer: "oras cp", ms: spread(300) },
        ]),
      ],
    });
    expect(repeated).toMatchObject({ value: 0.7, isMet: true, bar: { of: ["oras cp"], atMost: 0.75 } });
  });

  it("are not met by what is not measured beside them, nor missed", () => {
    const scenarios = [
      measured("5 × 4, 50 ms, HTTP, repeated push", [{ peer: "tsmanifest push", ms: spread(210) }]),
    ];
    expect(evaluate({ startup: [], scenarios })[0]).toMatchObject({ isMet: undefined });
    expect(barsTable({ startup: [], scenarios })).toMatch(
      / at most \|.*\n.*\n.* 0\.75 of oras cp \| not measured \|/,
    );
  });

  it("say of start-up what was measured beside node -e 0", () => {
    const startup = [{ name: "tsmanifest rm", ms: spread(50), ratio: 1.31 }];
    const rm = evaluate({ startup, scenarios: [] }).find(({ held }) => held.command === "tsmanifest rm");
    expect(rm).toMatchObject({ value: 1.31, isMet: false });
  });

  it("are zero for answers 429", () => {
    const title = "64 × 8, 50 ms, HTTPS, HTTP/2, 429 beyond 100, first push";
    const row = { peer: "tsmanifest push", ms: spread(800), refused: 1 };
    const verdicts = evaluate({ startup: [], scenarios: [measured(title, [row])] });
    expect(verdicts.map(({ bar, isMet }) => [bar.figure, isMet])).toEqual([
      ["time", true],
      ["answered 429", false],
    ]);
  });
});

describe("the scenarios", () => {
  it("have titles of their own", () => {
    expect(new Set(titles).size).toBe(titles.length);
  });

  it("are all chosen by no name, but for what only a name brings", () => {
    expect(chosen(FULL, "").map(titleOf)).not.toContain(titleOf(FULL.at(-1) ?? FULL[0]!));
    expect(chosen(QUICK, "")).toHaveLength(QUICK.length);
  });

  it("have every peer when they are named, but where tsmanifest is measured alone", () => {
    const peersOf = (text: string): unknown[] => chosen(FULL, text).map(({ peers }) => peers);
    expect(peersOf("16 × 8, 50 ms, HTTP, first push")).toEqual([undefined]);
    expect(peersOf("500 × 4, 50 ms, HTTP, first push")).toEqual([["tsmanifest"]]);
  });
});

describe("dependent levels", () => {
  const at = (start: number, end = start + 1) => ({ start, end });

  it("are one for requests that come together, however many", () => {
    expect(dependentLevels([at(0), at(1), at(2), at(40)], 50)).toBe(1);
  });

  it("are one more for each that came a round trip after an answer", () => {
    expect(dependentLevels([at(0), at(0), at(51), at(60), at(111)], 50)).toBe(3);
  });

  it("do not count what overlaps", () => {
    expect(dependentLevels([at(0, 100), at(60, 160), at(140, 200)], 50)).toBe(1);
  });

  it("are none without requests", () => {
    expect(dependentLevels([], 50)).toBe(0);
  });
});

function spread(median: number): NonNullable<Row["ms"]> {
  return { median, min: median, max: median, runs: 1 };
}

function measured(title: string, rows: Row[]) {
  const scenario = FULL.find((one) => titleOf(one) === title) ?? FULL[0]!;
  return { title, registry: "the embedded registry", scenario, rows };
}
