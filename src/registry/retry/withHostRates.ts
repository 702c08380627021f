import type { HttpResponse, Send } from "../http/message.js";
import { failedAnswer } from "../http/registryError.js";
import { isBulk } from "../http/transport.js";
import { TransportError } from "../http/transportError.js";
import type { Throttling } from "./allowance.js";
import { classify, type Outcome } from "./classify.js";
import type { HostRates } from "./hostRate.js";
import { waitAskedBy } from "./retry.js";

export interface HostRatesLayerOptions {
  /** A host that is closed for longer than this, in milliseconds, is not waited for: the request has its own answer. */
  readonly longestMs: number;
  /** Ends all waits. */
  readonly signal?: AbortSignal | undefined;
  /** Told once, however many requests meet it, when a host asks to be left alone for longer than five seconds. */
  readonly onThrottled?: ((host: string, waitMs: number) => void) | undefined;
}

/** Shorter waits than this, in milliseconds, are nobody's business. */
const WORTH_TELLING_MS = 5_000;

/**
 * The layer that asks each host only as much as it can take, which HTTP/2 would leave to the server. Requests that carry
 * blobs are not counted among those under way, since they take long and are bounded by whoever copies. What turns out not to
 * be needed does not take its turn.
 */
export function withHostRates(send: Send, rates: HostRates, options: HostRatesLayerOptions): Send {
  const { longestMs, signal, onThrottled } = options;
  return async (request) => {
    const { host } = request.url;
    const rate = rates.of(host);
    const start = Date.now();
    const turn = await rate.turn({
      isCounted: !isBulk(request),
      longestMs,
      isNeeded: request.isNeeded,
      signals: [signal, request.signal],
      stop: request.stop,
    });
    request.onTurn?.(Date.now() - start);
    let came: "answered" | "turnedAway" | Throttling | undefined;
    let sentAt: number | undefined;
    const onSent = (): void => {
      sentAt = Date.now();
      request.onSent?.();
    };
    try {
      const response = await send({ ...request, onSent });
      came = meaningOf(response);
      return response;
    } catch (error) {
      if (error instanceof TransportError) came = meaningOfFailure(error, sentAt !== undefined);
      throw error;
    } finally {
      const took = sentAt === undefined ? undefined : { method: request.method, ms: Date.now() - sentAt };
      rate.end(turn, came, took);
      const asked = typeof came === "object" ? came.askedMs : undefined;
      if (asked !== undefined && asked <= longestMs) {
        const waitMs = rate.newlyClosedFor(WORTH_TELLING_MS);
        if (waitMs !== undefined) onThrottled?.(host, waitMs);
      }
    }
  };
}

/** Whatever a host says, it has been up to it, unless it has failed. */
function meaningOf(response: HttpResponse): "answered" | Throttling | undefined {
  if (response.status < 400) return "answered";
  return throttlingIn(failedAnswer(response)) ?? (response.status < 500 ? "answered" : undefined);
}

/** Connections that a host has no room for are refused or closed before anything is sent. */
const NO_ROOM = new Set(["ECONNREFUSED", "ECONNRESET"]);
/** HTTP/2's word for a stream that the server has not begun: there are too many, or it is about to go. */
const REFUSED_STREAM = "REFUSED_STREAM";

function meaningOfFailure(
  { systemCode: errorCode, isProxys }: TransportError,
  wasSent: boolean,
): "turnedAway" | Throttling | undefined {
  if (errorCode === REFUSED_STREAM) return "turnedAway";
  if (!wasSent && !isProxys && NO_ROOM.has(errorCode ?? "")) return "turnedAway";
  return throttlingIn({ errorCode });
}

function throttlingIn(outcome: Outcome): Throttling | undefined {
  const { kind } = classify(outcome);
  if (kind !== "rateLimited" && kind !== "overloaded") return undefined;
  return { askedMs: waitAskedBy(outcome, Date.now()), isRateLimit: kind === "rateLimited" };
}
