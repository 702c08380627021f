import { describe, expect, test } from "vitest";
import { NotNeededError } from "../../../src/registry/http/message.js";
import type { Turn } from "../../../src/registry/retry/allowance.js";
import { HostRates, type HostRate, type TurnOptions } from "../../../src/registry/retry/hostRate.js";

const limited = { askedMs: undefined, isRateLimit: true };
const asked = (askedMs: number) => ({ askedMs, isRateLimit: true });

/** A clock that stands still until it is told to go on, and its timers. */
class Clock {
  now = 1_700_000_000_000;
  readonly timers = new Map<() => void, number>();
  /** How many timers there have been. */
  set = 0;

  readonly callLater = (callback: () => void, ms: number): (() => void) => {
    const fire = (): void => {
      callback();
    };
    this.set++;
    this.timers.set(fire, this.now + ms);
    return () => this.timers.delete(fire);
  };

  /** Goes on, and lets those go on that have waited for it. */
  async pass(ms: number): Promise<void> {
    const end = this.now + ms;
    for (;;) {
      const next = [...this.timers].sort(([, one], [, other]) => one - other)[0];
      if (next === undefined || next[1] > end) break;
      this.timers.delete(next[0]);
      this.now = next[1];
      next[0]();
      await settled();
    }
    this.now = end;
    await settled();
  }
}

async function settled(): Promise<void> {
  for (let at = 0; at < 10; at++) await Promise.resolve();
}

/** A host, its clock, and what happened in which order. */
function stage({ concurrency = 4 } = {}) {
  const clock = new Clock();
  const rates = new HostRates({
    concurrency,
    random: () => 0,
    now: () => clock.now,
    callLater: clock.callLater,
  });
  const rate = rates.of("registry.example");
  rate.streams(concurrency);
  const went: string[] = [];
  /** Asks for a turn, and notes when it has come, or why not. */
  const ask = (name: string, options: Partial<TurnOptions> = {}): Promise<Turn> => {
    const turn = Promise.resolve(
      rate.turn({ isCounted: true, longestMs: Infinity, signals: [], ...options }),
    );
    turn.then(
      () => went.push(name),
      (error: unknown) => went.push(`${name}: ${error instanceof Error ? error.message : String(error)}`),
    );
    return turn;
  };
  return { clock, rate, rates, went, ask };
}

/** A refusal of a request of its own. */
async function refuse(rate: HostRate, throttling: Parameters<HostRate["end"]>[1] = limited): Promise<void> {
  rate.end(await rate.turn({ isCounted: true, longestMs: 0, signals: [] }), throttling);
}

describe("turns", () => {
  test("are given first come, first served, as many at once as the window has room for", async () => {
    const { ask, went, rate } = stage({ concurrency: 2 });
    const first = ask("a");
    for (const name of ["b", "c", "d", "e"]) void ask(name);
    await settled();
    expect(went).toEqual(["a", "b"]);
    rate.end(await first, "answered");
    await settled();
    expect(went).toEqual(["a", "b", "c"]);
  });

  test("of those that carry blobs come past the window", async () => {
    const { ask, went } = stage({ concurrency: 1 });
    void ask("a");
    void ask("b");
    void ask("blob", { isCounted: false });
    await settled();
    expect(went).toEqual(["a", "blob"]);
  });

  test("are not taken by what is not needed any more when they come", async () => {
    const { ask, went, rate } = stage({ concurrency: 1 });
    const first = ask("a");
    let isNeeded = true;
    const second = ask("b", { isNeeded: () => isNeeded });
    void ask("c");
    isNeeded = false;
    rate.end(await first, "answered");
    await expect(second).rejects.toThrow(NotNeededError);
    expect(went).toEqual(["a", "b: ", "c"]);
    await expect(ask("d", { isNeeded: () => false, isCounted: false })).rejects.toThrow(NotNeededError);
  });

  test("set no timer where nothing is refused", async () => {
    const { ask, rate, clock } = stage({ concurrency: 2 });
    const turns = Array.from({ length: 50 }, (_, at) => ask(String(at)));
    for (const turn of turns) rate.end(await turn, "answered");
    expect(clock.set).toBe(0);
  });

  test("of one host are not those of another", async () => {
    const { rates, rate } = stage();
    await refuse(rate, asked(90_000));
    const other = rates.of("other.example").turn({ isCounted: true, longestMs: Infinity, signals: [] });
    expect(other).not.toBeInstanceOf(Promise);
    expect(rates.of("registry.example")).toBe(rate);
  });
});

describe("a host that asks to be left alone", () => {
  test("is, by all, and then all go on in their order as the window has room", async () => {
    const { ask, went, rate, clock } = stage({ concurrency: 4 });
    await refuse(rate, asked(90_000));
    for (const name of ["a", "b", "c"]) void ask(name);
    void ask("blob", { isCounted: false });
    await clock.pass(89_999);
    expect(went).toEqual([]);
    await clock.pass(1);
    // Halved: two are under way.
    expect(went).toEqual(["a", "b", "blob"]);
    expect(clock.timers.size).toBe(0);
  });

  test("for longer meanwhile is left alone for longer", async () => {
    const { ask, went, rate, clock } = stage();
    const [one, other] = [await ask("one"), await ask("other")];
    rate.end(one, asked(1000));
    void ask("a");
    rate.end(other, asked(5000));
    await clock.pass(4999);
    expect(went).toEqual(["one", "other"]);
    await clock.pass(1);
    expect(went).toEqual(["one", "other", "a"]);
  });

  test("for longer than a timer can be is left alone for as long", async () => {
    const { ask, went, rate, clock } = stage();
    await refuse(rate, asked(3e9));
    void ask("a");
    await clock.pass(2.9e9);
    expect(went).toEqual([]);
    await clock.pass(1e8);
    expect(went).toEqual(["a"]);
  });

  test("for longer than somebody waits is asked by them all the same, past those who wait", async () => {
    const { ask, went, rate } = stage();
    await refuse(rate, asked(90_000));
    void ask("patient");
    void ask("impatient", { longestMs: 60_000 });
    await settled();
    expect(went).toEqual(["impatient"]);
  });

  test("for longer than they wait, meanwhile, lets those past who have stood there, in their order", async () => {
    const { ask, went, rate, clock } = stage({ concurrency: 4 });
    const [one, other] = [await ask("one"), await ask("other")];
    rate.end(one, asked(30_000));
    void ask("patient");
    for (const name of ["a", "b", "c"]) void ask(name, { longestMs: 60_000 });
    await settled();
    expect(went).toEqual(["one", "other"]);
    rate.end(other, asked(90_000));
    await settled();
    // Halved: there is room for two.
    expect(went).toEqual(["one", "other", "a", "b"]);
    await clock.pass(90_000);
    expect(went).toEqual(["one", "other", "a", "b"]);
  });

  test("is told of once, and again when it asks for much more", async () => {
    const { ask, rate, clock } = stage();
    const turns = [await ask("a"), await ask("b"), await ask("c"), await ask("d")] as const;
    const tell = (at: 0 | 1 | 2 | 3, ms: number): number | undefined => {
      rate.end(turns[at], asked(ms));
      return rate.newlyClosedFor(5000);
    };
    expect([tell(0, 4000), tell(1, 60_000), tell(2, 61_000), tell(3, 90_000)]).toEqual([
      undefined,
      60_000,
      undefined,
      90_000,
    ]);
    await clock.pass(90_000);
    await refuse(rate, asked(6000));
    expect(rate.newlyClosedFor(5000)).toBe(6000);
  });
});

test("a pace lets one through after the other", async () => {
  const { ask, went, rate, clock } = stage({ concurrency: 1000 });
  for (let at = 0; at < 40; at++) {
    await clock.pass(25);
    rate.end(await ask("before"), "answered");
  }
  await refuse(rate, { askedMs: undefined, isRateLimit: false });
  went.length = 0;
  for (let at = 0; at < 12; at++) void ask(String(at));
  await clock.pass(240);
  // 20 a second, and growing.
  expect(went).toEqual(["0", "1", "2", "3"]);
  await clock.pass(360);
  expect(went).toHaveLength(12);
  expect(clock.timers.size).toBe(0);
});

describe("an abort while waiting", () => {
  test.each([
    ["of the request", (signal: AbortSignal) => ({ signals: [undefined, signal] }), "enough"],
    ["of the client", (signal: AbortSignal) => ({ signals: [signal, undefined] }), "enough"],
    ["by stop", (stop: AbortSignal) => ({ signals: [], stop }), "registry.example was not asked any more"],
  ])(
    "%s ends the wait at once, leaves no timer behind, and keeps nobody else waiting",
    async (_, options, why) => {
      const { ask, went, rate, clock } = stage();
      await refuse(rate, asked(90_000));
      const over = new AbortController();
      ask("a", options(over.signal)).catch(() => undefined);
      await settled();
      expect(clock.timers.size).toBe(1);
      over.abort(new Error("enough"));
      await settled();
      expect(went).toEqual([`a: ${why}`]);
      expect(clock.timers.size).toBe(0);
      void ask("b");
      await clock.pass(90_000);
      expect(went.at(-1)).toBe("b");
    },
  );

  test("by stop is told as STOPPED", async () => {
    const { ask, rate } = stage();
    await refuse(rate, asked(90_000));
    await expect(ask("a", { stop: AbortSignal.abort() })).rejects.toMatchObject({ code: "STOPPED" });
    await expect(ask("b", { signals: [AbortSignal.abort(new Error("over"))] })).rejects.toThrow("over");
  });

  test("for a turn gives that to the next", async () => {
    const { ask, went, rate } = stage({ concurrency: 1 });
    const first = ask("a");
    const over = new AbortController();
    ask("b", { signals: [over.signal] }).catch(() => undefined);
    void ask("c");
    over.abort(new Error("enough"));
    rate.end(await first, "answered");
    await settled();
    expect(went).toEqual(["a", "b: enough", "c"]);
  });

  test("by stop leaves those in line who wait for no more than room, unless the host refuses something meanwhile", async () => {
    const { ask, went, rate } = stage({ concurrency: 1 });
    const first = ask("a");
    const second = ask("b", { stop: AbortSignal.timeout(0) });
    const over = new AbortController();
    const third = ask("c", { stop: over.signal });
    over.abort();
    await new Promise((resolve) => setTimeout(resolve, 5));
    rate.end(await first, "answered");
    rate.end(await second, limited);
    await expect(third).rejects.toMatchObject({ code: "STOPPED" });
    expect(went.slice(0, 2)).toEqual(["a", "b"]);
  });

  test("that came before, or comes behind it, changes nothing about a turn that can be had at once", async () => {
    const { ask, went } = stage();
    await ask("a", { stop: AbortSignal.abort() });
    expect(went).toEqual(["a"]);
  });
});
