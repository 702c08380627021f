import type { IncomingMessage, ServerResponse } from "node:http";
import { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { Answer } from "./answer.js";

/** Node's requests and answers, of either protocol. */
export type Incoming = IncomingMessage | Http2ServerRequest;
export type Outgoing = ServerResponse | Http2ServerResponse;

/** The object that stands for a request's connection. */
export function connectionOf(request: Incoming): object {
  return request instanceof Http2ServerRequest ? (request.stream.session ?? request.stream) : request.socket;
}

/** Ends the connection at once, without an answer. */
export function cut(request: Incoming): void {
  if (request instanceof Http2ServerRequest) request.stream.session?.destroy();
  else request.socket.destroy();
}

/** Scheme, host and port as the client addressed the server; a Host that is none gives the socket's address. */
export function originOf(request: Incoming): string {
  const isHttp2 = request instanceof Http2ServerRequest;
  const host = (isHttp2 ? request.authority : request.headers.host) ?? "";
  const scheme = isHttp2 || "encrypted" in request.socket ? "https" : "http";
  const good =
    /^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/.test(host) && URL.canParse(`${scheme}://${host}`);
  return `${scheme}://${good ? host : `${request.socket.localAddress ?? "localhost"}:${request.socket.localPort ?? 0}`}`;
}

/** Writes an answer. HEAD has the length of the body it does not get. */
export function send(request: Incoming, response: Outgoing, answer: Answer): void {
  const headers = headersFor(answer);
  const body = request.method === "HEAD" ? undefined : answer.body;
  if (response instanceof Http2ServerResponse) {
    response.writeHead(answer.status, headers);
    response.end(body ?? "");
  } else {
    response.writeHead(answer.status, headers);
    response.end(body);
  }
  // What is left of a body that nobody wanted must be read, or the connection cannot carry the next request.
  request.resume();
}

/** Writes an answer's head and body, then ends the connection, whatever Content-Length promised. */
export function sendAndCut(request: Incoming, response: Outgoing, answer: Answer): void {
  const end = (): void => {
    setImmediate(cut, request);
  };
  if (response instanceof Http2ServerResponse) {
    response.writeHead(answer.status, { ...answer.headers });
    response.write(answer.body ?? "", end);
  } else {
    response.writeHead(answer.status, { ...answer.headers });
    response.write(answer.body ?? "", end);
  }
}

function headersFor({ status, headers = {}, body }: Answer): Record<string, string | string[]> {
  const named = Object.keys(headers).some((name) => name.toLowerCase() === "content-length");
  if (named || status === 204 || status === 304) return { ...headers };
  return { ...headers, "Content-Length": String(byteLength(body)) };
}

function byteLength(body: Answer["body"]): number {
  if (body === undefined) return 0;
  return typeof body === "string" ? Buffer.byteLength(body) : body.byteLength;
}
