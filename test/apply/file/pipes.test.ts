import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import type { FileOrder } from "../../../src/apply/file/fileOrder.js";
import { readLists } from "../../../src/apply/file/readLists.js";
import { formatPlace } from "../../../src/content/place.js";
import { useWorkplace } from "../../helpers/workplace.js";
import { linesOf, listFolder, listsOf } from "./listFiles.js";

const TEXT = listsOf("target: r.example/a:1\nsources: [r.example/b]");
const { folder } = listFolder();
let made = 0;

function fifo(): string {
  const path = join(folder, `fifo${++made}.yaml`);
  execFileSync("mkfifo", [path]);
  return path;
}

const read = (path: string, signal?: AbortSignal): Promise<readonly FileOrder[]> =>
  readLists([path], { env: {}, stdin: () => Readable.from([]), ...(signal && { signal }) });
const namesOf = (orders: readonly FileOrder[]): string[] =>
  orders.flatMap(({ order }) => order.targets.map(formatPlace));

describe.skipIf(process.platform === "win32")("a FIFO for a file", () => {
  const workplace = useWorkplace();

  it("is read to its end, whenever somebody begins to write", async () => {
    const path = fifo();
    const orders = read(path);
    const writer = spawn("sh", ["-c", 'sleep 0.2; (cat; sleep 0.2; echo "# end") > "$1"', "sh", path]);
    writer.stdin.end(TEXT);
    expect(namesOf(await orders)).toEqual(["r.example/a:1"]);
  });

  it("may have more in it than a pipe holds at once, up to what any file may have", async () => {
    const path = fifo();
    const written = writeFile(path, `${TEXT}# ${"x".repeat(1_000_000)}\n`);
    expect(namesOf(await read(path))).toEqual(["r.example/a:1"]);
    await written;
    const endless = fifo();
    const writer = spawn("sh", ["-c", 'cat /dev/zero > "$1"', "sh", endless]);
    const ended = once(writer, "exit");
    expect(await linesOf(() => read(endless))).toEqual([
      `${endless}: larger than 32 MiB: split it into several files, and pass each with -f`,
    ]);
    // It is closed: who writes is told.
    await ended;
  });

  it.skipIf(process.platform !== "linux")("is what <(…) makes, too", async () => {
    // Another process has it open, and /proc lends it to this one.
    const script = 'exec 3< <(sleep 0.2; echo "$1"; sleep 0.2; echo "# end"); echo $$; read -r _';
    const shell = spawn("bash", ["-c", script, "bash", TEXT], { stdio: ["pipe", "pipe", "inherit"] });
    const [pid] = (await once(shell.stdout, "data")) as [Buffer];
    expect(namesOf(await read(`/proc/${pid.toString().trim()}/fd/3`))).toEqual(["r.example/a:1"]);
    shell.stdin.end();
  });

  it("has nothing in it where its writer writes nothing", async () => {
    const path = fifo();
    const lines = linesOf(() => read(path));
    await writeFile(path, "");
    expect(await lines).toEqual([`${path}: there is nothing in it: a file of lists begins with version: 1`]);
  });

  it("to which nobody writes is waited for until Ctrl-C", async () => {
    const { status, stderr } = await workplace.runInterrupted(
      AbortSignal.timeout(300),
      "apply",
      "-f",
      fifo(),
    );
    expect({ status, stderr }).toEqual({ status: 1, stderr: "tsmanifest: interrupted\n" });
  });
});

it("standard input without an end is waited for until Ctrl-C", async () => {
  const stdin = new PassThrough();
  const reading = readLists(["-"], { env: {}, stdin: () => stdin, signal: AbortSignal.timeout(100) });
  await expect(reading).rejects.toThrow(expect.objectContaining({ name: "TimeoutError" }) as Error);
});
