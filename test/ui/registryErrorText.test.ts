import { describe, expect, test } from "vitest";
import { RegistryError } from "../../src/registry/http/registryError.js";
import { dockerText, requestLine } from "../../src/ui/registryErrorText.js";

const url = new URL("https://registry.example/v2/app/manifests/v1");

const errorFor = (status: number, body: string, challenge?: string): RegistryError =>
  new RegistryError("PUT", {
    status,
    headers: challenge === undefined ? {} : { "www-authenticate": challenge },
    url,
    redirected: false,
    body: Buffer.from(body),
  });

/** As docker 28.2.2 prints them. */
describe("docker's words", () => {
  test.each([
    ["a code alone", 403, '{"errors":[{"code":"DENIED"}]}', "denied"],
    [
      "a code and its usual message",
      404,
      '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}',
      "manifest unknown",
    ],
    [
      "a code and a message of its own",
      403,
      '{"errors":[{"code":"DENIED","message":"read only"}]}',
      "denied: read only",
    ],
    [
      "a code and a detail",
      404,
      '{"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known to registry","detail":{}}]}',
      "name unknown: repository name not known to registry",
    ],
    ["an unknown code", 400, '{"errors":[{"code":"ODD","message":"x"}]}', "unknown: x"],
    [
      "several",
      400,
      '{"errors":[{"code":"DENIED"},{"code":"ODD","message":"x"}]}',
      "errors:\ndenied\nunknown: x\n",
    ],
    ["text with a 429", 429, "slow down\n", "toomanyrequests: slow down"],
    ["text with a 401", 401, "go away", "unauthorized: authentication required"],
    [
      "text with another 4xx",
      404,
      "what?",
      'error parsing HTTP 404 response body: no error details found in HTTP response body: "what?"',
    ],
    ["an empty 4xx", 400, "", 'error parsing HTTP 400 response body: the body is empty: ""'],
    [
      "a 5xx",
      500,
      '{"errors":[{"code":"DENIED"}]}',
      "received unexpected HTTP status: 500 Internal Server Error",
    ],
    ["a success that is none", 200, "<html>", "received unexpected HTTP status: 200 OK"],
    ["a status nobody knows", 599, "", "received unexpected HTTP status: 599"],
  ])("for %s", (_name, status, body, expected) => {
    expect(dockerText(errorFor(status, body))).toBe(expected);
  });

  test("for what a challenge says", () => {
    const error = errorFor(401, "", 'Bearer realm="https://x/t",error="invalid_token"');
    expect(dockerText(error)).toBe("unauthorized: authentication required");
  });

  test("are followed by the request and what to do", () => {
    expect(requestLine(errorFor(415, ""))).toBe(
      "PUT https://registry.example/v2/app/manifests/v1 answered 415; the registry does not take manifests of this type: try push --type docker or --type oci",
    );
    expect(requestLine(errorFor(500, ""))).toBe(
      "PUT https://registry.example/v2/app/manifests/v1 answered 500",
    );
  });
});
