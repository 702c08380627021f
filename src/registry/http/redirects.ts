import { ManifestError } from "../../errors.js";
import { header, type HttpRequest, type HttpResponse, type Method, type Send } from "./message.js";
import { redirectTarget } from "./locations.js";

const MAX_REDIRECTS = 5;

/**
 * The layer that follows redirects of GET and HEAD: blobs often live in an object store. Credentials stay with the
 * host they are for; some stores refuse a request that carries any.
 */
export function withRedirects(send: Send, allowPlainHttp: boolean): Send {
  return async function sendAlong(first: HttpRequest): Promise<HttpResponse> {
    let request = first;
    for (let hops = 0; ; hops++) {
      const answer = await send(request);
      const response = hops === 0 ? answer : { ...answer, redirected: true };
      if (request.method !== "GET" && request.method !== "HEAD") return response;
      const target = redirectTarget(
        { status: response.status, location: header(response, "location") },
        { url: response.url, method: request.method },
        { allowPlainHttp },
      );
      if (target === undefined) return response;
      if (hops === MAX_REDIRECTS) {
        throw new ManifestError(
          "INVALID_ANSWER",
          `${first.url.host} redirects more than ${MAX_REDIRECTS} times`,
        );
      }
      const { authorization, ...open } = request.headers ?? {};
      const headers = target.sameOrigin && authorization !== undefined ? { ...open, authorization } : open;
      request = { ...request, url: target.url, headers, method: request.method satisfies Method };
    }
  };
}
