import type { Answer } from "./answer.js";
import { authorizeBasic, type BasicOptions } from "./basic.js";
import { authorizeBearer } from "./bearer.js";
import type { BearerOptions } from "./tokens.js";
import type { Call } from "./call.js";
import { fault } from "./faults.js";
import type { Route } from "./routes.js";
import type { Access, Grant } from "./rules.js";
import { TokenServer } from "./tokens.js";

/** Who may do what. */
export type AuthOptions = BasicOptions | BearerOptions;

/** The door: who comes in, and where tokens are given out. */
export interface Door {
  /** Throws the challenge when the request's credentials do not cover what it wants. */
  authorize(call: Call, route: Route): Grant;
  answerToken(call: Call): Promise<Answer>;
  expireTokens(): void;
}

/** The door for these options; without any, everybody may do everything. */
export function createDoor(options: AuthOptions | undefined): Door {
  const noTokens = {
    answerToken: () => Promise.reject(fault("UNSUPPORTED", undefined, { status: 404 })),
    expireTokens: () => undefined,
  };
  switch (options?.kind) {
    case undefined:
      return { authorize: () => () => true, ...noTokens };
    case "basic":
      return {
        authorize: (call, route) => authorizeBasic(options, call, accessNeeded(route, call)),
        ...noTokens,
      };
    case "bearer": {
      const tokens = new TokenServer(options);
      return {
        authorize: (call, route) => {
          const wanted = accessNeeded(route, call);
          if (options.unreadableMount === "challenge") wanted.push(...sourceAccess(route, call));
          return authorizeBearer(options, tokens, call, wanted);
        },
        answerToken: (call) => tokens.answer(call),
        expireTokens: () => {
          tokens.expireTokens();
        },
      };
    }
  }
}

/** What a request needs, as distribution sees it: writing needs `pull,push`, every DELETE needs `delete`. */
function accessNeeded(route: Route, call: Call): Access[] {
  switch (route.kind) {
    case "ping":
    case "token":
      return [];
    case "catalog":
      return [{ resource: "registry:catalog", actions: ["*"] }];
    case "tags":
    case "manifest":
    case "blob":
    case "uploads":
    case "upload":
    case "referrers":
      return [{ resource: `repository:${route.repository}`, actions: actionsOf(call.method) }];
  }
}

function actionsOf(method: string): string[] {
  if (method === "GET" || method === "HEAD") return ["pull"];
  return method === "DELETE" ? ["delete"] : ["pull", "push"];
}

function sourceAccess(route: Route, call: Call): Access[] {
  const from = route.kind === "uploads" ? call.query.get("from") : null;
  return from === null ? [] : [{ resource: `repository:${from}`, actions: ["pull"] }];
}
