import type { Context, Output } from "../../context.js";
import type { PushEvent } from "../../push/execute.js";
import type { Plan } from "../../push/plan.js";
import type { RegistryEvent } from "../../registry/createRegistry.js";
import { escapeControls } from "../text.js";
import { capabilitiesOf } from "./capabilities.js";
import { eventText, viewText } from "./plainText.js";
import { elapsed, readableTime } from "./words.js";
import { WorkState, type WorkView } from "./workState.js";

/**
 * How work is shown. `auto`: by lines that move, on a terminal where they can; `tty`: also on one of a CI system, or one
 * that does not say how wide it is; `plain`: by lines with a time, wherever; `none`: not at all.
 */
export type ProgressMode = "auto" | "tty" | "plain" | "none";

/**
 * Shows what is being done, on stderr. Nothing on a terminal before half a second has passed, nor once something has gone
 * into a pipe on stdout; and nothing in a pipe.
 */
export interface Progress {
  /**
   * What is done from now on, in words, and how many there are of it.
   * @param what `reading sources`
   */
  step(what: string, counted?: { readonly total: number; readonly unit: string }): void;
  /**
   * One more of them is done.
   * @param said which, for lines with a time: `registry.example/app:v1`
   * @param notes what is worth saying besides how many: `2 failed`
   */
  advance(said?: string, notes?: readonly string[]): void;
  /** How many of them are done by now, where it is known only on the way how many there are. */
  count(done: number, total: number, unit: string): void;
  /** What a push is going to do, once that is known. */
  expect(plans: readonly Plan[]): void;
  readonly onEvent: (event: PushEvent) => void;
  /** What happens on the wire: a registry that has to be asked again, and when. */
  readonly onWire: (event: RegistryEvent) => void;
  /** Ends it, and leaves nothing of it on a terminal. To be called before results are printed. */
  stop(): void;
}

type ProgressContext = Pick<Context, "stdout" | "stderr" | "env" | "signal" | "onSuspend">;

/** What is over sooner is not worth a word, in milliseconds. */
const QUICK_MS = 500;
/** How often a log is told how far it is, in milliseconds. */
const LOG_EVERY_MS = 5_000;

const SILENT: Progress = {
  step: () => undefined,
  advance: () => undefined,
  count: () => undefined,
  expect: () => undefined,
  onEvent: () => undefined,
  onWire: () => undefined,
  stop: () => undefined,
};

/** By the flags of a command. Where every request is told (`--debug`), those lines are the progress. */
export function progressMode(flags: {
  readonly progress: string;
  readonly quiet?: boolean;
  readonly debug?: boolean;
}): ProgressMode {
  if (flags.quiet === true) return "none";
  const mode = MODES.get(flags.progress) ?? "auto";
  return flags.debug === true && mode !== "plain" ? "none" : mode;
}

/** Those of buildx among them. */
const MODES: ReadonlyMap<string, ProgressMode> = new Map([
  ["auto", "auto"],
  ["tty", "tty"],
  ["plain", "plain"],
  ["rawjson", "plain"],
  ["none", "none"],
  ["quiet", "none"],
]);

/**
 * Begins to show a command's work. It ends by itself when the command is interrupted: how that went is for the command to
 * say.
 * @example
 * const progress = openProgress(context, progressMode(flags));
 * try {
 *   progress.step("reading lists", { total: 2, unit: "list" });
 *   await Promise.all(names.map(async (name) => { await read(name); progress.advance(name); }));
 * } finally {
 *   progress.stop();
 * }
 */
export function openProgress(context: ProgressContext, mode: ProgressMode): Progress {
  if (mode === "none" || context.signal.aborted) return SILENT;
  return mode === "plain" ? plainProgress(context) : movingProgress(context, mode === "tty");
}

/** Runs a command's work, shows it meanwhile, and takes everything away before the result is used. */
export async function withProgress<Result>(
  context: ProgressContext,
  mode: ProgressMode,
  work: (progress: Progress) => Promise<Result>,
): Promise<Result> {
  const progress = openProgress(context, mode);
  try {
    return await work(progress);
  } finally {
    progress.stop();
  }
}

function movingProgress(context: ProgressContext, isForced: boolean): Progress {
  const { env, signal, onSuspend } = context;
  let work: WorkState | undefined = new WorkState(performance.now());
  let erase: (() => void) | undefined;
  let ignoreStdout: (() => void) | undefined;

  async function begin(): Promise<void> {
    // Not before: to open the stream would delay what is quick.
    const { stderr } = context;
    const capabilities = capabilitiesOf(stderr, env);
    const { movesLines } = capabilities;
    if (movesLines === "no" || (movesLines === "onRequest" && !isForced)) {
      work = undefined;
      return;
    }
    const { stdout } = context;
    if (isPipe(stdout)) {
      if (stdout.bytesWritten !== 0) {
        work = undefined;
        return;
      }
      ignoreStdout = beforeWrite(stdout, stop);
    }
    const [{ drawMovingLines }, { coloursFor }] = await Promise.all([
      import("./movingLines.js"),
      import("./colours.js"),
    ]);
    const chalk = await coloursFor(stderr, env);
    const shown = work;
    if (shown === undefined) return;
    const view = (): WorkView => shown.at(performance.now());
    erase = drawMovingLines(stderr, { capabilities, isForced, chalk, view, onSuspend });
  }

  const timer = setTimeout(() => {
    // A terminal without progress is no reason to fail.
    begin().catch(() => undefined);
  }, QUICK_MS).unref();

  function stop(): void {
    work = undefined;
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    ignoreStdout?.();
    ignoreStdout = undefined;
    erase?.();
    erase = undefined;
  }
  signal.addEventListener("abort", stop, { once: true });

  return {
    step: (what, counted) => work?.step(what, counted),
    advance: (_said, notes) => work?.advance(notes),
    count: (done, total, unit) => work?.count({ done, total, unit }),
    expect: (plans) => work?.expect(plans),
    onEvent: (event) => work?.onEvent(event, performance.now()),
    onWire: (event) => {
      if (event.kind === "retry") work?.delay(event, performance.now());
    },
    stop,
  };
}

/**
 * Does somebody read it who may write to the same terminal (`| tee log`)? Nothing keeps that apart from lines that move, so
 * that these end when there is something to read.
 */
function isPipe({ isTTY, bytesWritten }: Output): boolean {
  return isTTY !== true && bytesWritten !== undefined;
}

/**
 * Calls back before something is written, once.
 * @returns ends that
 */
function beforeWrite(output: Output, callback: () => void): () => void {
  const write = output.write.bind(output);
  output.write = (text) => {
    callback();
    return write(text);
  };
  return () => {
    output.write = write;
  };
}

function plainProgress({ stderr, signal }: ProgressContext): Progress {
  const begunMs = performance.now();
  const work = new WorkState(begunMs);
  const copiesBegunMs = new Map<string, number>();
  const say = (text: string): void => {
    if (signal.aborted) return;
    const line = escapeControls(text).replace(/[\n\t]/g, " ");
    stderr.write(`${elapsed(performance.now() - begunMs)} ${line}\n`);
  };
  const timer = setInterval(() => {
    say(viewText(work.at(performance.now())));
  }, LOG_EVERY_MS).unref();
  return {
    step: (what, counted) => {
      work.step(what, counted);
      say(viewText(work.at(performance.now())));
    },
    advance: (said, notes) => {
      work.advance(notes);
      const [count] = work.at(performance.now()).counts;
      if (said !== undefined)
        say(count?.total === undefined ? said : `${said} (${count.done} of ${count.total})`);
    },
    count: (done, total, unit) => {
      work.count({ done, total, unit });
    },
    expect: (plans) => {
      work.expect(plans);
      say(viewText(work.at(performance.now())));
    },
    onEvent: (event) => {
      const nowMs = performance.now();
      work.onEvent(event, nowMs);
      const begun = "blob" in event ? copiesBegunMs.get(event.blob.digest) : undefined;
      if (event.kind === "copying") copiesBegunMs.set(event.blob.digest, nowMs);
      const text = eventText(event, begun === undefined ? undefined : nowMs - begun);
      if (text !== undefined) say(text);
    },
    onWire: (event) => {
      if (event.kind !== "retry") return;
      const { delayMs, why, url } = event;
      say(`${url.host} does not answer (${why}): trying again in ${readableTime(delayMs)}`);
    },
    stop: () => {
      clearInterval(timer);
    },
  };
}
