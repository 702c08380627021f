import { headers, type Method, type Send } from "./http/message.js";
import { TransportError } from "./http/transportError.js";

/**
 * What happens below the operations, for a log and for warnings. No headers and no bodies, where tokens and passwords
 * are; the URLs are as they were sent, and some are signed: show them by `shownUrl`.
 */
export type RegistryEvent =
  | {
      /** A request that was answered, or failed. */
      readonly kind: "exchange";
      /** The HTTP method. */
      readonly method: Method;
      /** As it was sent: show it by `shownUrl`, it may be signed. */
      readonly url: URL;
      /** From sending it to the end of the answer, or its headers where the body is a stream. */
      readonly ms: number;
      /** The status of the answer, or why there is none. */
      readonly result: number | Error;
    }
  | {
      /** A request that will be sent again. */
      readonly kind: "retry";
      /** The HTTP method. */
      readonly method: Method;
      /** As it was sent. */
      readonly url: URL;
      /** How many tries there were: 1 after the first. */
      readonly attempt: number;
      /** How long it waits before the next try, in milliseconds. */
      readonly delayMs: number;
      /** The status of the answer, or the code of the error. */
      readonly why: number | string;
    }
  /** A host asks to be left alone for so long, in milliseconds, and is: nothing is sent there until then. */
  | { readonly kind: "throttled"; readonly host: string; readonly waitMs: number }
  /** A token is asked for at this URL while the registry is asked, since it named that in an earlier run. */
  | { readonly kind: "recalled"; readonly host: string; readonly url: URL }
  /** The text of a `Warning: 299` header. */
  | { readonly kind: "warning"; readonly host: string; readonly text: string };

const MAX_WARNINGS = 20;

/** The layer that tells what was sent and what came back, and passes on the server's warnings, once each. */
export function withEvents(send: Send, onEvent: ((event: RegistryEvent) => void) | undefined): Send {
  if (onEvent === undefined) return send;
  const told = new Set<string>();
  return async (request) => {
    // Not performance.now(): what that loads delays the first request.
    const start = Date.now();
    const tell = (result: number | Error): void => {
      onEvent({ kind: "exchange", method: request.method, url: request.url, ms: Date.now() - start, result });
    };
    try {
      const response = await send(request);
      tell(response.status);
      for (const text of headers(response, "warning").flatMap(warningText)) {
        if (told.size < MAX_WARNINGS && !told.has(text))
          onEvent({ kind: "warning", host: request.url.host, text });
        told.add(text);
      }
      return response;
    } catch (error) {
      if (error instanceof TransportError) tell(error);
      throw error;
    }
  };
}

/** https://github.com/opencontainers/distribution-spec/blob/main/spec.md#warnings */
function warningText(value: string): string[] {
  const text = /^299 - "((?:[^"\\]|\\.)*)"/.exec(value)?.[1];
  return text === undefined ? [] : [text.replaceAll(/\\(.)/g, "$1").slice(0, 512)];
}
