import { expect, test } from "vitest";
import { TransportError } from "../../../src/registry/http/transportError.js";
import { isSilence } from "../../../src/registry/retry/silence.js";

test("silence is a connection that was cut, not one that never came to be", () => {
  const url = new URL("https://registry.example/v2/");
  const cut = (code: string): TransportError =>
    new TransportError("HEAD", url, Object.assign(new Error(), { code }));
  expect(["ECONNRESET", "HPE_CR_EXPECTED"].map(cut).every(isSilence)).toBe(true);
  expect(["ECONNREFUSED", "EAI_AGAIN", "ENOTFOUND"].map(cut).some(isSilence)).toBe(false);
  expect(isSilence(new Error("a bug"))).toBe(false);
});
