import { shownUrl } from "../registry/http.js";
import type { RegistryEvent } from "../registry/createRegistry.js";

/** One line of `--debug` for one thing that happened on the wire. Neither headers nor bodies are in it: no secrets. */
export function wireLogLine(event: RegistryEvent): string {
  switch (event.kind) {
    case "exchange": {
      const result = event.result instanceof Error ? event.result.message : String(event.result.status);
      return `${event.request.method} ${shownUrl(event.url)} ${result} ${event.ms.toFixed(0)} ms`;
    }
    case "retry": {
      const why = "status" in event.outcome ? event.outcome.status : (event.outcome.errorCode ?? "no answer");
      return `again in ${event.delayMs} ms (${why}, try ${event.attempt}): ${event.request.method} ${shownUrl(event.request.url)}`;
    }
    case "warning":
      return `warning of ${event.host}: ${event.text}`;
  }
}
