// What a user of the package sees: the command, the library and the registry for tests, from the tarball alone.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { append, connect, copy, diff, inspect, pushList } from "tsmanifest";
import { startRegistry } from "tsmanifest/testing";

const registry = await startRegistry();
const [amd64, arm64, s390x] = ["amd64", "arm64", "s390x"].map((architecture) => {
  registry.putImage(`build/${architecture}`, { tag: "v1", os: "linux", architecture, layers: 2 });
  return `${registry.host}/build/${architecture}:v1`;
});
const digestOf = (tag) => registry.manifest("app", tag)?.digest;
const folder = await mkdtemp(join(tmpdir(), "packed-"));

const env = { ...process.env, DOCKER_CONFIG: folder };
const command = (...args) => promisify(execFile)("npx", ["tsmanifest", ...args], { env });
const list = `${registry.host}/app:command`;
await command("create", list, amd64, arm64);
const { stdout } = await command("push", "-p", list);
assert.equal(stdout.trim().split("\n").at(-1), digestOf("command"));

const connection = connect();
try {
  const name = `${registry.host}/app:library`;
  const pushed = await pushList(name, {
    from: [amd64, arm64],
    expect: ["linux/amd64", "linux/arm64"],
    connection,
  });
  assert.equal(pushed.digest, digestOf("library"));

  const { root } = await inspect(name, { connection });
  assert.deepEqual(
    root.children.map(({ platform }) => platform),
    ["linux/amd64", "linux/arm64"],
  );

  const layout = `oci-layout://${join(folder, "mirror")}:v1`;
  assert.equal((await copy(name, layout, { connection })).digest, pushed.digest);
  assert.equal((await diff(name, layout, { connection })).isSame, true);

  const { platforms } = await append(name, [s390x], { connection });
  assert.deepEqual(platforms, ["linux/amd64", "linux/arm64", "linux/s390x"]);
  assert.equal((await diff(name, layout, { connection })).isSame, false);
} finally {
  await connection.close();
  await registry.close();
}
console.log("the packed command and library work");
