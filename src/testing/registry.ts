import { messageOf } from "../errors.js";
import type { Answer, Headers } from "./answer.js";
import { createDoor, type AuthOptions, type Door } from "./auth.js";
import { answerBlob } from "./blobs.js";
import { ClientGone } from "./body.js";
import type { Call } from "./call.js";
import { createContent, type Content } from "./content.js";
import { fault, RegistryFault } from "./faults.js";
import { answerCatalog, answerTags } from "./listings.js";
import { RequestLog, schemeOf, type LoggedRequest } from "./log.js";
import { answerManifest, type ManifestOptions } from "./manifests.js";
import { checkName } from "./names.js";
import { answerReferrers } from "./referrers.js";
import { routeOf, type Route } from "./routes.js";
import { RegistryState } from "./state.js";
import { answerUpload, answerUploads, type UploadOptions } from "./uploads.js";
import { connectionOf, cut, originOf, send, sendAndCut, type Incoming, type Outgoing } from "./wire.js";

/** How a registry behaves. */
export interface TestRegistryOptions extends UploadOptions, ManifestOptions {
  /** Who may do what; without it everybody may do everything. */
  readonly auth?: AuthOptions | undefined;
  /** Sees every request before it is looked at, and may delay it, answer in the registry's place or cut the line. */
  readonly onRequest?:
    ((request: SeenRequest) => Override | undefined | Promise<Override | undefined>) | undefined;
}

/** What `onRequest` gets to see. */
export interface SeenRequest {
  /** The HTTP method. */
  readonly method: string;
  /** As it was sent, with its query. */
  readonly path: string;
  /** The query of its URL. */
  readonly query: URLSearchParams;
  /** Names in lower case. */
  readonly headers: Call["headers"];
  /** Which endpoint it is for, if any. */
  readonly route: Route | undefined;
  /** The number of its connection, as in the log. */
  readonly connection: number;
}

/**
 * Instead of the registry's answer: one of the test's own (`cut` ends the connection behind its body, which
 * truncates it when its Content-Length promised more), or none: the connection is cut before the request was acted
 * on, or after it.
 */
export type Override =
  | {
      readonly status: number;
      readonly headers?: Headers | undefined;
      readonly body?: string | Uint8Array | undefined;
      readonly cut?: true;
    }
  | { readonly cut: "before" | "after" };

/** A registry without a server of its own. */
export interface TestRegistry extends Content {
  /** Answers a request; never throws. */
  readonly handler: (request: Incoming, response: Outgoing) => void;
  /** Every request since the start or the last `resetLog`. */
  readonly log: readonly LoggedRequest[];
  resetLog(): void;
  /** Ends every bearer token that was given out. */
  expireTokens(): void;
}

/**
 * An in-memory registry that follows the OCI distribution specification 1.1, and what has come to it since, as a handler for node:http,
 * node:https and node:http2 servers.
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md
 * @example
 * const registry = createTestRegistry();
 * const server = createServer(registry.handler);
 */
export function createTestRegistry(options: TestRegistryOptions = {}): TestRegistry {
  const state = new RegistryState();
  const log = new RequestLog();
  const door = createDoor(options.auth);
  return {
    ...createContent(state),
    handler: (request, response) => {
      // Nothing should get here; if it does, it must not end the process that the tests run in.
      serve({ state, log, door, options }, request, response).catch(() => {
        cut(request);
      });
    },
    get log() {
      return log.entries;
    },
    resetLog: () => {
      log.reset();
    },
    expireTokens: () => {
      door.expireTokens();
    },
  };
}

/**
 * Only the handler of `createTestRegistry`.
 * @example
 * const server = createServer(createRegistryHandler());
 */
export function createRegistryHandler(options: TestRegistryOptions = {}): TestRegistry["handler"] {
  return createTestRegistry(options).handler;
}

interface Parts {
  readonly state: RegistryState;
  readonly log: RequestLog;
  readonly door: Door;
  readonly options: TestRegistryOptions;
}

/** One request, from its log entry to its answer. */
async function serve(parts: Parts, request: Incoming, response: Outgoing): Promise<void> {
  const path = request.url ?? "/";
  const method = request.method ?? "GET";
  const { headers } = request;
  const connection = parts.log.connectionOf(connectionOf(request));
  const end = parts.log.start({
    method,
    path,
    protocol: `HTTP/${request.httpVersion}`,
    connection,
    authorization: schemeOf(headers.authorization),
  });
  // A client that hangs up in the middle must not end the process.
  request.on("error", () => undefined);
  response.on("error", () => undefined);
  try {
    const [pathname = "", search = ""] = splitOnce(path, "?");
    const route = routeOf(pathname);
    const query = new URLSearchParams(search);
    const override = await parts.options.onRequest?.({ method, path, query, headers, route, connection });
    if (override !== undefined && "status" in override) {
      end(override.status);
      if (override.cut === true) sendAndCut(request, response, override);
      else send(request, response, override);
      return;
    }
    if (override?.cut === "before") {
      cut(request);
      return;
    }
    const call: Call = { method, query, headers, body: request, origin: originOf(request) };
    const answer = withCommonHeaders(await answerFor(parts, call, route));
    if (override?.cut === "after") {
      cut(request);
      return;
    }
    end(answer.status);
    send(request, response, answer);
  } catch (error) {
    if (error instanceof ClientGone) return;
    if (response.headersSent) throw error;
    // The test's own hook threw, or answered with what is no answer: say so where its author will look.
    const { answer } = fault("UNKNOWN", messageOf(error));
    end(answer.status);
    send(request, response, answer);
  }
}

/** The answer of whatever the request is for, errors included. */
async function answerFor(parts: Parts, call: Call, route: Route | undefined): Promise<Answer> {
  try {
    if (route === undefined) throw fault("UNSUPPORTED", undefined, { status: 404 });
    return await dispatch(parts, call, route);
  } catch (error) {
    if (error instanceof RegistryFault) return error.answer;
    if (error instanceof ClientGone) throw error;
    return fault("UNKNOWN", messageOf(error)).answer;
  }
}

async function dispatch({ state, door, options }: Parts, call: Call, route: Route): Promise<Answer> {
  if (route.kind === "token") return door.answerToken(call);
  if ("repository" in route) checkName(route.repository);
  const granted = door.authorize(call, route);
  switch (route.kind) {
    case "ping":
      return { status: 200, headers: { "Content-Type": "application/json; charset=utf-8" }, body: "{}" };
    case "catalog":
      return answerCatalog(state, call);
    case "tags":
      return answerTags(state, call, route.repository);
    case "manifest":
      return answerManifest(state, call, route.repository, route.reference, options);
    case "blob":
      return answerBlob(state, call, route.repository, route.digest);
    case "uploads":
      return answerUploads(state, call, route.repository, options, granted);
    case "upload":
      return answerUpload(state, call, route.repository, route.id, options);
    case "referrers":
      if (options.referrers === false) throw fault("UNSUPPORTED", undefined, { status: 404 });
      return answerReferrers(state, call, route.repository, route.digest);
  }
}

function withCommonHeaders(answer: Answer): Answer {
  return { ...answer, headers: { "Docker-Distribution-Api-Version": "registry/2.0", ...answer.headers } };
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
