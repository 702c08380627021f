import { describe, expect, it } from "vitest";
import { WorkState } from "../../../src/ui/terminal/workState.js";

const SOURCE = { kind: "registry", domain: "registry.example", path: "app" } as const;

function blob(digit: string, size: number) {
  return {
    digest: `sha256:${digit.repeat(64)}`,
    size,
    foreign: false,
    toleratesRefusal: false,
    sources: [SOURCE],
    neededBy: [],
  };
}

const [A, B] = [blob("a", 1_000), blob("b", 3_000)];

describe("a piece of work", () => {
  it("counts what is done of a step, and forgets it with the next", () => {
    const work = new WorkState(0);
    work.step("reading sources", { total: 2, unit: "source" });
    work.advance();
    expect(work.at(10)).toMatchObject({
      what: "reading sources",
      counts: [{ done: 1, total: 2, unit: "source" }],
      elapsedMs: 10,
    });
    for (let more = 0; more < 3; more++) work.advance(["1 failed"]);
    expect(work.at(10)).toMatchObject({ counts: [{ done: 2 }], notes: ["1 failed"] });
    work.step("moving the tags");
    expect(work.at(20)).toMatchObject({ what: "moving the tags", counts: [], notes: [] });
  });

  it("knows the size of copies as soon as they wait for their turn", () => {
    const work = new WorkState(0);
    for (const one of [A, B]) work.onEvent({ kind: "queued", blob: one, source: SOURCE }, 0);
    work.onEvent({ kind: "copying", blob: A, source: SOURCE }, 0);
    work.onEvent({ kind: "bytes", blob: A, count: 400, done: 400 }, 1_000);
    const { copies, copying } = work.at(1_000);
    expect(copies).toEqual([
      { digest: A.digest, done: 400, total: 1_000, isSent: false, rate: 400, leftMs: 1_500 },
    ]);
    expect(copying).toEqual({
      done: 400,
      total: 4_000,
      isSent: false,
      rate: 400,
      leftMs: 9_000,
      blobs: { done: 0, total: 2, unit: "blob" },
    });
  });

  it("does not say how long all copies take when only small ones have come", () => {
    const [config, layer] = [blob("c", 686), blob("d", 10_000_000)];
    const work = new WorkState(0);
    for (const one of [config, layer]) work.onEvent({ kind: "queued", blob: one, source: SOURCE }, 0);
    for (const one of [config, layer]) work.onEvent({ kind: "copying", blob: one, source: SOURCE }, 1_800);
    work.onEvent({ kind: "bytes", blob: config, count: 686, done: 686 }, 1_900);
    work.onEvent({ kind: "blob", blob: config, outcome: { kind: "copied", source: SOURCE } }, 1_900);
    expect(work.at(3_000).copying).toMatchObject({ done: 686, leftMs: undefined });
    work.onEvent({ kind: "bytes", blob: layer, count: 2_500_000, done: 2_500_000 }, 3_800);
    // Of the time since copies began: what was asked before is no part of it.
    expect(work.at(3_800).copying?.leftMs).toBeCloseTo(6_000, -2);
  });

  it("has no rate where all is sent, and no answer there yet", () => {
    const work = new WorkState(0);
    for (const one of [A, B]) work.onEvent({ kind: "queued", blob: one, source: SOURCE }, 0);
    for (const one of [A, B]) work.onEvent({ kind: "copying", blob: one, source: SOURCE }, 0);
    work.onEvent({ kind: "bytes", blob: A, count: 1_000, done: 1_000 }, 1_000);
    work.onEvent({ kind: "bytes", blob: B, count: 500, done: 500 }, 1_000);
    expect(work.at(2_000)).toMatchObject({
      copies: [
        { isSent: true, rate: undefined, leftMs: undefined },
        { isSent: false, rate: 250 },
      ],
      copying: { isSent: false, rate: 750 },
    });
    work.onEvent({ kind: "bytes", blob: B, count: 2_500, done: 3_000 }, 2_000);
    expect(work.at(3_000).copying).toMatchObject({ isSent: true, rate: undefined, leftMs: undefined });
    for (const one of [A, B]) {
      work.onEvent({ kind: "blob", blob: one, outcome: { kind: "copied", source: SOURCE } }, 3_000);
    }
    expect(work.at(3_000).copying).toMatchObject({ isSent: false });
  });

  it("says how long a slow copy takes once the last seconds are known", () => {
    const large = blob("e", 1_000_000_000);
    const work = new WorkState(0);
    work.onEvent({ kind: "copying", blob: large, source: SOURCE }, 0);
    for (let second = 1; second <= 5; second++) {
      expect(work.at(second * 1_000 - 1).copying?.leftMs).toBeUndefined();
      work.onEvent({ kind: "bytes", blob: large, count: 100, done: 100 * second }, second * 1_000);
    }
    expect(work.at(5_000).copying?.leftMs).toBeCloseTo(1e10, -8);
  });

  it("begins a bar again with a copy that is begun again, and never has more than all", () => {
    const work = new WorkState(0);
    work.onEvent({ kind: "queued", blob: A, source: SOURCE }, 0);
    work.onEvent({ kind: "copying", blob: A, source: SOURCE }, 0);
    work.onEvent({ kind: "bytes", blob: A, count: 900, done: 900 }, 500);
    expect(work.at(500).copying?.done).toBe(900);
    work.onEvent({ kind: "bytes", blob: A, count: 100, done: 100 }, 1_000);
    expect(work.at(1_000).copies).toMatchObject([{ done: 100, total: 1_000, rate: 1_000 }]);
    expect(work.at(1_000).copying).toMatchObject({ done: 100, total: 1_000 });
    // Another source, since the first has not got it.
    work.onEvent({ kind: "copying", blob: A, source: SOURCE }, 1_500);
    expect(work.at(1_500).copies).toMatchObject([{ done: 0 }]);
  });

  it("ends a copy that is over, and forgets one that was not needed", () => {
    const work = new WorkState(0);
    for (const one of [A, B]) work.onEvent({ kind: "queued", blob: one, source: SOURCE }, 0);
    work.onEvent({ kind: "copying", blob: A, source: SOURCE }, 0);
    work.onEvent({ kind: "blob", blob: A, outcome: { kind: "copied", source: SOURCE } }, 100);
    work.onEvent({ kind: "blob", blob: B, outcome: { kind: "unneeded" } }, 100);
    expect(work.at(100)).toMatchObject({
      copies: [],
      copying: { done: 1_000, total: 1_000, blobs: { done: 1, total: 1 } },
    });
  });

  it("keeps two copies of the same content into two targets apart", () => {
    const work = new WorkState(0);
    const again = { ...A };
    for (const one of [A, again]) work.onEvent({ kind: "copying", blob: one, source: SOURCE }, 0);
    work.onEvent({ kind: "bytes", blob: A, count: 400, done: 400 }, 100);
    work.onEvent({ kind: "bytes", blob: again, count: 100, done: 100 }, 100);
    expect(work.at(100).copies.map(({ done }) => done)).toEqual([400, 100]);
  });
});
