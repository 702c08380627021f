import { expect, test } from "vitest";
import { createScopes } from "../../src/registry/scopes.js";

test("the scopes of a push are the target first, since some token servers read no more, then each source once", () => {
  const scopes = createScopes([
    { path: "multi/app", actions: ["pull", "push"] },
    { path: "multi/amd64", actions: ["pull"] },
    { path: "multi/app", actions: ["pull"] },
    { path: "multi/arm64", actions: ["pull"] },
    { path: "multi/amd64", actions: ["pull"] },
  ]);
  expect(scopes.all).toEqual([
    "repository:multi/app:pull,push",
    "repository:multi/amd64:pull",
    "repository:multi/arm64:pull",
  ]);
});

test("a request has the scope of its repository as the push has it, and that of the source it reads", () => {
  const { of } = createScopes([{ path: "multi/app", actions: ["pull", "push"] }]);
  expect(of("multi/app", "pull")).toEqual(["repository:multi/app:pull,push"]);
  expect(of("multi/app", "push", "multi/amd64")).toEqual([
    "repository:multi/app:pull,push",
    "repository:multi/amd64:pull",
  ]);
  expect(of("multi/app", "pull", "multi/app")).toEqual(["repository:multi/app:pull,push"]);
  expect(of("multi/amd64", "pull")).toEqual(["repository:multi/amd64:pull"]);
});
