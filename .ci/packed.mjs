// What a user of the package sees: the command, the library and the registry for tests, from the tarball alone.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  accessesOf,
  addEntries,
  createRegistry,
  emptyDraft,
  execute,
  parseReference,
  plan,
  registrySource,
  SourceReader,
} from "tsmanifest";
import { startRegistry } from "tsmanifest/testing";

const registry = await startRegistry();
const sources = ["amd64", "arm64"].map((architecture) => {
  registry.putImage(`build/${architecture}`, { tag: "v1", os: "linux", architecture, layers: 2 });
  return `${registry.host}/build/${architecture}:v1`;
});

const env = { ...process.env, DOCKER_CONFIG: await mkdtemp(join(tmpdir(), "packed-")) };
const command = (...args) => promisify(execFile)("npx", ["tsmanifest", ...args], { env });
const list = `${registry.host}/app:command`;
await command("create", list, ...sources);
const { stdout } = await command("push", "-p", list);
assert.equal(stdout.trim().split("\n").at(-1), registry.manifest("app", "command")?.digest);

const target = parseReference(`${registry.host}/app:library`);
const client = await createRegistry({ domain: target.domain });
const read = client.session({ access: [] });
const reader = new SourceReader();
const entries = await Promise.all(
  sources.map((source) => {
    const ref = parseReference(source);
    return reader.entries(registrySource(ref, read.repository(ref.path)));
  }),
);
const planned = plan(addEntries(emptyDraft(target), entries.flat()));
const access = accessesOf(planned).map(({ location, actions }) => ({ path: location.path, actions }));
const session = client.session({ access });
const { digest } = await execute(planned, ({ path }) => session.repository(path));
assert.equal(digest, registry.manifest("app", "library")?.digest);

await client.close();
await registry.close();
console.log("the packed command and library work");
