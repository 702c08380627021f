import { ManifestError } from "../../errors.js";
import { goQuote } from "../quote.js";
import { tooMuch } from "./errors.js";
import { printNode, type AnyNode } from "./nodes.js";
import type { Operand } from "./operand.js";

/** Templates that call each other, or branches in each other: deeper than anything people write; bounds the stack. */
const MAX_DEPTH = 500;
/** Some seconds' worth of actions: `range` over a large number would go on for years. */
const MAX_STEPS = 10_000_000;
/** Of a value that is shown in an error. */
const MAX_MESSAGE = 4096;

export interface Variable {
  readonly name: string;
  value: Operand;
}

/** Where an execution is, what it has declared, and how far it may still go. */
export class ExecutionState {
  /** The name of that template of the text which is executed. */
  name = "";
  /** What is looked at, for errors. */
  node: AnyNode | undefined;
  /** The last of a name counts. */
  variables: Variable[] = [];
  readonly #text: string;
  #steps = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  fail(what: string, cause?: unknown): never {
    const short = what.length > MAX_MESSAGE ? `${what.slice(0, MAX_MESSAGE).toWellFormed()}…` : what;
    throw new ManifestError("USAGE", `template: ${this.#where()}: ${short}`, { cause });
  }

  /** `:1:2: executing "" at <.Field>`: line and byte, the template's name, and what it says there. */
  #where(): string {
    if (this.node === undefined) return "";
    const before = this.#text.slice(0, this.node.start);
    const lineStart = before.lastIndexOf("\n") + 1;
    const line = before.split("\n").length;
    const column = Buffer.byteLength(before.slice(lineStart));
    return `:${line}:${column}: executing ${goQuote(this.name)} at <${printNode(this.node)}>`;
  }

  step(): void {
    if (++this.#steps > MAX_STEPS) throw tooMuch(`it takes more than ${MAX_STEPS} steps`);
  }

  nested<Result>(body: () => Result): Result {
    if (++this.#depth > MAX_DEPTH) throw tooMuch(`it goes more than ${MAX_DEPTH} levels deep`);
    const result = body();
    this.#depth--;
    return result;
  }

  variable(name: string): Variable {
    return this.variables.findLast((one) => one.name === name) ?? this.fail(`undefined variable: ${name}`);
  }

  /** Variables live until the end of the block that they are declared in. */
  inBlock<Result>(body: () => Result): Result {
    const known = this.variables.length;
    const result = body();
    this.variables.length = known;
    return result;
  }
}
