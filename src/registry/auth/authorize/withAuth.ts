import { isHost } from "../../http/endpoint.js";
import type { AuthSession, HttpRequest, HttpResponse, Send } from "../../http/message.js";
import { isSilence } from "../../retry/silence.js";
import { Exchange } from "./exchange.js";
import { RegistryAuth, type AuthOptions } from "./registryAuth.js";
import type { SessionState } from "./sessionState.js";

/**
 * The layer that proves who the user is: anonymous until the registry asks, then Basic or a bearer token, whichever its
 * challenge wants. One token does for all scopes of a session; one that ends meanwhile is renewed once for all requests that
 * are refused because of it. What a session was refused is not asked for again in it, and in another as if for the first
 * time.
 *
 * A request that stays refused comes back with the registry's answer. Where it is the credentials that are refused, every
 * request of the session that needs them throws a ManifestError `UNAUTHENTICATED`, and they are not sent again.
 * https://distribution.github.io/distribution/spec/auth/token/
 */
export function withAuth(send: Send, options: AuthOptions): Send {
  const registry = new RegistryAuth(send, options);
  const states = new WeakMap<AuthSession, SessionState>();

  const stateOf = (session: AuthSession): SessionState => {
    const state = states.get(session) ?? registry.begin(session);
    states.set(session, state);
    return state;
  };

  return async function sendWithAuth(request: HttpRequest): Promise<HttpResponse> {
    const { auth } = request;
    if (auth === undefined || !isHost(request.url, options.host)) return send(request);
    const state = stateOf(auth.session);
    const exchange = new Exchange(send, registry, state, request, auth.scopes);
    if (!(await registry.isUnknown())) return exchange.run(() => undefined);
    return state.first.pass(async (open) => {
      try {
        await registry.askAhead(state.listFor(auth.scopes));
        const response = await exchange.run(open);
        open();
        return response;
      } catch (error) {
        // It may be that only such requests are cut off, as some firewalls do with every HEAD: nobody waits for the next.
        if (isSilence(error)) open();
        throw error;
      }
    });
  };
}
