/**
 * How much a host is asked at once, how fast, and whether at all for the moment. It computes and nothing else: every
 * moment is given to it, in milliseconds on one clock, and so is chance.
 *
 * While all is answered there is nothing but the window. Over HTTP/2 it is as wide as the server allows; over HTTP/1.1 it
 * begins small and grows while answers come quickly (see {@link Quickness}). A host that refuses for want of room
 * (429, 503) halves it, and from then on there is a pace too: half of what the host has answered in the second before.
 * Both grow back while it refuses nothing, and are forgotten after a while. What was sent before a halving and is refused
 * behind it is part of the same event: fifty refusals of one volley halve once.
 */

/** So long after the last refusal, all is as it was at first. */
const FORGET_MS = 20_000;
/** The pace is twice what it began with after this long, and from then on it grows ever faster. */
const DOUBLING_MS = 2_000;
/** A first refusal leaves at least so many requests a second: it may have been the only one … */
const FIRST_PACE = 10;
/** … and further ones at least so many. */
const LEAST_PACE = 1;
/** A rate is not taken from less than this. */
const SHORTEST_MEASURE_MS = 250;
/** What of a pace may be caught up with at once, in milliseconds: timers are late. */
const BURST_MS = 50;
/** A host that refuses and does not say how long is left alone for about this long, twice as long each further time … */
const MOMENT_MS = 50;
/** … up to this. */
const LONGEST_MOMENT_MS = 4_000;
/** A host that asks for less, in milliseconds, is left alone for so long: what it has room for is not learned from less. */
const SHORTEST_ASKED_MS = 20;
/** Those who were told the same moment come back within this long of it, and within a tenth of what they have waited. */
const SPREAD_MS = 1_000;

/** Requests at once over HTTP/1.1, which needs a connection for each, before a host has answered any … */
const FIRST_REQUESTS = 8;
/** … and at most. */
export const MOST_CONNECTIONS = 64;
/** Over HTTP/2 before the server has said how many it allows … */
const FIRST_STREAMS = 32;
/** … where it says none, which is how HTTP/2 says "any number": what every server should take, … */
const STREAMS_UNSAID = 100;
/** … and at most: servers in Go allow 250. */
export const MOST_STREAMS = 256;
/** A larger number is what servers have in their settings that do not bound it. */
const UNBOUNDED = 2 ** 31 - 1;
/** What a quick answer widens the window by: twice as fast as doubling it with each round trip. */
const WIDER = 2;
/** What a slow one narrows it by, down to what it began with: little, since all that are under way will be slow then. */
const NARROWER = 0.25;

/** How many requests a host is sent at once. */
export interface AllowanceOptions {
  /** Most requests under way at once. Default: 64 over HTTP/1.1, 256 over HTTP/2. */
  readonly concurrency?: number | undefined;
  /** From 0 to 1, like Math.random. */
  readonly random: () => number;
}

/** A request that was let through. */
export interface Turn {
  /** How many had been, with it. */
  readonly number: number;
  /** Does it count among those under way? Those that carry blobs take long, and whoever copies bounds them. */
  readonly isCounted: boolean;
}

/** How long the answer to a request was on its way. */
export interface Took {
  readonly method: string;
  /** From when it was sent, on a connection that was there. */
  readonly ms: number;
}

/** A host has refused a request for the moment. */
export interface Throttling {
  /** How long it asks to be left alone, in milliseconds, if it does. */
  readonly askedMs: number | undefined;
  /** Is it about how many requests there are (429), or is the host not up to any (503)? */
  readonly isRateLimit: boolean;
}

/** What one host is asked, for all who ask it. */
export class Allowance {
  readonly #concurrency: number | undefined;
  readonly #random: () => number;
  readonly #quickness = new Quickness();
  /** What the window begins with, and its most. */
  #first: number;
  #most: number;
  /** Over HTTP/2 the server says how many it allows, and answers tell nothing of that. */
  #isByStreams = false;
  /** A fraction is what it has grown by on its way to the next whole number. */
  #window: number;
  #underWay = 0;
  #sent = 0;
  /** Those up to this one were sent before the last halving. */
  #lastBefore = 0;
  /** When that was; undefined where there has been none, or it is forgotten. */
  #halvedAt: number | undefined;
  /** Halvings since the last good answer. */
  #halvings = 0;
  #closedUntil = -Infinity;
  /** What the pace began with at the last halving, in requests a second. */
  #pace: number | undefined;
  /** Requests that the pace allows at once, as of a moment. */
  #credit = 0;
  #creditAt = 0;
  /** Good answers since a moment, at most a second ago when it is counted, and in the second before that. */
  #answered = 0;
  #answeredBefore = 0;
  #answeredSince = -Infinity;

  constructor({ concurrency, random }: AllowanceOptions) {
    this.#concurrency = concurrency;
    this.#random = random;
    this.#most = concurrency ?? MOST_CONNECTIONS;
    this.#window = this.#first = Math.min(FIRST_REQUESTS, this.#most);
  }

  /** Requests go over HTTP/2, so many at once as the server allows: undefined before it has said so. */
  streams(allowed: number | undefined): void {
    const isSaid = allowed === undefined || allowed < UNBOUNDED;
    const most = this.#concurrency ?? (isSaid ? MOST_STREAMS : STREAMS_UNSAID);
    this.#isByStreams = true;
    this.#most = Math.max(1, Math.min(most, allowed ?? FIRST_STREAMS));
    this.#first = this.#most;
    this.#window = this.#halvedAt === undefined ? this.#most : Math.min(this.#window, this.#most);
  }

  /** A connection was accepted after so many milliseconds: who is far away says so before the first answer. */
  connected(ms: number): void {
    if (this.#quickness.hasMeasured) return;
    if (!this.#isByStreams && this.#halvedAt === undefined && ms >= AT_ONCE_MS) this.#widen(WIDER);
  }

  /** How many more may be under way. */
  room(now: number): number {
    this.#forget(now);
    return Math.max(0, Math.floor(this.#window) - this.#underWay);
  }

  /** Has the host refused anything of late? */
  isThrottled(now: number): boolean {
    this.#forget(now);
    return this.#halvedAt !== undefined;
  }

  /** May one more be under way that counts? */
  hasRoom(now: number): boolean {
    this.#forget(now);
    return this.#underWay < Math.floor(this.#window);
  }

  /** How long the host is not to be asked anything, from now on. */
  closedFor(now: number): number {
    return Math.max(0, this.#closedUntil - now);
  }

  /** Until when it was to be left alone when it said so last. */
  get closedUntil(): number {
    return this.#closedUntil;
  }

  /** How long until the pace allows one more. */
  paceWait(now: number): number {
    this.#forget(now);
    const pace = this.paceAt(now);
    if (pace === undefined) return 0;
    const burst = Math.max(1, (pace * BURST_MS) / 1000);
    // Nothing is saved up while the host is closed: those who have waited do not all come back at once.
    const since = Math.max(0, now - Math.max(this.#creditAt, this.#closedUntil));
    this.#credit = Math.min(burst, this.#credit + (since * pace) / 1000);
    this.#creditAt = now;
    return this.#credit >= 1 ? 0 : ((1 - this.#credit) * 1000) / pace;
  }

  /** Requests a second; undefined where they are not counted. */
  paceAt(now: number): number | undefined {
    if (this.#pace === undefined || this.#halvedAt === undefined) return undefined;
    const since = Math.max(0, now - Math.max(this.#halvedAt, this.#closedUntil));
    return this.#pace * 2 ** ((since / DOUBLING_MS) ** 1.5);
  }

  /** Lets a request through. */
  begin(isCounted: boolean): Turn {
    if (isCounted) this.#underWay++;
    if (this.#pace !== undefined) this.#credit--;
    return { number: ++this.#sent, isCounted };
  }

  /** A request is over, whatever it came to. */
  end({ isCounted }: Turn): void {
    if (isCounted) this.#underWay--;
  }

  /**
   * The host has answered it, and could.
   * @param took by which method, and after how many milliseconds on a connection that was there
   */
  answered({ number, isCounted }: Turn, now: number, took?: Took): void {
    this.#count(now);
    this.#answered++;
    if (number <= this.#lastBefore) return;
    this.#halvings = 0;
    if (!isCounted) return;
    if (this.#halvedAt !== undefined) this.#widen(1 / this.#window);
    else if (took !== undefined) this.#learn(took.method, took.ms, now);
  }

  #learn(method: string, ms: number, now: number): void {
    const meaning = this.#quickness.of(method, ms, now);
    if (this.#isByStreams) return;
    if (meaning === "quick") this.#widen(WIDER);
    if (meaning === "slow") this.#window = Math.max(this.#first, this.#window - NARROWER);
  }

  #widen(by: number): void {
    this.#window = Math.min(this.#most, this.#window + by);
  }

  /** The host, or one before it, has not taken the request at all: no connection, or no stream, for want of room. */
  turnedAway({ number }: Turn, now: number): void {
    if (number <= this.#lastBefore) return;
    this.#halve(now);
  }

  #halve(now: number): void {
    this.#lastBefore = this.#sent;
    this.#forget(now);
    this.#window = Math.max(1, this.#window / 2);
    this.#halvedAt = now;
  }

  /** The host has refused it for the moment. */
  throttled({ number }: Turn, throttling: Throttling, now: number): void {
    const { isRateLimit } = throttling;
    const askedMs = wordOf(throttling);
    if (askedMs !== undefined)
      this.#close(now + askedMs + this.#random() * Math.min(SPREAD_MS, askedMs / 10));
    if (number <= this.#lastBefore) return;
    // What it has answered so far is all that there is to go by.
    this.#forget(now);
    this.#slowDown(now, askedMs);
    this.#halve(now);
    const moment = Math.min(LONGEST_MOMENT_MS, MOMENT_MS * 2 ** this.#halvings++);
    if (isRateLimit && askedMs === undefined) this.#close(now + (moment / 2) * (1 + this.#random()));
  }

  #close(until: number): void {
    this.#closedUntil = Math.max(this.#closedUntil, until);
  }

  /** A host that has answered nothing of late is not too slow for us: it is away, and there is no pace to be learned. */
  #slowDown(now: number, askedMs: number | undefined): void {
    const rate = this.#answersPerSecond(now);
    const pace = this.paceAt(now);
    if (pace === undefined && rate === 0) return;
    // One that asks to be left alone for a tenth of a second has room for ten in it.
    const least = Math.max(LEAST_PACE, askedMs === undefined ? 0 : 1000 / askedMs);
    this.#pace =
      pace === undefined
        ? Math.max(FIRST_PACE, rate / 2, least)
        : Math.max(least, Math.min(pace, Math.max(rate, FIRST_PACE)) / 2);
    this.#credit = 0;
    this.#creditAt = now;
  }

  #answersPerSecond(now: number): number {
    this.#count(now);
    const age = now - this.#answeredSince;
    // It has just begun: what came at once may be all that there was room for, or not.
    if (this.#answeredBefore === 0) return (this.#answered * 1000) / Math.max(SHORTEST_MEASURE_MS, age);
    return this.#answered + this.#answeredBefore * (1 - age / 1000);
  }

  #count(now: number): void {
    const age = now - this.#answeredSince;
    if (age < 1000) return;
    this.#answeredBefore = age < 2000 ? this.#answered : 0;
    this.#answered = 0;
    this.#answeredSince = age < 2000 ? this.#answeredSince + 1000 : now;
  }

  #forget(now: number): void {
    if (this.#halvedAt === undefined) return;
    if (now - Math.max(this.#halvedAt, this.#closedUntil) < FORGET_MS) return;
    this.#halvedAt = this.#pace = undefined;
    this.#window = Math.max(this.#window, this.#first);
    this.#halvings = 0;
  }
}

/**
 * How long a host has to be left alone that says so. No time at all is what is left of a part of a second, or of a moment
 * that has passed on the way: it says nothing. A few milliseconds are no reason to go on as fast as before.
 */
function wordOf({ askedMs }: Throttling): number | undefined {
  return askedMs === undefined || askedMs <= 0 ? undefined : Math.max(SHORTEST_ASKED_MS, askedMs);
}

/** So many answers of a kind tell how long one usually takes … */
const MEASURED = 16;
/** … for so long, in milliseconds. */
const MEASURED_FOR_MS = 60_000;
/** So many times as long is slow. */
const SLOW = 1.5;
/** What takes less, in milliseconds, does not come sooner where there is more of it at once: this program is not faster. */
const AT_ONCE_MS = 5;

/**
 * Which answers come quickly: hardly later than those to the first few requests of the same kind, when there were only a few.
 * Where it takes longer, it is mostly because of us: more at once would only wait for each other.
 */
class Quickness {
  /** By methods: a mount takes longer than a question, whatever else there is. */
  readonly #usual = new Map<string, { count: number; mean: number; readonly since: number }>();

  get hasMeasured(): boolean {
    return this.#usual.size > 0;
  }

  of(method: string, ms: number, now: number): "quick" | "slow" | "at once" {
    let usual = this.#usual.get(method);
    if (usual === undefined || now - usual.since > MEASURED_FOR_MS) {
      usual = { count: 0, mean: ms, since: now };
      this.#usual.set(method, usual);
    }
    const isSlow = ms > SLOW * usual.mean;
    if (usual.count < MEASURED) usual.mean += (ms - usual.mean) / ++usual.count;
    if (ms < AT_ONCE_MS) return "at once";
    return isSlow ? "slow" : "quick";
  }
}
