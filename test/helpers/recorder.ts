import { createServer, request as forward } from "node:http";
import { listen, type Listening } from "./peer.js";

/** A request that went by. */
export interface Recorded {
  readonly method: string;
  /** As it was sent, with its query. */
  readonly path: string;
  /** A counter of events over all requests, so that order and overlap are exact. */
  readonly start: number;
  end: number;
}

/** In front of a registry: sees all that comes. */
export interface Recorder extends Listening {
  /** `127.0.0.1:43211` */
  readonly host: string;
  readonly recorded: readonly Recorded[];
}

/**
 * Hands everything on to a port of this machine, and keeps what came when.
 * @param holdBack answers to such requests are held back until as many have come as it says
 */
export async function startRecorder(
  port: number,
  holdBack?: { readonly count: number; readonly isMeant: (request: Recorded) => boolean },
): Promise<Recorder> {
  const recorded: Recorded[] = [];
  let events = 0;
  let waiting: (() => void)[] = [];
  const server = createServer((incoming, response) => {
    const { method = "", url: path = "", headers } = incoming;
    const one: Recorded = { method, path, start: ++events, end: Infinity };
    recorded.push(one);
    const outgoing = forward({ host: "127.0.0.1", port, method, path, headers }, (answered) => {
      const answer = (): void => {
        one.end = ++events;
        response.writeHead(answered.statusCode ?? 502, answered.headers);
        answered.pipe(response);
      };
      if (holdBack?.isMeant(one) !== true) {
        answer();
        return;
      }
      waiting.push(answer);
      if (waiting.length < holdBack.count) return;
      for (const go of waiting) go();
      waiting = [];
    });
    outgoing.on("error", () => response.destroy());
    incoming.pipe(outgoing);
  });
  const listening = await listen(server);
  return { ...listening, host: `127.0.0.1:${listening.port}`, recorded };
}
