import { shownUrl } from "../registry/http/message.js";
import type { RegistryEvent } from "../registry/createRegistry.js";

/** What people should know of it though they have not asked for a log; undefined for nothing. */
export function warningText(event: RegistryEvent): string | undefined {
  if (event.kind === "warning") return `${event.host}: ${event.text}`;
  if (event.kind === "throttled") return `${event.host}: asks to wait ${Math.round(event.waitMs / 1000)} s`;
  return undefined;
}

/** One line of `--debug` for one thing that happened on the wire. Neither headers nor bodies are in it: no secrets. */
export function wireLogLine(event: RegistryEvent): string {
  switch (event.kind) {
    case "exchange": {
      const result = event.result instanceof Error ? event.result.message : String(event.result);
      return `${event.method} ${shownUrl(event.url)} ${result} ${event.ms.toFixed(0)} ms`;
    }
    case "retry": {
      return `again in ${event.delayMs} ms (${event.why}, try ${event.attempt}): ${event.method} ${shownUrl(event.url)}`;
    }
    case "throttled":
      return `${event.host} asks to wait ${Math.ceil(event.waitMs / 1000)} s`;
    case "recalled":
      return `${event.host} named ${shownUrl(event.url)} for its tokens in an earlier run`;
    case "warning":
      return `warning of ${event.host}: ${event.text}`;
  }
}
