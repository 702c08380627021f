import { ManifestError } from "../../errors.js";
import type { HttpRequest, HttpResponse, Send } from "../http/message.js";
import { failedAnswer, RegistryError } from "../http/registryError.js";
import { askedWait } from "../http/retryAfter.js";
import { TransportError } from "../http/transportError.js";
import { backoff, type RetryLimits } from "./backoff.js";
import { classify, retriesFor, type Outcome } from "./classify.js";
import { pause } from "./pause.js";

export interface RetryOptions {
  /** How many tries may follow the first. */
  readonly retries: number;
  readonly limits?: RetryLimits | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told before each wait. */
  readonly onRetry?: (request: HttpRequest, attempt: number, delayMs: number, outcome: Outcome) => void;
}

/**
 * The layer that tries again. It only loops: `classify` and `backoff` decide.
 *
 * A request whose `stop` is aborted when it would be tried again rejects with STOPPED; the `cause` is what its last try
 * ended with.
 */
export function withRetry(send: Send, options: RetryOptions): Send {
  return async function sendUntilDone(request: HttpRequest): Promise<HttpResponse> {
    const start = Date.now();
    for (let attempt = 1; ; attempt++) {
      const result = await settle(send(request));
      const outcome = outcomeOf(result);
      const delay = outcome && delayAfter(outcome, attempt, start, request, options);
      if (outcome === undefined || delay === undefined) {
        if (result instanceof Error) throw result;
        return result;
      }
      if (request.stop?.aborted !== true) {
        options.onRetry?.(request, attempt, delay, outcome);
        await pause(delay, { stop: request.stop, signals: [options.signal, request.signal] });
      }
      if (request.stop?.aborted === true) throw stopped(request, result);
    }
  };
}

function delayAfter(
  outcome: Outcome,
  attempt: number,
  start: number,
  request: HttpRequest,
  options: RetryOptions,
): number | undefined {
  const { retries = options.retries, retriesWhenBroken, idempotent } = request;
  if (attempt > retriesFor(classify(outcome), { retries, retriesWhenBroken, idempotent })) return undefined;
  const now = Date.now();
  return backoff(attempt, {
    elapsedMs: now - start,
    askedMs: "status" in outcome ? askedWait(outcome, now) : undefined,
    random: Math.random,
    limits: options.limits,
  });
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
