import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Allowance, type Turn } from "../../../src/registry/retry/allowance.js";

const start = 1_700_000_000_000;
/** Of a host that allows as many at once as the user does, and says so. */
function allowance(concurrency = 8): Allowance {
  const given = new Allowance({ concurrency, random: () => 0 });
  given.streams(concurrency);
  return given;
}
const limited = { askedMs: undefined, isRateLimit: true };

/** So many turns at once. */
const begin = (given: Allowance, count: number): Turn[] =>
  Array.from({ length: count }, () => given.begin(true));

/** Turns that are answered at once, evenly over so many milliseconds. */
function answers(given: Allowance, count: number, from: number, ms: number): void {
  for (let at = 0; at < count; at++) {
    const turn = given.begin(true);
    given.end(turn);
    given.answered(turn, from + (at * ms) / count);
  }
}

function refuse(
  given: Allowance,
  turn: Turn,
  now: number,
  throttling: Parameters<Allowance["throttled"]>[1] = limited,
): void {
  given.end(turn);
  given.throttled(turn, throttling, now);
}

/** How many may be under way. */
function windowOf(given: Allowance, now: number): number {
  const turns: Turn[] = [];
  while (given.hasRoom(now)) turns.push(given.begin(true));
  for (const turn of turns) given.end(turn);
  return turns.length;
}

describe("while a host refuses nothing", () => {
  test("as many are under way as the user allows, and nobody waits", () => {
    const given = allowance(8);
    answers(given, 10_000, start, 100);
    expect(windowOf(given, start)).toBe(8);
    expect([given.paceAt(start), given.paceWait(start), given.closedFor(start)]).toEqual([undefined, 0, 0]);
  });

  test("requests that carry blobs are not counted", () => {
    const given = allowance(1);
    given.begin(false);
    expect(given.hasRoom(start)).toBe(true);
    given.begin(true);
    expect(given.hasRoom(start)).toBe(false);
  });
});

describe("over HTTP/1.1, the window", () => {
  const first = (concurrency?: number): Allowance => new Allowance({ concurrency, random: () => 0 });

  /** So many requests, one after the other, whose answers take so long. */
  function answersIn(
    given: Allowance,
    count: number,
    ms: number,
    { method = "HEAD", at = start } = {},
  ): void {
    for (let left = count; left > 0; left--) {
      const turn = given.begin(true);
      given.end(turn);
      given.answered(turn, at, { method, ms });
    }
  }

  test("begins with eight, or with what the user allows", () => {
    expect(windowOf(first(), start)).toBe(8);
    expect(windowOf(first(3), start)).toBe(3);
  });

  test("is three times as wide after each round of answers that come as quickly as the first, up to 64", () => {
    const given = first();
    answersIn(given, 8, 50);
    expect(windowOf(given, start)).toBe(24);
    answersIn(given, 24, 55);
    expect(windowOf(given, start)).toBe(64);
  });

  test("is as wide as the user allows, where that is more", () => {
    const given = first(200);
    answersIn(given, 500, 50);
    expect(windowOf(given, start)).toBe(200);
  });

  test("does not grow where a host answers ever more slowly", () => {
    const given = first();
    for (let at = 1; at <= 16; at++) answersIn(given, 1, at * 10);
    const width = windowOf(given, start);
    expect(width).toBeLessThanOrEqual(12);
    answersIn(given, 1000, 200);
    expect(windowOf(given, start)).toBe(8);
  });

  test("does not grow where answers come at once: they would not come sooner", () => {
    const given = first();
    answersIn(given, 1000, 3);
    expect(windowOf(given, start)).toBe(8);
  });

  test("grows where some methods take long by nature", () => {
    const given = first();
    for (let at = 0; at < 30; at++) {
      answersIn(given, 1, 20);
      answersIn(given, 1, 150, { method: "POST" });
    }
    expect(windowOf(given, start)).toBe(64);
  });

  test("grows where the time of answers varies, as long as it does not grow", () => {
    const given = first();
    for (let at = 0; at < 200; at++) answersIn(given, 1, 30 + ((at * 37) % 40));
    expect(windowOf(given, start)).toBe(64);
  });

  test("grows by connections that were far away, before there is an answer, and not by those that were near", () => {
    const [far, near] = [first(), first()];
    for (let at = 0; at < 8; at++) {
      far.connected(50);
      near.connected(1);
    }
    expect([windowOf(far, start), windowOf(near, start)]).toEqual([24, 8]);
    answersIn(far, 1, 50);
    const width = windowOf(far, start);
    far.connected(50);
    expect(windowOf(far, start)).toBe(width);
  });

  test("what is usual is found out anew after a minute", () => {
    const given = first();
    answersIn(given, 16, 10);
    answersIn(given, 200, 100);
    expect(windowOf(given, start)).toBe(8);
    answersIn(given, 50, 100, { at: start + 61_000 });
    expect(windowOf(given, start + 61_000)).toBe(64);
  });

  test("is halved where connections or streams are refused, once for all that were sent before, without a pace", () => {
    const given = first();
    answersIn(given, 100, 50);
    const turns = begin(given, 64);
    for (const turn of turns) {
      given.end(turn);
      given.turnedAway(turn, start);
    }
    expect(windowOf(given, start)).toBe(32);
    expect([given.paceAt(start), given.closedFor(start)]).toEqual([undefined, 0]);
  });

  test("grows by one a round behind a 429, and is not narrower than at first when that is forgotten", () => {
    const given = first();
    answersIn(given, 8, 50);
    refuse(given, given.begin(true), start);
    expect(windowOf(given, start)).toBe(12);
    answersIn(given, 13, 50);
    expect(windowOf(given, start)).toBe(13);
    for (let at = 0; at < 5; at++) refuse(given, given.begin(true), start);
    expect(windowOf(given, start)).toBeLessThan(2);
    expect(windowOf(given, start + 60_000)).toBe(8);
  });
});

describe("over HTTP/2, the window", () => {
  test("is 32 before the server has said anything, then what it allows, up to 256 or what the user allows, and 100 where it sets no bound", () => {
    const windows = [undefined, 50, 250, 1_000, 4_294_967_295].map((allowed) => {
      const [given, more] = [undefined, 400].map(
        (concurrency) => new Allowance({ concurrency, random: () => 0 }),
      );
      given?.streams(allowed);
      more?.streams(allowed);
      return [given, more].map((one) => one && windowOf(one, start));
    });
    expect(windows).toEqual([
      [32, 32],
      [50, 50],
      [250, 250],
      [256, 400],
      [100, 400],
    ]);
  });

  test("is narrower at once where the server allows less, and stays halved where it allows more", () => {
    const given = new Allowance({ random: () => 0 });
    given.streams(100);
    given.streams(10);
    expect(windowOf(given, start)).toBe(10);
    refuse(given, given.begin(true), start);
    given.streams(100);
    expect(windowOf(given, start)).toBe(5);
    given.streams(0);
    expect(windowOf(given, start)).toBe(1);
  });
});

describe("the window", () => {
  test("is halved by a refusal, once for all that were sent before", () => {
    const given = allowance(32);
    for (const turn of begin(given, 32)) refuse(given, turn, start);
    expect(windowOf(given, start + 1)).toBe(16);
  });

  test("is halved again by one that was sent behind it, and never closed", () => {
    const given = allowance(4);
    for (let at = 0; at < 10; at++) refuse(given, given.begin(true), start);
    expect(windowOf(given, start)).toBe(1);
  });

  test("grows by one for as many answers as it has room for, up to what the user allows", () => {
    const given = allowance(8);
    refuse(given, given.begin(true), start);
    expect(windowOf(given, start)).toBe(4);
    answers(given, 5, start, 1);
    expect(windowOf(given, start)).toBe(5);
    answers(given, 1000, start, 1);
    expect(windowOf(given, start)).toBe(8);
  });

  test("does not grow by what was sent before it was halved", () => {
    const given = allowance(8);
    const [first, ...others] = begin(given, 8);
    if (first !== undefined) refuse(given, first, start);
    for (const turn of others) {
      given.end(turn);
      given.answered(turn, start);
    }
    expect(windowOf(given, start)).toBe(4);
  });
});

describe("the pace", () => {
  test("begins with half of what was answered in the last second", () => {
    const given = allowance();
    answers(given, 100, start, 1000);
    refuse(given, given.begin(true), start + 1000);
    expect(given.paceAt(start + 1000)).toBe(50);
  });

  test("counts a second across two", () => {
    const given = allowance();
    answers(given, 300, start, 1500);
    refuse(given, given.begin(true), start + 1500);
    expect(given.paceAt(start + 1500)).toBeCloseTo(100, 0);
  });

  test("takes what came at once in the beginning for a quarter of a second", () => {
    const given = allowance();
    answers(given, 50, start, 20);
    refuse(given, given.begin(true), start + 20);
    expect(given.paceAt(start + 20)).toBe(100);
  });

  test("is not less than ten a second after a first refusal", () => {
    const given = allowance();
    answers(given, 3, start, 3);
    refuse(given, given.begin(true), start + 3);
    expect(given.paceAt(start + 3)).toBe(10);
  });

  test("is none where the host has answered nothing: it is away, and not too slow", () => {
    const given = allowance();
    for (let at = 0; at < 5; at++)
      refuse(given, given.begin(true), start, { ...limited, isRateLimit: false });
    expect([given.paceAt(start), given.paceWait(start), given.closedFor(start)]).toEqual([undefined, 0, 0]);
  });

  test("is halved by further refusals, once a volley, down to one a second", () => {
    const given = allowance();
    answers(given, 100, start, 1000);
    const now = start + 1000;
    for (const turn of begin(given, 3)) refuse(given, turn, now);
    expect(given.paceAt(now)).toBe(50);
    for (const turn of begin(given, 3)) refuse(given, turn, now);
    expect(given.paceAt(now)).toBe(25);
    for (let at = 0; at < 20; at++) refuse(given, given.begin(true), now);
    expect(given.paceAt(now)).toBe(1);
  });

  test("is not less than what the host itself says that it has room for", () => {
    const given = allowance();
    answers(given, 10, start, 100);
    for (let at = 0; at < 5; at++) {
      refuse(given, given.begin(true), start + 100, { askedMs: 25, isRateLimit: true });
      expect(given.paceAt(start + 100)).toBe(40);
    }
  });

  test("is not switched off by a host that asks for next to no time", () => {
    const given = allowance();
    answers(given, 10, start, 100);
    refuse(given, given.begin(true), start + 100, { askedMs: 0.2, isRateLimit: true });
    expect([given.paceAt(start + 100), given.closedFor(start + 100)]).toEqual([50, 20]);
  });

  test("is learned from a host that asks for no time at all as from one that says nothing", () => {
    const [zero, silent] = [0, undefined].map((askedMs) => {
      const given = allowance();
      answers(given, 100, start, 1000);
      const now = start + 1000;
      return Array.from({ length: 10 }, () => {
        refuse(given, given.begin(true), now, { askedMs, isRateLimit: true });
        return [given.paceAt(now), given.closedFor(now)];
      });
    });
    expect(zero).toEqual(silent);
    expect(zero?.at(-1)).toEqual([1, 2000]);
  });

  test("lets one through at a time, as far apart as it says", () => {
    const given = allowance(1000);
    answers(given, 40, start, 1000);
    const now = start + 1000;
    refuse(given, given.begin(true), now, { askedMs: undefined, isRateLimit: false });
    expect(given.paceWait(now)).toBeCloseTo(50, 5);
    expect(given.paceWait(now + 50)).toBe(0);
    given.begin(true);
    expect(given.paceWait(now + 50)).toBeGreaterThan(45);
  });

  test("lets what has come too late be caught up with, but no more than that", () => {
    const given = allowance(1000);
    answers(given, 400, start, 1000);
    let now = start + 1000;
    refuse(given, given.begin(true), now, { askedMs: undefined, isRateLimit: false });
    now += 1000;
    let count = 0;
    for (; given.paceWait(now) === 0; count++) given.begin(true);
    // 50 ms of a pace between 200 and 400.
    expect(count).toBeGreaterThanOrEqual(10);
    expect(count).toBeLessThanOrEqual(20);
  });

  test("saves nothing up while the host is closed", () => {
    const given = allowance(1000);
    answers(given, 400, start, 1000);
    const now = start + 1000;
    refuse(given, given.begin(true), now, { askedMs: 5000, isRateLimit: true });
    expect(given.paceWait(now + 2500)).toBeGreaterThan(0);
    expect(given.paceWait(now + 5000)).toBeGreaterThan(0);
    expect(given.paceWait(now + 5005)).toBe(0);
    given.begin(true);
    expect(given.paceWait(now + 5005)).toBeGreaterThan(0);
  });

  test("grows gently at first and then faster, not while the host is closed, and is forgotten", () => {
    const given = allowance();
    answers(given, 100, start, 1000);
    const now = start + 1000;
    refuse(given, given.begin(true), now, { askedMs: 60_000, isRateLimit: true });
    const paces = [0, 30_000, 60_000, 61_000, 62_000, 64_000, 68_000].map((ms) => given.paceAt(now + ms));
    expect(paces.slice(0, 3)).toEqual([50, 50, 50]);
    const growth = paces.slice(3).map((pace) => (pace ?? 0) / 50);
    expect(growth[0]).toBeLessThan(1.5);
    expect(growth[1]).toBe(2);
    expect(growth[2]).toBeGreaterThan(6);
    expect(growth[3]).toBeGreaterThan(200);
    expect(windowOf(given, now + 79_000)).toBe(4);
    expect(windowOf(given, now + 80_000)).toBe(8);
    expect([given.paceAt(now + 80_000), given.paceWait(now + 80_000)]).toEqual([undefined, 0]);
  });
});

describe("the host is closed", () => {
  test("for as long as any request was told, the longest", () => {
    const given = allowance();
    const turns = begin(given, 3);
    for (const [at, askedMs] of [1000, 90_000, 5].entries()) {
      const turn = turns[at];
      if (turn !== undefined) refuse(given, turn, start, { askedMs, isRateLimit: at !== 1 });
    }
    expect(given.closedFor(start)).toBe(90_000);
    expect(given.closedFor(start + 89_999)).toBe(1);
    expect(given.closedFor(start + 90_000)).toBe(0);
  });

  test("a little longer by chance, so that not all come back in one moment", () => {
    const closedFor = (luck: number, askedMs: number): number => {
      const given = new Allowance({ concurrency: 8, random: () => luck });
      refuse(given, given.begin(true), start, { askedMs, isRateLimit: true });
      return given.closedFor(start);
    };
    expect(closedFor(0.5, 4000)).toBe(4200);
    expect(closedFor(1, 3_600_000)).toBe(3_601_000);
  });

  test("for a moment where it does not say how long, ever longer while it refuses, and short again when it answers", () => {
    const given = allowance();
    const closings: number[] = [];
    let now = start;
    for (let at = 0; at < 9; at++) {
      refuse(given, given.begin(true), now);
      closings.push(given.closedFor(now));
      now += given.closedFor(now);
    }
    expect(closings).toEqual([25, 50, 100, 200, 400, 800, 1600, 2000, 2000]);
    answers(given, 1, now, 1);
    refuse(given, given.begin(true), now);
    expect(given.closedFor(now)).toBe(25);
  });

  test("once for a volley of fifty", () => {
    const given = allowance(50);
    for (const turn of begin(given, 50)) refuse(given, turn, start);
    expect(given.closedFor(start)).toBe(25);
  });

  test("not by a 503 that does not say how long", () => {
    const given = allowance();
    refuse(given, given.begin(true), start, { askedMs: undefined, isRateLimit: false });
    expect(given.closedFor(start)).toBe(0);
  });
});

test("whatever a host does, all waits are sane and somebody may always go on", () => {
  const step = fc.record({
    ms: fc.nat({ max: 5000 }),
    came: fc.constantFrom("answered", "limited", "asked", "failed"),
    isCounted: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 200 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (steps, luck) => {
        const given = new Allowance({ concurrency: 4, random: () => luck });
        let now = start;
        for (const { ms, came, isCounted } of steps) {
          now += ms + given.closedFor(now);
          expect(given.hasRoom(now)).toBe(true);
          const wait = given.paceWait(now);
          expect(wait).toBeGreaterThanOrEqual(0);
          expect(wait).toBeLessThanOrEqual(2000);
          now += wait;
          const turn = given.begin(isCounted);
          given.end(turn);
          if (came === "answered") given.answered(turn, now);
          if (came === "limited") given.throttled(turn, limited, now);
          if (came === "asked") given.throttled(turn, { askedMs: ms, isRateLimit: false }, now);
          expect(given.closedFor(now)).toBeLessThanOrEqual(10_000);
        }
      },
    ),
    { numRuns: 200 },
  );
});
