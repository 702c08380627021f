import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { newAuthSession } from "../../../../src/registry/auth/session.js";
import { withAuth } from "../../../../src/registry/auth/authorize/withAuth.js";
import type { HttpRequest, HttpResponse, Send } from "../../../../src/registry/http/message.js";
import { FUZZ_TIMEOUT_MS } from "../../../helpers/fuzz.js";
import { TransportError } from "../../../../src/registry/http/transportError.js";

/**
 * One client that lives long, and pieces of work that use it in any order while tokens end, are revoked, cannot be had, and
 * rights change: each request has the result that it would have had alone.
 */

const HOST = "registry.example";
const LIFETIME_MS = 300_000;
const RUNS = Number(process.env["FUZZ_RUNS"] ?? 1000);

interface Rules {
  /** What a token is good for that was asked for more than the user may do, or for several scopes. */
  readonly grants: "what is allowed" | "the first scope" | "nothing if anything is denied" | "no such token";
  /** Do refusals say what is wrong with a token? */
  readonly saysWhy: boolean;
  /** The challenge of refusals, once a token was shown. */
  readonly challenge: "bearer" | "basic" | "none";
  /** May everybody read what nobody is denied? */
  readonly isOpen: boolean;
}

type Event = "revoke" | "expire" | "down" | "up" | "allow";

function may(scope: string, isAllowed: boolean): boolean {
  return !scope.includes(":private:") && (isAllowed || !scope.includes(":late:"));
}

interface IssuedToken {
  readonly scopes: ReadonlySet<string>;
  /** Its life begins when it arrives. */
  expiresAt: number;
  isUsed: boolean;
}

/** An answer, and what changes when it arrives. */
interface Reply {
  readonly status: number;
  readonly challenge?: string | undefined;
  readonly body?: string;
  readonly onArrival?: () => void;
}

/** A registry with its token server, in memory. */
class Model {
  tokenRequests = 0;
  /** How often tokens have ended. */
  endings = 0;
  /** How often the token server was down, and whether it is. */
  downs = 0;
  isDown = false;
  isAllowed = false;
  readonly #tokens = new Map<string, IssuedToken>();
  readonly #rules: Rules;
  readonly #next: () => Promise<unknown>;
  #issued = 0;

  /** @param next waits for the turn of a message */
  constructor(rules: Rules, next: () => Promise<unknown>) {
    this.#rules = rules;
    this.#next = next;
  }

  readonly send: Send = async (request) => {
    await this.#next();
    const isToken = request.url.host !== HOST;
    const {
      status,
      challenge,
      body = "",
      onArrival,
    } = isToken ? this.#issue(request) : this.#answer(request);
    await this.#next();
    onArrival?.();
    return {
      status,
      headers: { "www-authenticate": challenge },
      url: request.url,
      redirected: false,
      body: Buffer.from(body),
    };
  };

  happen(event: Event): void {
    switch (event) {
      case "revoke":
        this.endings++;
        // One that was never of use has been revoked before anybody knew that it was good.
        for (const [value, token] of this.#tokens) if (token.isUsed) this.#tokens.delete(value);
        break;
      case "expire":
        this.endings++;
        vi.setSystemTime(Date.now() + LIFETIME_MS);
        break;
      case "down":
        this.downs++;
        this.isDown = true;
        break;
      case "up":
        this.isDown = false;
        break;
      case "allow":
        this.isAllowed = true;
        break;
    }
  }

  #may(scope: string): boolean {
    return may(scope, this.isAllowed);
  }

  #answer({ url, headers = {} }: HttpRequest): Reply {
    const bearer = `Bearer realm="https://auth.example/token"`;
    const needed = url.searchParams.getAll("needs");
    const shown = headers["authorization"]?.slice("Bearer ".length);
    const isOpen = this.#rules.isOpen && needed.every((one) => one.endsWith(":pull") && this.#may(one));
    if (shown === undefined) return isOpen ? { status: 200 } : { status: 401, challenge: bearer };
    const token = this.#tokens.get(shown);
    const isGood = token !== undefined && token.expiresAt > Date.now();
    if (isGood && (isOpen || needed.every((one) => token.scopes.has(one)))) {
      return { status: 200, onArrival: () => (token.isUsed = true) };
    }
    const why = this.#rules.saysWhy ? `,error="${isGood ? "insufficient_scope" : "invalid_token"}"` : "";
    const challenges = { bearer: bearer + why, basic: 'Basic realm="x"', none: undefined };
    return { status: 401, challenge: challenges[this.#rules.challenge] };
  }

  #issue({ method, url }: HttpRequest): Reply {
    this.tokenRequests++;
    if (this.isDown) throw new TransportError(method, url, undefined, "down");
    const asked = url.searchParams.getAll("scope");
    const isAllowed = asked.every((one) => this.#may(one));
    const { grants } = this.#rules;
    if (grants === "no such token" && !isAllowed) return { status: 403 };
    const considered = grants === "the first scope" ? asked.slice(0, 1) : asked;
    const granted = grants === "nothing if anything is denied" && !isAllowed ? [] : considered;
    const value = `token${++this.#issued}`;
    const scopes = new Set(granted.filter((one) => this.#may(one)));
    const token: IssuedToken = { scopes, expiresAt: Infinity, isUsed: false };
    this.#tokens.set(value, token);
    return {
      status: 200,
      body: JSON.stringify({ token: value, expires_in: LIFETIME_MS / 1000 }),
      onArrival: () => (token.expiresAt = Date.now() + LIFETIME_MS),
    };
  }
}

const scope = (repository: string): string =>
  `repository:${repository}:${repository === "app" ? "pull,push" : "pull"}`;
const TARGET = scope("app");

interface Work {
  /** Target first. */
  readonly scopes: readonly string[];
  readonly requests: readonly (readonly string[])[];
  /** One request after the other, or all at once. */
  readonly inTurn: boolean;
}

const anyWork: fc.Arbitrary<Work> = fc
  .record({
    sources: fc.uniqueArray(fc.constantFrom("a", "private", "late"), { minLength: 1 }),
    isPush: fc.boolean(),
    inTurn: fc.boolean(),
  })
  .chain(({ sources, isPush, inTurn }) => {
    const reads = sources.map((source) => [scope(source)]);
    const writes = isPush ? [[TARGET], ...sources.map((source) => [TARGET, scope(source)])] : [];
    const scopes = [...(isPush ? [TARGET] : []), ...sources.map(scope)];
    return fc
      .array(fc.constantFrom(...reads, ...writes), { minLength: 1, maxLength: 6 })
      .map((requests) => ({ scopes, requests, inTurn }));
  });

const rules: fc.Arbitrary<Rules> = fc.record({
  grants: fc.constantFrom(
    "what is allowed",
    "the first scope",
    "nothing if anything is denied",
    "no such token",
  ),
  saysWhy: fc.boolean(),
  challenge: fc.constantFrom("bearer", "basic", "none"),
  isOpen: fc.boolean(),
});

function layer(model: Model): Send {
  return withAuth(model.send, {
    host: HOST,
    credentials: () => Promise.resolve({ kind: "basic", username: "me", password: "canary" }),
    insecure: false,
    optimistic: () => false,
  });
}

function requestOf(needed: readonly string[], session: ReturnType<typeof newAuthSession>): HttpRequest {
  const url = new URL(`https://${HOST}/v2/`);
  for (const one of needed) url.searchParams.append("needs", one);
  return { method: "GET", url, idempotent: true, auth: { scopes: needed, session } };
}

const outcome = (answer: Promise<HttpResponse>): Promise<number | "failed"> =>
  answer.then(
    ({ status }) => status,
    (error: unknown) => {
      expect(error).toBeInstanceOf(TransportError);
      return "failed";
    },
  );

/** The result of a request by itself, with these rights. */
function alone(given: Rules, { scopes }: Work, needed: readonly string[], isAllowed: boolean): number {
  if (!needed.every((one) => may(one, isAllowed))) return 401;
  if (needed.length === 1) return 200;
  // No token that begins with the target has the source too: the blob is copied.
  const isNever =
    given.grants === "the first scope" ||
    (given.grants === "nothing if anything is denied" && !scopes.every((one) => may(one, isAllowed)));
  return isNever ? 401 : 200;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/**
 * Where a registry gives no reasons and refuses even what the token begins with, no other is asked for: each source would
 * cost a token where none is accepted at all.
 */
const isGivenUp = (given: Rules, works: readonly Work[]): boolean => {
  if (given.saysWhy && given.challenge === "bearer") return false;
  const isDenied = (one: string): boolean => /:(private|late):/.test(one);
  if (given.grants === "the first scope")
    return works.some(({ scopes }) => scopes.slice(0, 1).some(isDenied));
  return (
    given.grants === "nothing if anything is denied" && works.some(({ scopes }) => scopes.some(isDenied))
  );
};

test(
  "every request has the result that it would have had alone, for few tokens",
  async () => {
    await fc.assert(
      fc.asyncProperty(
        rules,
        fc.array(anyWork, { minLength: 1, maxLength: 4 }),
        fc.array(fc.constantFrom<Event>("revoke", "expire", "down", "up", "allow"), { maxLength: 6 }),
        fc.scheduler(),
        async (given, works, events, scheduler) => {
          fc.pre(!isGivenUp(given, works));
          const next = (): Promise<unknown> => scheduler.schedule(Promise.resolve());
          const model = new Model(given, next);
          const send = layer(model);

          const run = async (work: Work): Promise<void> => {
            await next();
            const session = newAuthSession(work.scopes);
            const atStart = { isAllowed: model.isAllowed, endings: model.endings };
            const check = async (needed: readonly string[]): Promise<void> => {
              const before = { downs: model.downs, isDown: model.isDown };
              const result = await outcome(send(requestOf(needed, session)));
              // Whoever meets it in mid-flight a second time cannot tell what it means.
              if (model.endings - atStart.endings > 1) return;
              if (result === "failed") {
                expect(before.isDown || model.downs > before.downs).toBe(true);
                return;
              }
              // The registry denies mounts of another source: those are not told from it, and the blob is copied.
              if (needed.length > 1 && result === 401 && model.endings > atStart.endings) return;
              const expected = [atStart.isAllowed, model.isAllowed].map((one) =>
                alone(given, work, needed, one),
              );
              expect(expected, needed.join(" ")).toContain(result);
            };
            if (work.inTurn) for (const needed of work.requests) await check(needed);
            else await Promise.all(work.requests.map(check));
          };
          const happen = async (): Promise<void> => {
            for (const event of events) {
              await next();
              model.happen(event);
            }
          };
          await scheduler.waitFor(Promise.all([...works.map(run), happen()]));

          const lists = works.map(
            ({ requests }) => 1 + new Set(requests.map((needed) => needed.join(" "))).size,
          );
          const perList = 2 + events.length;
          expect(model.tokenRequests).toBeLessThanOrEqual(
            lists.reduce((sum, count) => sum + count * perList, 0),
          );
          const isPlain = given.grants === "what is allowed" && events.length === 0;
          const isDenied = works.some(({ scopes }) => scopes.some((one) => /private|late/.test(one)));
          if (isPlain && !isDenied) {
            const different = new Set(works.map(({ scopes }) => scopes.join(" "))).size;
            expect(model.tokenRequests).toBeLessThanOrEqual(different);
          }
        },
      ),
      { numRuns: RUNS },
    );
  },
  FUZZ_TIMEOUT_MS,
);
