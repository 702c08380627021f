/** One request as it came and how it was answered. Credentials are never kept. */
export interface LoggedRequest {
  /** The HTTP method. */
  readonly method: string;
  /** As it was sent, with its query. */
  readonly path: string;
  /** `HTTP/1.1` or `HTTP/2.0`. */
  readonly protocol: string;
  /** Which connection carried it: requests of one connection share the number. */
  readonly connection: number;
  /** The scheme alone (`Basic`, `Bearer`), or undefined when the request had no Authorization. */
  readonly authorization: string | undefined;
  /** When it came: a counter of events over all requests, so that order and overlap are exact. */
  readonly start: number;
  /** When its answer was written, on the same counter; undefined while it runs and when it got none. */
  end: number | undefined;
  /** Undefined while it runs, and when the connection was cut instead of an answer. */
  status: number | undefined;
  /** Milliseconds from `start` to `end`. */
  duration: number | undefined;
}

/** The log of a registry. Entries are in order of arrival. */
export class RequestLog {
  #entries: LoggedRequest[] = [];
  #events = 0;
  #connections = 0;
  readonly #ids = new WeakMap<object, number>();

  get entries(): readonly LoggedRequest[] {
    return this.#entries;
  }

  /** A new list; requests under way end in the old one. Connection numbers go on. */
  reset(): void {
    this.#entries = [];
  }

  /** The number of a connection, for whatever object stands for it. */
  connectionOf(socket: object): number {
    const known = this.#ids.get(socket);
    if (known !== undefined) return known;
    this.#connections += 1;
    this.#ids.set(socket, this.#connections);
    return this.#connections;
  }

  /** Notes that a request came; call what it returns with the status when the answer is written. */
  start(request: Pick<LoggedRequest, "method" | "path" | "protocol" | "connection" | "authorization">) {
    const entry: LoggedRequest = {
      ...request,
      start: this.#tick(),
      end: undefined,
      status: undefined,
      duration: undefined,
    };
    const startedAt = performance.now();
    this.#entries.push(entry);
    return (status: number): void => {
      entry.end = this.#tick();
      entry.status = status;
      entry.duration = performance.now() - startedAt;
    };
  }

  #tick(): number {
    this.#events += 1;
    return this.#events;
  }
}

/**
 * How many requests were under way at once, at most.
 * @example
 * await using registry = await startRegistry();
 * peakConcurrency(registry.log); // 0
 */
export function peakConcurrency(log: readonly LoggedRequest[]): number {
  const steps = log.flatMap(({ start, end }) => [
    { at: start, step: 1 },
    { at: end ?? Infinity, step: -1 },
  ]);
  let [running, peak] = [0, 0];
  for (const { step } of steps.sort((a, b) => a.at - b.at)) {
    running += step;
    peak = Math.max(peak, running);
  }
  return peak;
}

/** The scheme of an Authorization header. A value without one may be all secret, so nothing of it is kept. */
export function schemeOf(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  return /^([A-Za-z][A-Za-z0-9-]*) /.exec(authorization)?.[1] ?? "unknown";
}
