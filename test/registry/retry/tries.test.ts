import { describe, expect, test } from "vitest";
import { DEFAULT_LIMITS } from "../../../src/registry/retry/backoff.js";
import { classify } from "../../../src/registry/retry/classify.js";
import { Tries, type TriesOptions } from "../../../src/registry/retry/tries.js";

const start = 1_700_000_000_000;
const failed = (status: number) => classify({ status, headers: {}, text: "" });

/** The waits behind failures that come one after another, each as soon as its try is made: status, and what is asked for. */
function waits(options: Partial<TriesOptions>, ...failures: readonly (readonly [number, number?])[]) {
  const tries = new Tries({ retries: 5, idempotent: true, start, random: () => 0, ...options });
  let now = start;
  return failures.map(([status, askedMs]) => {
    const delay = tries.delayAfter(failed(status), askedMs, now);
    now += delay ?? 0;
    return delay;
  });
}

const times = <Item>(count: number, item: Item): Item[] => Array.from({ length: count }, () => item);

describe("without patience", () => {
  test("each failure is one of the tries, whatever it is", () => {
    const five = [[429], [503, 10], [500], [429, 1000], [502]] as const;
    expect(waits({}, ...five, [429])).toEqual([100, 200, 400, 1000, 1600, undefined]);
  });

  test("a host that asks for longer than is waited is not waited for", () => {
    expect(waits({}, [429, 90_000])).toEqual([undefined]);
  });

  test("all ends with the time that there is", () => {
    const limits = { ...DEFAULT_LIMITS, totalMs: 500 };
    expect(waits({ limits }, [500], [500], [500])).toEqual([100, 200, undefined]);
  });
});

describe("with patience", () => {
  const patient = true;

  test("a host is waited for as long as it asks, any number of times, and that counts for nothing", () => {
    const asked = times(20, [429, 3_600_000] as const);
    expect(waits({ patient, retries: 1 }, ...asked, [503, 90_000], [500], [500])).toEqual([
      ...times(20, 3_600_000),
      90_000,
      100,
      undefined,
    ]);
  });

  test("one that does not say how long is asked again for fifteen minutes", () => {
    const delays = waits({ patient, retries: 1 }, ...times(300, [429] as const));
    const total = delays.reduce<number>((sum, delay) => sum + (delay ?? 0), 0);
    expect(delays.slice(0, 3)).toEqual([100, 200, 400]);
    expect(total).toBeGreaterThan(14.5 * 60_000);
    expect(total).toBeLessThanOrEqual(15 * 60_000);
    expect(delays.at(-1)).toBeUndefined();
  });

  test("for as long as it is told", () => {
    const limits = { ...DEFAULT_LIMITS, patienceMs: 500 };
    expect(waits({ patient, limits }, [429], [429], [429])).toEqual([100, 200, undefined]);
    // What the host asks for is not part of it.
    expect(waits({ patient, limits }, [429], [429, 90_000], [429], [429])).toEqual([
      100,
      90_000,
      400,
      undefined,
    ]);
  });

  test("a 503 that does not say how long, and any other failure, is one of the tries", () => {
    expect(waits({ patient, retries: 2 }, [503], [429], [500], [503])).toEqual([100, 100, 200, undefined]);
  });

  test("a host is waited for behind the last of the tries, too", () => {
    expect(waits({ patient, retries: 1 }, [500], [429], [503, 1000], [500])).toEqual([
      100,
      100,
      1000,
      undefined,
    ]);
  });

  test("no retries are none", () => {
    expect(waits({ patient, retries: 0 }, [429, 1000])).toEqual([undefined]);
    expect(waits({ patient, retries: 0 }, [429])).toEqual([undefined]);
  });

  test("what may be done once is not tried again where it may have been", () => {
    const tries = new Tries({ retries: 5, idempotent: false, patient, start, random: () => 0 });
    expect(tries.delayAfter(classify({ errorCode: "HPE_CR_EXPECTED" }), undefined, start)).toBeUndefined();
    expect(tries.delayAfter(failed(429), undefined, start)).toBe(100);
  });
});

test("it can be asked whether there may be another try, without one being counted", () => {
  const tries = new Tries({ retries: 1, idempotent: true, start, random: () => 0 });
  expect([tries.allows(failed(500), undefined), tries.allows(failed(500), undefined)]).toEqual([true, true]);
  tries.delayAfter(failed(500), undefined, start);
  expect([tries.allows(failed(500), undefined), tries.allows(failed(404), undefined)]).toEqual([
    false,
    false,
  ]);
});
