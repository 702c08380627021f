import { ManifestError } from "../../errors.js";
import { header, type HttpRequest, type HttpResponse, type Send } from "./message.js";
import { resolveLocation } from "./locations.js";

const MAX_REDIRECTS = 5;

/** Any request may be repeated elsewhere as it is. */
const KEEPING = new Set([307, 308]);
/** A PUT that becomes a GET, as these allow, would report a success that never was. */
const CHANGING = new Set([301, 302, 303]);

/**
 * The layer that follows redirects: blobs often live in an object store, and some registries have moved. Method and body
 * stay what they are; credentials stay with the host they are for, and some stores refuse a request that carries any.
 * https://www.rfc-editor.org/rfc/rfc9110#section-15.4
 */
export function withRedirects(send: Send, allowPlainHttp: boolean): Send {
  return async function sendAlong(first: HttpRequest): Promise<HttpResponse> {
    let request = first;
    for (let hops = 0; ; hops++) {
      const answer = await send(request);
      const response = hops === 0 ? answer : { ...answer, redirected: true };
      if (!isFollowed(response.status, request)) return response;
      const target = resolveLocation(header(response, "location"), response.url, { allowPlainHttp });
      // The body of a token request is a secret.
      if (!target.sameOrigin && request.method === "POST" && request.body !== undefined) return response;
      if (hops === MAX_REDIRECTS) {
        throw new ManifestError(
          "INVALID_ANSWER",
          `${first.url.host} redirects more than ${MAX_REDIRECTS} times`,
          {
            subject: first.url.host,
            hint: "something before the registry sends its clients in a circle: ask whoever runs it",
          },
        );
      }
      const { authorization, ...open } = request.headers ?? {};
      const headers = target.sameOrigin && authorization !== undefined ? { ...open, authorization } : open;
      request = { ...request, url: target.url, headers };
    }
  };
}

function isFollowed(status: number, { method }: HttpRequest): boolean {
  return KEEPING.has(status) || (CHANGING.has(status) && (method === "GET" || method === "HEAD"));
}
