import { Buffer } from "node:buffer";
import { spawn } from "node:child_process";
import { systemCode } from "../errors.js";

export interface RunOptions {
  readonly input: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly timeoutMs: number;
  /** In bytes. */
  readonly maxOutput: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Ending {
  readonly output: string;
  /** Why it is no success, as in `exit status 1`. */
  readonly fault?: string;
}

/**
 * Runs a program without a shell, gives it its input and waits for its end. Its stderr is not looked at. One that is
 * too slow, too talkative or no longer wanted is killed.
 * @throws what `signal` was aborted with
 */
export async function runProgram(
  file: string,
  args: readonly string[],
  options: RunOptions,
): Promise<Ending> {
  const { signal } = options;
  signal?.throwIfAborted();
  const ending = await new Promise<Ending>((resolve) => {
    const child = spawn(file, args, {
      env: { ...options.env },
      stdio: ["pipe", "pipe", "ignore"],
      windowsHide: true,
    });
    const chunks: Buffer[] = [];
    let length = 0;

    const end = (fault?: string): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      const output = Buffer.concat(chunks).toString("utf8");
      resolve(fault === undefined ? { output } : { output, fault });
    };
    // A grandchild may keep the pipe open: nothing waits for it.
    const kill = (fault: string): void => {
      child.kill("SIGKILL");
      child.stdout.destroy();
      child.stdin.destroy();
      end(fault);
    };
    const abort = (): void => {
      kill("aborted");
    };
    const timer = setTimeout(() => {
      kill(`no answer within ${options.timeoutMs / 1000} s`);
    }, options.timeoutMs);
    signal?.addEventListener("abort", abort, { once: true });

    child.stdout.on("data", (chunk: Buffer) => {
      length += chunk.byteLength;
      if (length > options.maxOutput) kill(`more than ${options.maxOutput} bytes of output`);
      else chunks.push(chunk);
    });
    child.on("error", (error) => {
      end(`cannot be started: ${systemCode(error) ?? "unknown reason"}`);
    });
    child.on("close", (status, killedBy) => {
      if (status === 0) end();
      else end(status === null ? `killed by ${killedBy ?? "a signal"}` : `exit status ${status}`);
    });
    // It may end before it has read its input; its exit status says more than EPIPE.
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input);
  });
  signal?.throwIfAborted();
  return ending;
}
