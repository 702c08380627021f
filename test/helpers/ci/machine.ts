import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import * as z from "zod/mini";
import { VERSION } from "../../../src/version.js";
import { listen } from "../peer.js";
import type { Program } from "../program.js";

export type Env = Readonly<Record<string, string>>;

/** A call of a program that the tests stand in for. */
export interface ProgramCall {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string;
}

export interface ProgramAnswer {
  readonly status: number;
  readonly stdout?: string;
  readonly stderr?: string;
}

/** Stands in for programs of others: what it throws is what the program prints before it fails. */
export type StandIn = (call: ProgramCall) => Promise<string> | string;

/** A job's machine of its own: nothing is on it but what the job puts there. */
export interface Machine {
  readonly home: string;
  /** Where the job's commands run. */
  readonly work: string;
}

/** Where jobs run: machines without end, each with the program, with npx, and with stand-ins for all else. */
export interface Lab {
  /** The folder that the programs are in. */
  readonly bin: string;
  /** The calls of the program that have run, by their marks. */
  ran(): string[];
  machine(): Machine;
  /** A new folder: for what jobs hand on to each other. */
  folder(): string;
  /** Runs a command line; throws with all that it printed where it fails. What it prints on stdout. */
  run(machine: Machine, command: readonly [string, ...string[]], env: Env): Promise<string>;
  close(): Promise<void>;
}

const Call = z.strictObject({
  program: z.string(),
  args: z.array(z.string()),
  cwd: z.string(),
  env: z.record(z.string(), z.string()),
  stdin: z.string(),
});

/** What pages tell npx: the version of this package without what a patch may change. */
export const NPX_VERSION = VERSION.replace(/\.\d+$/, "");

/** `secrets` are what no job may print, and no CI system masks: a password in base64. */
export async function openLab(
  program: Program,
  standIns: Readonly<Record<string, StandIn>>,
  secrets: readonly string[],
): Promise<Lab> {
  const root = mkdtempSync(join(tmpdir(), "ci-"));
  const bin = join(root, "bin");
  mkdirSync(bin);
  const log = join(root, "ran");
  writeFileSync(log, "");

  const server = createServer((request, response) => {
    void answerCall(request, standIns).then((answer) => {
      response.end(JSON.stringify(answer));
    });
  });
  const { port, close } = await listen(server);
  const put = (name: string, script: string): void => {
    writeFileSync(join(bin, name), script);
    chmodSync(join(bin, name), 0o755);
  };
  put("tsmanifest", tsmanifestScript(program.file, log));
  put("npx", npxScript());
  for (const name of Object.keys(standIns)) put(name, standInScript(name, port));

  let folders = 0;
  const folder = (): string => {
    const made = join(root, String(folders++));
    mkdirSync(made);
    return made;
  };
  return {
    bin,
    ran: () => readFileSync(log, "utf8").split("\n").filter(Boolean),
    machine: () => {
      const disk = folder();
      const machine = { home: join(disk, "home"), work: join(disk, "work") };
      for (const one of Object.values(machine)) mkdirSync(one);
      return machine;
    },
    folder,
    run: async (machine, command, env) => {
      const PATH = [bin, process.env["PATH"] ?? ""].join(delimiter);
      const { stdout, all } = await runOn(machine, command, { PATH, HOME: machine.home, ...env });
      if (secrets.some((secret) => all.includes(secret))) throw new Error(`a job prints its login: ${all}`);
      return stdout;
    },
    close: async () => {
      await close();
      rmSync(root, { recursive: true });
    },
  };
}

/** Writes a file on a machine, with the folders that it is in. */
export function putFile(machine: Machine, path: string, content: string): void {
  const file = join(machine.work, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

/** `NAME=value` a line, as jobs write variables and outputs into files. */
export function assignmentsIn(text: string): Env {
  const lines = text.split("\n").filter(Boolean);
  return Object.fromEntries(
    lines.map((line): [string, string] => {
      const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
      if (name === undefined || value === undefined) throw new Error(`not NAME=value: ${line}`);
      return [name, value];
    }),
  );
}

interface Printed {
  readonly stdout: string;
  /** What was printed on stderr as well, in the order in which it came. */
  readonly all: string;
}

function runOn(
  machine: Machine,
  [file, ...args]: readonly [string, ...string[]],
  env: Env,
): Promise<Printed> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd: machine.work, env, stdio: ["ignore", "pipe", "pipe"] });
    const [stdout, all]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on("data", (chunk: Buffer) => {
      stdout.push(chunk);
      all.push(chunk);
    });
    child.stderr.on("data", (chunk: Buffer) => all.push(chunk));
    child.on("error", reject);
    child.on("close", (status) => {
      const printed = { stdout: Buffer.concat(stdout).toString(), all: Buffer.concat(all).toString() };
      if (status === 0) resolve(printed);
      else reject(new Error(`${[file, ...args].join(" ")}: exit ${status}\n${printed.all}`));
    });
  });
}

async function answerCall(
  request: IncomingMessage,
  standIns: Readonly<Record<string, StandIn>>,
): Promise<ProgramAnswer> {
  const call = Call.parse(JSON.parse(await text(request)));
  try {
    const standIn = standIns[call.program];
    if (standIn === undefined) throw new Error("nobody stands in for it");
    return { status: 0, stdout: await standIn(call) };
  } catch (error) {
    return { status: 1, stderr: `${call.program} (a stand-in): ${String(error)}\n` };
  }
}

function tsmanifestScript(file: string, log: string): string {
  return `#!/bin/sh
case "$1" in @*) echo "$1" >> '${log}'; shift ;; esac
exec '${process.execPath}' '${file}' "$@"
`;
}

function npxScript(): string {
  return `#!/bin/sh
if [ "$1 $2" != "--yes tsmanifest@${NPX_VERSION}" ]; then
  echo "npx $*: not npx --yes tsmanifest@${NPX_VERSION}" >&2
  exit 97
fi
shift 2
exec tsmanifest "$@"
`;
}

function standInScript(name: string, port: number): string {
  return `#!${process.execPath}
const chunks = [];
process.stdin.on("data", (chunk) => chunks.push(chunk)).on("end", async () => {
  const call = {
    program: ${JSON.stringify(name)},
    args: process.argv.slice(2),
    cwd: process.cwd(),
    env: process.env,
    stdin: Buffer.concat(chunks).toString(),
  };
  const response = await fetch("http://127.0.0.1:${port}", { method: "POST", body: JSON.stringify(call) });
  const { status, stdout = "", stderr = "" } = await response.json();
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  process.exitCode = status;
});
`;
}
