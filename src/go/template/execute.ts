import { goIntValue, goStringValue, type GoValue } from "../values.js";
import { goQuote } from "../quote.js";
import { tooMuch } from "./errors.js";
import { Evaluator, type TemplateFunctions } from "./evaluate.js";
import { formatValue } from "./format.js";
import { MAX_PRINTED } from "./formatFlags.js";
import { printableValue } from "./functions.js";
import type { BranchNode, PipeNode, TemplateCallNode, TemplateNode } from "./nodes.js";
import { boxed, indirect, isTrue, unboxed, type Operand } from "./operand.js";
import type { Template } from "./parse.js";
import { sprint } from "./printf.js";
import { ExecutionState } from "./state.js";

export type { TemplateFunctions };

/**
 * What a template makes of data.
 * @param functions what it may call besides Go's own functions; the same names as given to `parseTemplate`
 * @throws USAGE with Go's message, LIMIT for a template that runs too long or prints too much
 */
export function executeTemplate(
  template: Template,
  data: GoValue,
  functions: TemplateFunctions = {},
): string {
  return new Execution(template, functions).run(data);
}

type Jump = "break" | "continue";

/** Goes through the nodes of a template. https://pkg.go.dev/text/template#hdr-Actions */
class Execution {
  readonly #template: Template;
  readonly #state: ExecutionState;
  readonly #evaluator: Evaluator;
  readonly #output: string[] = [];
  #printed = 0;

  constructor(template: Template, functions: TemplateFunctions) {
    this.#template = template;
    this.#state = new ExecutionState(template.text);
    this.#evaluator = new Evaluator(this.#state, functions);
  }

  run(data: GoValue): string {
    const dot = unboxed(data);
    this.#state.variables = [{ name: "$", value: dot }];
    this.#list(dot, this.#template.lists.get("") ?? []);
    return this.#output.join("");
  }

  #print(text: string): void {
    this.#printed += text.length;
    if (this.#printed > MAX_PRINTED) throw tooMuch(`it prints more than ${MAX_PRINTED} characters`);
    this.#output.push(text);
  }

  #list(dot: Operand, nodes: readonly TemplateNode[]): Jump | undefined {
    return this.#state.nested(() => {
      for (const node of nodes) {
        const jump = this.#walk(dot, node);
        if (jump !== undefined) return jump;
      }
      return undefined;
    });
  }

  #walk(dot: Operand, node: TemplateNode): Jump | undefined {
    this.#state.step();
    this.#state.node = node;
    switch (node.type) {
      case "text":
        this.#print(node.text);
        return undefined;
      case "action": {
        const value = this.#evaluator.pipeline(dot, node.pipe);
        if (node.pipe.variables.length === 0) this.#print(sprint([printableValue(value)]));
        return undefined;
      }
      case "break":
      case "continue":
        return node.type;
      case "if":
      case "with":
        return this.#state.inBlock(() => this.#ifOrWith(dot, node));
      case "range":
        return this.#state.inBlock(() => this.#range(dot, node));
      case "template":
        this.#call(dot, node);
        return undefined;
    }
  }

  #ifOrWith(dot: Operand, node: BranchNode): Jump | undefined {
    const value = this.#evaluator.pipeline(dot, node.pipe);
    if (!isTrue(value)) return this.#list(dot, node.elseList ?? []);
    return this.#list(node.type === "with" ? value : dot, node.list);
  }

  #range(dot: Operand, node: BranchNode): Jump | undefined {
    const operand = this.#evaluator.pipeline(dot, node.pipe);
    const value = operand && indirect(operand);
    const known = this.#state.variables.length;
    let isEmpty = true;
    for (const [key, element] of this.#elements(value, node.pipe)) {
      isEmpty = false;
      this.#state.step();
      this.#setRangeVariables(node.pipe, known, key, element);
      const jump = this.#list(element, node.list);
      this.#state.variables.length = known;
      if (jump === "break") break;
    }
    if (!isEmpty) return undefined;
    // A break here is meant for the range around this one; Go ends only this one.
    const jump = this.#list(dot, node.elseList ?? []);
    return jump === "break" ? undefined : jump;
  }

  *#elements(
    value: GoValue | undefined,
    { variables }: PipeNode,
  ): Generator<[key: Operand, element: Operand]> {
    switch (value?.kind) {
      case undefined:
        return;
      case "int":
        if (variables.length > 1) {
          this.#state.fail(`can't use ${formatValue(value)} to iterate over more than one variable`);
        }
        for (let number = 0n; number < value.value; number++) {
          yield [undefined, goIntValue(number, value.type)];
        }
        return;
      case "slice":
        for (const [at, item] of value.items.entries()) yield [goIntValue(at), boxed(item, value.ofAny)];
        return;
      case "bytes":
        for (const [at, byte] of value.value.entries()) yield [goIntValue(at), goIntValue(byte, "uint8")];
        return;
      case "map":
        for (const [key, item] of value.entries) yield [goStringValue(key), boxed(item, value.ofAny)];
        return;
      case "bool":
      case "float":
      case "nil":
      case "pointer":
      case "string":
      case "struct":
        this.#state.fail(`range can't iterate over ${formatValue(value)}`);
    }
  }

  /** One variable is the element; of two, the first is the key. They are the last declared before the block. */
  #setRangeVariables(pipe: PipeNode, known: number, key: Operand, element: Operand): void {
    const values = pipe.variables.length > 1 ? [key, element] : [element];
    for (const [at, name] of pipe.variables.entries()) {
      const declared = this.#state.variables[known - pipe.variables.length + at];
      const variable = pipe.isAssignment ? this.#state.variable(name) : declared;
      if (variable !== undefined) variable.value = values[at];
    }
  }

  #call(dot: Operand, node: TemplateCallNode): void {
    const list = this.#template.lists.get(node.name);
    if (list === undefined) this.#state.fail(`template ${goQuote(node.name)} not defined`);
    const argument = node.pipe && this.#evaluator.pipeline(dot, node.pipe);
    const [name, variables] = [this.#state.name, this.#state.variables];
    this.#state.name = node.name;
    this.#state.variables = [{ name: "$", value: argument }];
    this.#list(argument, list);
    this.#state.name = name;
    this.#state.variables = variables;
  }
}
