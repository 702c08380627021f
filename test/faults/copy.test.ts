import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import {
  createReadStream,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
  closeSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { DOCKER_MANIFEST } from "../../src/oci/mediaTypes.js";
import { digestOf } from "../../src/oci/digest.js";
import { buildProgram, type Program } from "../helpers/program.js";
import { describeWithPrograms } from "../helpers/registryServer.js";

/**
 * A blob from one registry to another: its memory, and its speed beside that of curl. `COPY_BYTES=2147483648` makes it a
 * large one and compares the speed, too, which for a small one says nothing.
 */
const BYTES = Number(process.env["COPY_BYTES"] ?? 8 * 1024 * 1024);
const IS_LARGE = BYTES >= 1024 ** 3;
const MIB = 1024 * 1024;

interface Server {
  readonly host: string;
  readonly child: ChildProcess;
}

describeWithPrograms("a copy between two registries", ["docker-registry", "curl"], () => {
  const folder = mkdtempSync(join(tmpdir(), "copy-"));
  const servers: Server[] = [];
  let program: Program;

  beforeAll(async () => {
    program = await buildProgram();
    servers.push(await startServer("a"), await startServer("b"));
  });

  afterAll(() => {
    for (const { child } of servers) child.kill();
    program.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  async function startServer(name: string): Promise<Server> {
    const port = await freePort();
    const host = `127.0.0.1:${port}`;
    const config = join(folder, `${name}.json`);
    writeFileSync(
      config,
      JSON.stringify({
        version: 0.1,
        log: { level: "error", accesslog: { disabled: true } },
        storage: { filesystem: { rootdirectory: join(folder, name) } },
        http: { addr: host },
      }),
    );
    const child = spawn("docker-registry", ["serve", config], { stdio: "ignore" });
    for (let tries = 0; tries < 100; tries++) {
      const isUp = await fetch(`http://${host}/v2/`).then(
        () => true,
        () => false,
      );
      if (isUp) break;
      await sleep(50);
    }
    return { host, child };
  }

  it(
    `of ${BYTES} bytes takes less than 150 MiB of memory${IS_LARGE ? ", and 0.7 of curl's rate" : ""}`,
    { timeout: 600_000 },
    async () => {
      const [source = "", target = ""] = servers.map(({ host }) => host);
      const file = join(folder, "blob");
      const layer = await makeFile(file);
      const config = Buffer.from(JSON.stringify({ architecture: "amd64", os: "linux" }));
      const configFile = join(folder, "config");
      writeFileSync(configFile, config);
      upload(source, "src", file, layer);
      upload(source, "src", configFile, digestOf(config));
      const manifest = JSON.stringify({
        schemaVersion: 2,
        mediaType: DOCKER_MANIFEST,
        config: {
          mediaType: "application/vnd.docker.container.image.v1+json",
          size: config.byteLength,
          digest: digestOf(config),
        },
        layers: [
          { mediaType: "application/vnd.docker.image.rootfs.diff.tar.gzip", size: BYTES, digest: layer },
        ],
      });
      const headers = { "content-type": DOCKER_MANIFEST };
      await fetch(`http://${source}/v2/src/manifests/v1`, { method: "PUT", headers, body: manifest });

      // curl first: the source's file is then in the cache for both.
      const location = openUpload(target, "curl");
      const curlStart = performance.now();
      execFileSync("sh", [
        "-c",
        `curl -sf http://${source}/v2/src/blobs/${layer} | curl -sf -X PUT -T - -H 'content-type: application/octet-stream' '${location}digest=${layer}'`,
      ]);
      const curlMs = performance.now() - curlStart;

      // A registry would link a blob that it has under another name.
      servers[1]?.child.kill();
      rmSync(join(folder, "b"), { recursive: true });
      const empty = await startServer("b");
      servers.push(empty);
      const fresh = empty.host;
      const env = { DOCKER_CONFIG: join(folder, "docker"), HOME: folder };
      const list = `${fresh}/team/app:v1`;
      expect(await program.start(["create", list, `${source}/src:v1`], env).ended).toMatchObject({
        status: 0,
      });
      const start = performance.now();
      const pushed = await program.start(["push", "--cross-registry", list], env).ended;
      const ms = performance.now() - start;
      expect(pushed).toMatchObject({ status: 0 });
      const head = await fetch(`http://${fresh}/v2/team/app/blobs/${layer}`, { method: "HEAD" });
      expect(head.headers.get("content-length")).toBe(String(BYTES));

      const rate = (time: number): string => `${(BYTES / MIB / (time / 1000)).toFixed(0)} MiB/s`;
      console.log(
        `copied ${BYTES} bytes in ${(ms / 1000).toFixed(1)} s, ${rate(ms)} (curl | curl: ${rate(curlMs)}, ratio ${(curlMs / ms).toFixed(2)}), ` +
          `peak memory ${(pushed.peakMemory / MIB).toFixed(0)} MiB`,
      );
      expect(pushed.peakMemory).toBeLessThan(150 * MIB);
      if (IS_LARGE) expect(curlMs / ms).toBeGreaterThan(0.7);
    },
  );
});

/** A file that does not compress, and its digest. */
async function makeFile(file: string): Promise<string> {
  const piece = Buffer.alloc(MIB);
  const handle = openSync(file, "w");
  for (let at = 0; at < BYTES; at += MIB) {
    piece.writeUInt32LE(at / MIB, 0);
    writeSync(handle, piece, 0, Math.min(MIB, BYTES - at));
  }
  closeSync(handle);
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) if (Buffer.isBuffer(chunk)) hash.update(chunk);
  return `sha256:${hash.digest("hex")}`;
}

/** Where an upload's bytes go, ready for one more parameter. */
function openUpload(host: string, repository: string): string {
  const answer = execFileSync("curl", [
    "-sfi",
    "-X",
    "POST",
    `http://${host}/v2/${repository}/blobs/uploads/`,
  ]);
  const location = /^location: *(\S+)/im.exec(answer.toString())?.[1] ?? "";
  return `${location}${location.includes("?") ? "&" : "?"}`;
}

function upload(host: string, repository: string, file: string, digest: string): void {
  const location = openUpload(host, repository);
  const type = "content-type: application/octet-stream";
  execFileSync("curl", ["-sf", "-X", "PUT", "-H", type, "-T", file, `${location}digest=${digest}`]);
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        resolve(typeof address === "object" && address !== null ? address.port : 0);
      });
    });
  });
}
