// What the registries speak, and what they want.

/**
 * `https` is HTTP/1.1 only, `h2` offers HTTP/2. `bearer` offers HTTP/2 and wants tokens, which `apart` has another host give
 * out. `streams` says in HTTP/2's SETTINGS that it takes a hundred requests at a time; `limited` does not say so, and answers 429 to more.
 * `many` says that it takes 250, as servers in Go do.
 * @typedef {"http" | "https" | "h2" | "bearer" | "apart" | "streams" | "limited" | "many"} Protocol
 */

/** Words for the titles of scenarios. @type {Readonly<Record<Protocol, string>>} */
export const LINES = {
  http: "HTTP",
  https: "HTTPS, HTTP/1.1",
  h2: "HTTPS, HTTP/2",
  bearer: "HTTPS, HTTP/2, bearer token",
  apart: "HTTPS, HTTP/2, token of another host",
  streams: "HTTPS, HTTP/2, 100 streams",
  limited: "HTTPS, HTTP/2, 429 beyond 100",
  many: "HTTPS, HTTP/2, 250 streams",
};

/** @param {Protocol} protocol */
export const wantsTokens = (protocol) => protocol === "bearer" || protocol === "apart";

/** @param {Protocol} protocol */
export const isBounded = (protocol) =>
  protocol === "streams" || protocol === "limited" || protocol === "many";

/** What `streams` and `limited` take at a time. */
export const AT_ONCE = 100;
/** … and `many`. */
export const MANY_AT_ONCE = 250;
