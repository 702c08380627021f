import { expect, test } from "vitest";
import { basicAuthorization } from "../../src/registry/auth/token.js";
import { expectNoSecrets, SECRETS } from "../helpers/secrets.js";

/** The check that all output of the suite goes through must be able to fail. */
test.each(Object.entries(SECRETS))("a leaked %s is noticed, in base64 too", (_name, secret) => {
  expect(() => {
    expectNoSecrets(`GET http://x/?token=${secret}`);
  }).toThrow();
  for (const user of ["a", "me", "you", "<token>"]) {
    expect(() => {
      expectNoSecrets(basicAuthorization(user, secret));
    }).toThrow();
  }
});

test("other text passes", () => {
  expectNoSecrets("HEAD https://registry.example/v2/a/manifests/v1 401 12 ms");
});
