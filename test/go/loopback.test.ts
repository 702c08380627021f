import { expect, test } from "vitest";
import { isLoopback } from "../../src/go/loopback.js";

test.each([
  ["localhost", true],
  ["LOCALHOST", true],
  ["127.0.0.1", true],
  ["127.255.0.9", true],
  ["[::1]", true],
  ["::1", true],
  [new URL("http://[::ffff:127.0.0.1]/").hostname, true],
  ["::ffff:127.0.0.1", true],
  ["128.0.0.1", false],
  ["127.example.com", false],
  ["127.0.0.1.example.com", false],
  ["my-localhost", false],
  ["registry.localhost", false],
  ["::", false],
  ["0.0.0.0", false],
  ["", false],
])("%s means the machine itself: %s", (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
});
