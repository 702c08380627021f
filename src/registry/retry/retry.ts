import { setTimeout as sleep } from "node:timers/promises";
import type { HttpRequest, HttpResponse, Send } from "../http/message.js";
import { DEFAULT_LIMITS, retryDelay, type Outcome, type RetryLimits } from "./retryDelay.js";
import { TransportError } from "../http/transportError.js";

export interface RetryOptions {
  /** How many tries may follow the first. */
  readonly retries: number;
  readonly limits?: RetryLimits | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told before each wait. */
  readonly onRetry?: (request: HttpRequest, attempt: number, delayMs: number, outcome: Outcome) => void;
}

/** The layer that tries again. It only loops: `retryDelay` decides. */
export function withRetry(send: Send, options: RetryOptions): Send {
  return async function sendUntilDone(request: HttpRequest): Promise<HttpResponse> {
    const start = Date.now();
    for (let attempt = 1; ; attempt++) {
      const result = await settle(send(request));
      const outcome = outcomeOf(result);
      const now = Date.now();
      const delay =
        outcome &&
        retryDelay({
          attempt,
          elapsedMs: now - start,
          retries: request.lastTry?.aborted === true ? 0 : (request.retries ?? options.retries),
          idempotent: request.idempotent,
          outcome,
          random: Math.random,
          now,
          limits: options.limits ?? DEFAULT_LIMITS,
        });
      if (outcome === undefined || delay === undefined) {
        if (result instanceof Error) throw result;
        return result;
      }
      options.onRetry?.(request, attempt, delay, outcome);
      await pause(delay, request, options.signal);
      // Told to stop in the middle of the wait: the last outcome stands.
      if (request.lastTry?.aborted === true) {
        if (result instanceof Error) throw result;
        return result;
      }
    }
  };
}

/** Waits. Rejects when the run is over; ends early when only this request is not wanted any more. */
async function pause(
  ms: number,
  { lastTry, signal }: HttpRequest,
  run: AbortSignal | undefined,
): Promise<void> {
  const signals = [lastTry, signal, run].filter((one) => one !== undefined);
  try {
    await sleep(ms, undefined, { signal: AbortSignal.any(signals) });
  } catch {
    run?.throwIfAborted();
    signal?.throwIfAborted();
  }
}

async function settle(answer: Promise<HttpResponse>): Promise<HttpResponse | TransportError> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof TransportError) return error;
    throw error;
  }
}

/** What the policy should look at; undefined for an answer below 400. */
function outcomeOf(result: HttpResponse | TransportError): Outcome | undefined {
  if (result instanceof TransportError) return { errorCode: result.systemCode };
  if (result.status < 400) return undefined;
  return { status: result.status, headers: result.headers, text: result.body.toString("utf8", 0, 4096) };
}
