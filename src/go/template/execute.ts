import { hasCode, ManifestError, messageOf } from "../../errors.js";
import { goQuote } from "../quote.js";
import {
  ANY,
  goBoolValue,
  goFloatValue,
  goIntValue,
  goNil,
  goStringValue,
  type GoFunction,
  type GoValue,
} from "../values.js";
import { tooMuch } from "./errors.js";
import { formatValue, MAX_PRINTED, methodsOf, sprint } from "./format.js";
import {
  BUILTINS,
  fromGoFunction,
  printable,
  type ParameterType,
  type TemplateFunction,
} from "./functions.js";
import {
  printNode,
  type AnyNode,
  type BranchNode,
  type ChainNode,
  type CommandNode,
  type ConstantNode,
  type FieldNode,
  type NameNode,
  type NumberNode,
  type OperandNode,
  type PipeNode,
  type TemplateCallNode,
  type TemplateNode,
  type VariableNode,
} from "./nodes.js";
import { boxed, fieldNamed, indirect, isTrue, typeOf, unboxed, type Operand } from "./operand.js";
import type { Template } from "./parse.js";

/** Templates that call each other, or branches in each other: deeper than anything people write; bounds the stack. */
const MAX_DEPTH = 500;
/** Some seconds' worth of actions: `range` over a large number would go on for years. */
const MAX_STEPS = 10_000_000;

export type TemplateFunctions = Readonly<Record<string, GoFunction>>;

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

interface Variable {
  readonly name: string;
  value: Operand;
}

/** One argument more, behind those that are written: the result of the command before in a pipeline. */
interface PipedArgument {
  readonly value: Operand;
}

type Jump = "break" | "continue";

class Execution {
  readonly #template: Template;
  readonly #functions: ReadonlyMap<string, TemplateFunction>;
  readonly #output: string[] = [];
  #printed = 0;
  #steps = 0;
  #depth = 0;
  /** Which of the templates in the text this is. */
  #name = "";
  /** Where we are, for errors. */
  #node: AnyNode | undefined;
  #variables: Variable[] = [];

  constructor(template: Template, functions: TemplateFunctions) {
    this.#template = template;
    const given = Object.entries(functions).map(([name, one]) => [name, fromGoFunction(one)] as const);
    this.#functions = new Map([...BUILTINS, ...given]);
  }

  run(data: GoValue): string {
    const dot = unboxed(data);
    this.#variables = [{ name: "$", value: dot }];
    this.#list(dot, this.#template.lists.get("") ?? []);
    return this.#output.join("");
  }

  #fail(what: string, cause?: unknown): never {
    throw new ManifestError("USAGE", `template: ${this.#where()}: ${what}`, { cause });
  }

  /** `:1:2: executing "" at <.Field>`: line and byte, the template's name, and what it says there. */
  #where(): string {
    const node = this.#node;
    if (node === undefined) return "";
    const before = this.#template.text.slice(0, node.start);
    const lineStart = before.lastIndexOf("\n") + 1;
    const line = before.split("\n").length;
    const column = Buffer.byteLength(before.slice(lineStart));
    return `:${line}:${column}: executing ${goQuote(this.#name)} at <${printNode(node)}>`;
  }

  #step(): void {
    if (++this.#steps > MAX_STEPS) throw tooMuch(`it takes more than ${MAX_STEPS} steps`);
  }

  #nested<Result>(body: () => Result): Result {
    if (++this.#depth > MAX_DEPTH) throw tooMuch(`it goes more than ${MAX_DEPTH} levels deep`);
    const result = body();
    this.#depth--;
    return result;
  }

  #print(text: string): void {
    this.#printed += text.length;
    if (this.#printed > MAX_PRINTED) throw tooMuch(`it prints more than ${MAX_PRINTED} characters`);
    this.#output.push(text);
  }

  #list(dot: Operand, nodes: readonly TemplateNode[]): Jump | undefined {
    return this.#nested(() => {
      for (const node of nodes) {
        const jump = this.#walk(dot, node);
        if (jump !== undefined) return jump;
      }
      return undefined;
    });
  }

  #walk(dot: Operand, node: TemplateNode): Jump | undefined {
    this.#step();
    this.#node = node;
    switch (node.type) {
      case "text":
        this.#print(node.text);
        return undefined;
      case "action": {
        const value = this.#pipeline(dot, node.pipe);
        if (node.pipe.variables.length === 0) this.#print(sprint([printable(value)]));
        return undefined;
      }
      case "break":
      case "continue":
        return node.type;
      case "if":
      case "with":
        return this.#inBlock(() => this.#ifOrWith(dot, node));
      case "range":
        return this.#inBlock(() => this.#range(dot, node));
      case "template":
        this.#call(dot, node);
        return undefined;
    }
  }

  /** Variables live until the end of the block that they are declared in. */
  #inBlock<Result>(body: () => Result): Result {
    const known = this.#variables.length;
    const result = body();
    this.#variables.length = known;
    return result;
  }

  #ifOrWith(dot: Operand, node: BranchNode): Jump | undefined {
    const value = this.#pipeline(dot, node.pipe);
    if (!isTrue(value)) return this.#list(dot, node.elseList ?? []);
    return this.#list(node.type === "with" ? value : dot, node.list);
  }

  #range(dot: Operand, node: BranchNode): Jump | undefined {
    const operand = this.#pipeline(dot, node.pipe);
    const value = operand && indirect(operand);
    const known = this.#variables.length;
    let isEmpty = true;
    for (const [key, element] of this.#elements(value, node.pipe)) {
      isEmpty = false;
      this.#step();
      this.#setRangeVariables(node.pipe, known, key, element);
      const jump = this.#list(element, node.list);
      this.#variables.length = known;
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
          this.#fail(`can't use ${formatValue(value)} to iterate over more than one variable`);
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
        this.#fail(`range can't iterate over ${formatValue(value)}`);
    }
  }

  /** One variable is the element; of two, the first is the key. They are the last declared before the block. */
  #setRangeVariables(pipe: PipeNode, known: number, key: Operand, element: Operand): void {
    const values = pipe.variables.length > 1 ? [key, element] : [element];
    for (const [at, name] of pipe.variables.entries()) {
      const declared = this.#variables[known - pipe.variables.length + at];
      const variable = pipe.isAssignment ? this.#variable(name) : declared;
      if (variable !== undefined) variable.value = values[at];
    }
  }

  #call(dot: Operand, node: TemplateCallNode): void {
    const list = this.#template.lists.get(node.name);
    if (list === undefined) this.#fail(`template ${goQuote(node.name)} not defined`);
    const argument = node.pipe && this.#pipeline(dot, node.pipe);
    const [name, variables] = [this.#name, this.#variables];
    this.#name = node.name;
    this.#variables = [{ name: "$", value: argument }];
    this.#list(argument, list);
    this.#name = name;
    this.#variables = variables;
  }

  #pipeline(dot: Operand, pipe: PipeNode): Operand {
    this.#node = pipe;
    let piped: PipedArgument | undefined;
    for (const command of pipe.commands) piped = { value: unboxed(this.#command(dot, command, piped)) };
    const value = piped?.value;
    for (const name of pipe.variables) {
      if (pipe.isAssignment) this.#variable(name).value = value;
      else this.#variables.push({ name, value });
    }
    return value;
  }

  #variable(name: string): Variable {
    return this.#variables.findLast((one) => one.name === name) ?? this.#fail(`undefined variable: ${name}`);
  }

  #command(dot: Operand, command: CommandNode, piped: PipedArgument | undefined): Operand {
    this.#step();
    const { first, args } = command;
    switch (first.type) {
      case "field":
        return this.#field(dot, first, args, piped);
      case "chain":
        return this.#chain(dot, first, args, piped);
      case "identifier":
        return this.#function(dot, first, command, args, piped);
      case "variable":
        return this.#variableFields(dot, first, args, piped);
      case "pipe":
        this.#refuseArguments(first, args, piped);
        return this.#nested(() => this.#pipeline(dot, first));
      case "nil":
      case "dot":
        this.#node = first;
        this.#refuseArguments(first, args, piped);
        return first.type === "dot" ? dot : this.#fail("nil is not a command");
      case "bool":
      case "number":
      case "string":
        this.#node = first;
        this.#refuseArguments(first, args, piped);
        return this.#constant(first);
    }
  }

  #refuseArguments(node: OperandNode, args: readonly OperandNode[], piped: PipedArgument | undefined): void {
    if (args.length > 0 || piped !== undefined) {
      this.#fail(`can't give argument to non-function ${printNode(node)}`);
    }
  }

  #constant(node: ConstantNode): Operand {
    switch (node.type) {
      case "bool":
        return goBoolValue(node.value);
      case "string":
        return goStringValue(node.value);
      case "number":
        return this.#number(node);
    }
  }

  #number(node: NumberNode): Operand {
    this.#node = node;
    const { int, float, isFloat } = node.number;
    if (isFloat) return goFloatValue(float);
    return int === undefined ? this.#fail(`${node.text} overflows int`) : goIntValue(int);
  }

  #field(dot: Operand, node: FieldNode, args: readonly OperandNode[], piped?: PipedArgument): Operand {
    this.#node = node;
    return this.#fields(dot, dot, node, node.fields, args, piped);
  }

  #chain(dot: Operand, node: ChainNode, args: readonly OperandNode[], piped?: PipedArgument): Operand {
    this.#node = node;
    const receiver = this.#argument(dot, undefined, node.of);
    return this.#fields(dot, receiver, node, node.fields, args, piped);
  }

  #variableFields(
    dot: Operand,
    node: VariableNode,
    args: readonly OperandNode[],
    piped?: PipedArgument,
  ): Operand {
    this.#node = node;
    const { value } = this.#variable(node.name);
    if (node.fields.length > 0) return this.#fields(dot, value, node, node.fields, args, piped);
    this.#refuseArguments(node, args, piped);
    return value;
  }

  /** Goes from field to field; arguments are for the last, which may be a method. */
  #fields(
    dot: Operand,
    receiver: Operand,
    node: AnyNode,
    names: readonly string[],
    args: readonly OperandNode[],
    piped: PipedArgument | undefined,
  ): Operand {
    let value = receiver;
    for (const [at, name] of names.entries()) {
      const isLast = at === names.length - 1;
      value = this.#fieldOf(dot, value, node, name, isLast ? args : [], isLast ? piped : undefined);
    }
    return value;
  }

  #fieldOf(
    dot: Operand,
    receiver: Operand,
    node: AnyNode,
    name: string,
    args: readonly OperandNode[],
    piped: PipedArgument | undefined,
  ): Operand {
    if (receiver === undefined) return undefined;
    const type = typeOf(receiver);
    const value = indirect(receiver);
    if (value.kind === "nil") this.#fail(`nil pointer evaluating ${type}.${name}`);
    const method = methodsOf(value)?.get(name);
    if (method !== undefined) return this.#apply(dot, fromGoFunction(method), node, name, args, piped);

    const hasArguments = args.length > 0 || piped !== undefined;
    if (value.kind === "struct") {
      const field = fieldNamed(value, name);
      if (field !== undefined) {
        if (hasArguments) this.#fail(`${name} has arguments but cannot be invoked as function`);
        return boxed(field.value, field.isAny);
      }
    }
    if (value.kind === "map") {
      if (hasArguments) this.#fail(`${name} is not a method but has arguments`);
      const item = value.entries.get(name);
      return item && boxed(item, value.ofAny);
    }
    if (value.kind === "pointer") {
      const isKnown = value.to.kind !== "struct" || fieldNamed(value.to, name) !== undefined;
      if (isKnown || methodsOf(value.to)?.has(name)) this.#fail(`nil pointer evaluating ${type}.${name}`);
    }
    return this.#fail(`can't evaluate field ${name} in type ${type}`);
  }

  #function(
    dot: Operand,
    node: NameNode,
    where: AnyNode,
    args: readonly OperandNode[],
    piped?: PipedArgument,
  ): Operand {
    this.#node = node;
    const found = this.#functions.get(node.name);
    if (found === undefined) return this.#fail(`${goQuote(node.name)} is not a defined function`);
    return this.#apply(dot, found, where, node.name, args, piped);
  }

  #apply(
    dot: Operand,
    { params, variadic, call }: TemplateFunction,
    where: AnyNode,
    name: string,
    args: readonly OperandNode[],
    piped: PipedArgument | undefined,
  ): Operand {
    const count = args.length + (piped === undefined ? 0 : 1);
    const least = params.length - 1;
    if (variadic && count < least) {
      this.#fail(`wrong number of args for ${name}: want at least ${least} got ${args.length}`);
    }
    if (!variadic && count !== params.length) {
      this.#fail(`wrong number of args for ${name}: want ${params.length} got ${count}`);
    }
    if (BUILTINS.get(name)?.call === call && (name === "and" || name === "or")) {
      return this.#andOr(dot, name, args, piped);
    }
    const typeAt = (at: number): ParameterType | undefined => params[Math.min(at, params.length - 1)];
    const values = args.map((arg, at) => this.#argument(dot, typeAt(at), arg));
    if (piped !== undefined) values.push(this.#checked(piped.value, typeAt(args.length)));
    try {
      return this.#bounded(call(values));
    } catch (error) {
      if (hasCode(error, "LIMIT", "USAGE")) throw error;
      this.#node = where;
      return this.#fail(`error calling ${name}: ${messageOf(error)}`, error);
    }
  }

  /** A text that grows in a loop is stopped before it is printed. */
  #bounded(result: Operand): Operand {
    if (result?.kind === "string" && result.value.length > MAX_PRINTED) {
      throw tooMuch(`a text in it has more than ${MAX_PRINTED} characters`);
    }
    return result;
  }

  /** The first operand that decides, or the last. */
  #andOr(
    dot: Operand,
    name: "and" | "or",
    args: readonly OperandNode[],
    piped: PipedArgument | undefined,
  ): Operand {
    let value: Operand;
    for (const arg of args) {
      value = this.#argument(dot, "reflect.Value", arg);
      if (isTrue(value) === (name === "or")) return value;
    }
    return piped === undefined ? value : piped.value;
  }

  /** An argument for a parameter of this type; of any, where it is only to be looked into. */
  #argument(dot: Operand, type: ParameterType | undefined, node: OperandNode): Operand {
    this.#step();
    this.#node = node;
    switch (node.type) {
      case "dot":
        return this.#checked(dot, type);
      case "nil":
        if (type === "string" || type === "int") this.#fail(`cannot assign nil to ${type}`);
        return type === ANY ? goNil : undefined;
      case "field":
        return this.#checked(this.#field(dot, node, []), type);
      case "variable":
        return this.#checked(this.#variableFields(dot, node, []), type);
      case "pipe":
        return this.#checked(
          this.#nested(() => this.#pipeline(dot, node)),
          type,
        );
      case "identifier":
        return this.#checked(this.#function(dot, node, node, []), type);
      case "chain":
        return this.#checked(this.#chain(dot, node, []), type);
      case "bool":
      case "number":
      case "string":
        return this.#constantOf(type, node);
    }
  }

  #constantOf(type: ParameterType | undefined, node: ConstantNode): Operand {
    if (type === "string" && node.type !== "string") this.#fail(`expected string; found ${printNode(node)}`);
    if (type !== "int") return this.#constant(node);
    const int = node.type === "number" ? node.number.int : undefined;
    return int === undefined ? this.#fail(`expected integer; found ${printNode(node)}`) : goIntValue(int);
  }

  /** A value as a parameter takes it; a pointer to such a value will do. */
  #checked(operand: Operand, type: ParameterType | undefined): Operand {
    if (type === undefined || type === "reflect.Value") return operand;
    if (type === ANY) return operand ?? goNil;
    if (operand === undefined) this.#fail(`invalid value; expected ${type}`);
    const value = operand.kind === "any" ? operand.value : operand;
    if (value.type === type) return value;
    if (value.kind !== "pointer" || value.to.type !== type) {
      return this.#fail(`wrong type for value; expected ${type}; got ${value.type}`);
    }
    return value.isNil ? this.#fail(`dereference of nil pointer of type ${type}`) : value.to;
  }
}
