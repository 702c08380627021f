// The main job in a minute: a registry in memory, four images in it, and the real command making one name of them; step by
// step, as docker manifest does, and at once, as docker buildx imagetools does.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** @type {unknown} */
const built = await import(new URL("../dist/testing/index.js", import.meta.url).href);
const { startRegistry } = /** @type {typeof import("../src/testing/index.js")} */ (built);

const program = fileURLToPath(new URL("../bin/tsmanifest.js", import.meta.url));
const folder = await mkdtemp(join(tmpdir(), "tsmanifest-demo-"));
const registry = await startRegistry();

/**
 * Shows a command line, runs it, shows what it printed, and fails the demo if it fails.
 * @param {...string} args
 * @returns {Promise<string>} what it wrote to stdout
 */
async function tsmanifest(...args) {
  console.log(`\n$ tsmanifest ${args.map(quoted).join(" ")}`);
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...process.env, DOCKER_CONFIG: folder },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (/** @type {string} */ text) => {
    output += text;
    process.stdout.write(text);
  });
  await once(child, "close");
  if (child.exitCode !== 0)
    throw new Error(`tsmanifest ${args[0] ?? ""} ended with ${String(child.exitCode)}`);
  return output;
}

/**
 * An argument as a shell reads it.
 * @param {string} text
 */
function quoted(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** @param {string} text */
function say(text) {
  console.log(`\n# ${text}`);
}

/**
 * @param {boolean} condition
 * @param {string} what
 */
function expect(condition, what) {
  if (!condition) throw new Error(`the demo expected ${what}`);
  console.log(`# ok: ${what}`);
}

try {
  const app = `${registry.host}/demo/app`;
  const list = `${app}:v1`;
  const sources = {
    amd64: `${registry.host}/build/amd64:v1`,
    arm64: `${registry.host}/build/arm64:v1`,
    arm: `${registry.host}/build/arm:v1`,
    windows: `${registry.host}/build/windows:v1`,
  };

  say(
    `A registry in memory answers at ${registry.url}. Four builds have pushed an image each, to a repository each:`,
  );
  registry.putImage("build/amd64", {
    tag: "v1",
    os: "linux",
    architecture: "amd64",
    layers: 3,
    seed: "amd64",
  });
  registry.putImage("build/arm64", {
    tag: "v1",
    os: "linux",
    architecture: "arm64",
    layers: 3,
    seed: "arm64",
  });
  registry.putImage("build/arm", { tag: "v1", os: "linux", architecture: "arm", layers: 3, seed: "arm" });
  registry.putImage("build/windows", {
    tag: "v1",
    os: "windows",
    architecture: "amd64",
    osVersion: "10.0.20348.2849",
    layers: 1,
    foreignLayers: 1,
    seed: "windows",
  });
  for (const source of Object.values(sources)) console.log(`#   ${source}`);
  console.log("# The Windows image has a foreign layer: one that no registry gives away.");

  say("One name for all of them, on this machine only so far:");
  await tsmanifest("create", list, ...Object.values(sources));

  say("The arm image does not say which variant it is for. The list can:");
  await tsmanifest("annotate", list, sources.arm, "--variant", "v7");

  say("What push is going to send:");
  const planned = await tsmanifest("inspect", list);

  say("Blobs become known in demo/app by mounting them, then the images, then the list; the tag moves last:");
  registry.resetLog();
  const pushed = await tsmanifest("push", "--purge", list);
  const digest = pushed.trim().split("\n").at(-1) ?? "";
  console.log(
    `# ${registry.log.length} requests in three dependent steps, on ${registry.connections} connections.`,
  );

  say("What the registry has now:");
  const read = await tsmanifest("inspect", list);

  say(
    "The same at once: in CI the builds leave a folder of files that are named by digests, and the last job is",
  );
  const digests = join(folder, "digests");
  await mkdir(digests);
  const images = registry
    .manifests("demo/app")
    .filter((digest) => digest !== pushed.trim().split("\n").at(-1));
  for (const digest of images) await writeFile(join(digests, digest.replace("sha256:", "")), "");
  await tsmanifest(
    ...["imagetools", "create", "--from", digests, "-t", `${app}:v2`, "-t", `${app}:latest`],
    ...["--expect", "linux/amd64,linux/arm64,linux/arm,windows/amd64"],
  );
  await tsmanifest(
    ...["imagetools", "inspect", `${app}:latest`, "--format"],
    "{{range .Manifest.Manifests}}{{.Platform.OS}}/{{.Platform.Architecture}} {{.Digest}}{{println}}{{end}}",
  );

  say("And many lists at once, of a file; where everything is as it should be, it asks and sends nothing:");
  const file = join(folder, "lists.yaml");
  const image = (/** @type {string} */ name) => `${registry.host}/build/${name}:v1`;
  await writeFile(
    file,
    [
      "version: 1",
      "lists:",
      `  - target: ${registry.host}/demo/tools:\${VERSION}`,
      "    tags: [stable]",
      `    sources: [${image("amd64")}, ${image("arm64")}]`,
      "    expect: [linux/amd64, linux/arm64]",
      `  - target: ${registry.host}/demo/mirror:\${VERSION}`,
      `    sources: [${registry.host}/demo/tools:\${VERSION}]`,
      "",
    ].join("\n"),
  );
  console.log((await readFile(file, "utf8")).trimEnd());
  process.env["VERSION"] = "2";
  await tsmanifest("apply", "-f", file);
  registry.resetLog();
  await tsmanifest("apply", "-f", file, "--quiet");
  const sent = registry.log.filter(({ method }) => method !== "GET" && method !== "HEAD");

  console.log();
  const stored = registry.manifest("demo/app", "v1");
  expect(read === planned, "the registry to show what was planned");
  expect(stored?.digest === digest, `the tag v1 to point at ${digest}`);
  expect(registry.manifests("demo/app").length === 6, "two lists and their four images in demo/app");
  const [second, latest] = ["v2", "latest"].map((tag) => registry.manifest("demo/app", tag)?.digest);
  expect(second !== undefined && second === latest, "the tags v2 and latest to point at one list");
  const [tools, mirror] = ["demo/tools", "demo/mirror"].map((path) => registry.manifest(path, "2")?.digest);
  expect(tools !== undefined && tools === mirror, "one list of the file to be made of the other");
  expect(sent.length === 0, "the file to be applied again without sending anything");
  const left = (await readdir(join(folder, "manifests"))).filter((name) => !name.startsWith("."));
  expect(left.length === 0, "no local list, since push was told to --purge it");
} finally {
  await registry.close();
  await rm(folder, { recursive: true, force: true });
}
