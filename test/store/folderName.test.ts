import { describe, expect, it } from "vitest";
import { formatReference, parseReference } from "../../src/oci/reference.js";
import { nameOfFolder } from "../../src/store/folderName.js";
import { storeName } from "../../src/store/names.js";

const told = (folder: string, ...entries: string[]) => {
  const found = nameOfFolder(folder, entries.map(parseReference));
  return found && `${formatReference(found.name)}${found.isGuessed ? " ?" : ""}`;
};
const folderOf = (name: string) => storeName(parseReference(name));

describe("the name of a list that docker made", () => {
  it.each([
    ["app", "docker.io/library/app:latest"],
    ["app:v1", "docker.io/library/app:v1"],
    ["x.example/app:v1", "x.example/app:v1"],
    ["a_b.c/d:v1", "a_b.c/d:v1"],
    [`x.example/app@sha256:${"a".repeat(64)}`, `x.example/app@sha256:${"a".repeat(64)}`],
    ["localhost:5000/app:latest", "localhost:5000/app:latest"],
    ["[::1]:5000/app:v1", "[::1]:5000/app:v1"],
  ])("is told from its folder where only one is possible: %s", (name, expected) => {
    expect(told(folderOf(name))).toBe(expected);
  });

  it.each([
    ["x.example/team/app:v1"],
    ["127.0.0.1:5001/multi/app:v1"],
    ["[2001:db8::7]/team/app:v1"],
    [`x.example/app__b:v1@sha512:${"b".repeat(128)}`],
    ["x.example/my-app:1.0-alpine"],
    ["x.example/my-app:latest"],
    ["x.example:443/a/b/c/d:v1.2.3-rc1"],
    [`x.example/team/app@sha256:${"a".repeat(64)}`],
    ["team/app:v1-1"],
  ])("is guessed where several are, the likeliest: %s", (name) => {
    const whole = formatReference(parseReference(name));
    expect(told(folderOf(name))).toBe(`${whole} ?`);
  });

  it.each([
    ["x.example/team_a/my-app:v1", "x.example/team_a/my-app-amd64:v1"],
    ["x.example/app-v2:nightly", "x.example/app-v2:nightly-arm64"],
    ["x.example/app:a-b-c", "x.example/app:a-amd64"],
    ["host-5000.example-5000/app:v1", "host-5000.example-5000/app:v1-amd64"],
  ])("is guessed after the names of its entries: %s, of %s", (name, entry) => {
    expect(told(folderOf(name), "other.example/app:v1", entry)).toMatch(name);
  });

  it.each([
    ["app"],
    ["x.example_app"],
    [".tsmanifest"],
    [""],
    ["a-b-c"],
    ["x.example_App-v1"],
    ["notes.txt"],
    ["a\u001bb"],
  ])("is none where docker makes no such folder: %j", (folder) => {
    expect(told(folder)).toBeUndefined();
  });

  it("always leads to the folder, also from one of nothing but dashes and underscores, in a moment", () => {
    for (const folder of ["x.y_" + "a-_".repeat(80) + "b", "x.y_" + "a_".repeat(80) + "-".repeat(40) + "b"]) {
      const found = nameOfFolder(folder, []);
      if (found !== undefined) expect(storeName(found.name)).toBe(folder);
    }
  });
});
