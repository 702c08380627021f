import { ManifestError } from "../../errors.js";
import type { HttpRequest, HttpResponse, Send } from "../http/message.js";
import { failedAnswer, RegistryError } from "../http/registryError.js";
import { askedWait } from "../http/retryAfter.js";
import { TransportError } from "../http/transportError.js";
import type { RetryLimits } from "./backoff.js";
import { classify, type Failure, type Outcome } from "./classify.js";
import { pause } from "./pause.js";
import { Tries } from "./tries.js";

export interface RetryOptions {
  /** How many tries may follow the first. */
  readonly retries: number;
  readonly limits?: RetryLimits | undefined;
  /** See `RegistryOptions.patient`. */
  readonly patient?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told before each wait. */
  readonly onRetry?: (request: HttpRequest, attempt: number, delayMs: number, outcome: Outcome) => void;
}

/**
 * The layer that tries again. It only loops: `Tries` decides.
 *
 * A request whose `stop` is aborted when it would be tried again rejects with STOPPED; the `cause` is what its last try
 * ended with. One that may have been done is not tried again if its `beforeRetry` has an answer.
 */
export function withRetry(send: Send, options: RetryOptions): Send {
  const { limits, patient, signal, onRetry } = options;
  return async function sendUntilDone(request: HttpRequest): Promise<HttpResponse> {
    const { retries = options.retries, retriesWhenBroken, idempotent } = request;
    const start = Date.now();
    let tries: Tries | undefined;
    let mayBeDone = false;
    // Whoever waits in line is not failing.
    let inLineMs = 0;
    const onTurn = (waitedMs: number): void => {
      inLineMs += waitedMs;
      request.onTurn?.(waitedMs);
    };
    const delayAfter = (outcome: Outcome): number | undefined => {
      const now = Date.now();
      const allowed = { retries, retriesWhenBroken, idempotent };
      tries ??= new Tries({ ...allowed, limits, patient, start, random: Math.random });
      return tries.delayAfter(classify(outcome), waitAskedBy(outcome, now), now - inLineMs);
    };
    for (let attempt = 1; ; attempt++) {
      const result = await settle(send({ ...request, onTurn }));
      const outcome = outcomeOf(result);
      const delay = outcome && delayAfter(outcome);
      if (outcome === undefined || delay === undefined) {
        if (result instanceof Error) throw result;
        return result;
      }
      if (request.stop?.aborted !== true) {
        onRetry?.(request, attempt, delay, outcome);
        await pause(delay, { stop: request.stop, signals: [signal, request.signal] });
      }
      if (request.stop?.aborted === true) throw stopped(request, result);
      mayBeDone ||= mayHaveBeenDone(classify(outcome));
      const answer = mayBeDone ? await request.beforeRetry?.() : undefined;
      if (answer !== undefined) return answer;
    }
  };
}

/**
 * May what was asked for be done all the same? A proxy's 503 may mean that the server behind it has ended without a word: that
 * is no reason to give up what must not be done twice, but one to ask where it can be asked.
 */
function mayHaveBeenDone({ kind, mayHaveActed }: Failure): boolean {
  return mayHaveActed || kind === "overloaded";
}

/** How long the server asks to be left alone, in milliseconds, where it has said anything. */
export function waitAskedBy(outcome: Outcome, now: number): number | undefined {
  return "status" in outcome ? askedWait(outcome, now) : undefined;
}

async function settle(answer: Promise<HttpResponse>): Promise<HttpResponse | TransportError> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof TransportError) return error;
    throw error;
  }
}

/** What is to be classified; undefined for an answer below 400. */
function outcomeOf(result: HttpResponse | TransportError): Outcome | undefined {
  if (result instanceof TransportError) return { errorCode: result.systemCode };
  return result.status < 400 ? undefined : failedAnswer(result);
}

function stopped(request: HttpRequest, last: HttpResponse | TransportError): ManifestError {
  const cause = last instanceof TransportError ? last : new RegistryError(request.method, last);
  return new ManifestError("STOPPED", `not tried again: ${cause.message}`, { subject: cause.subject, cause });
}
