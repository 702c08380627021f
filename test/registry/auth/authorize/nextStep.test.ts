import { expect, test } from "vitest";
import { nextStep, type RefusedToken, type Step } from "../../../../src/registry/auth/authorize/nextStep.js";

const [target, source, other] = ["repository:app:pull,push", "repository:lib:pull", "repository:other:pull"];
const common = [target, source, other];

/** A new token for all that the work needs, refused for the target. */
const refused: RefusedToken = {
  needed: [target],
  asked: common,
  namesMissing: false,
  error: undefined,
  mayHaveEnded: false,
  hasWorked: false,
  isAccepted: true,
};

const rows: [string, Step, Partial<RefusedToken>][] = [
  ["a new token is refused for the target", "deny", {}],
  ["an old one is", "renew", { mayHaveEnded: true }],
  ["an old one is, where none was ever accepted", "deny", { mayHaveEnded: true, isAccepted: false }],
  ["a new one is refused for a mount", "deny", { needed: [target, source] }],
  ["an old one is refused for a mount", "renew", { needed: [target, source], mayHaveEnded: true }],
  ["a source is refused with a new token", "narrow", { needed: [source] }],
  ["a source is, where no token was ever accepted", "deny", { needed: [source], isAccepted: false }],
  ["a source is with an old token, for the first time", "narrow", { needed: [source], mayHaveEnded: true }],
  ["a source is that had been let in", "renew", { needed: [source], mayHaveEnded: true, hasWorked: true }],
  ["a source is that had been let in, with a new token", "narrow", { needed: [source], hasWorked: true }],
  ["a source is refused with a token of its own", "deny", { needed: [source], asked: [source] }],
  ["it is with an old one", "renew", { needed: [source], asked: [source], mayHaveEnded: true }],
  [
    "the token has ended, the registry says",
    "renew",
    { needed: [source], mayHaveEnded: true, error: "invalid_token" },
  ],
  ["a new token has ended, the registry says", "deny", { error: "invalid_token" }],
  ["the token is good for less, the registry says", "narrow", { error: "insufficient_scope" }],
  ["that is so of an old one", "narrow", { error: "insufficient_scope", mayHaveEnded: true }],
  ["that is so for a mount", "deny", { needed: [target, source], error: "insufficient_scope" }],
  [
    "that is so for less of the target",
    "narrow",
    { needed: ["repository:app:pull"], error: "insufficient_scope" },
  ],
  ["the first scope covers what is needed", "deny", { needed: ["repository:app:pull"] }],
  ["another scope is named as missing", "extend", { namesMissing: true, error: "insufficient_scope" }],
];

test.each(rows)("when %s: %s", (_, step, changes) => {
  expect(nextStep({ ...refused, ...changes })).toBe(step);
});
