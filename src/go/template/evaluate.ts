import { hasCode, messageOf } from "../../errors.js";
import { goQuote } from "../quote.js";
import {
  ANY,
  goBoolValue,
  goFloatValue,
  goIntValue,
  goNil,
  goStringValue,
  type GoFunction,
} from "../values.js";
import { tooMuch } from "./errors.js";
import { methodsOf } from "./format.js";
import { MAX_PRINTED } from "./formatFlags.js";
import { BUILTINS, fromGoFunction, type ParameterType, type TemplateFunction } from "./functions.js";
import {
  printNode,
  type AnyNode,
  type ChainNode,
  type CommandNode,
  type ConstantNode,
  type FieldNode,
  type NameNode,
  type NumberNode,
  type OperandNode,
  type PipeNode,
  type VariableNode,
} from "./nodes.js";
import { boxed, fieldNamed, indirect, isTrue, typeOf, unboxed, type Operand } from "./operand.js";
import type { ExecutionState } from "./state.js";

/** A caller's functions, by the names under which a template calls them. */
export type TemplateFunctions = Readonly<Record<string, GoFunction>>;

/** One argument more, behind those that are written: the result of the command before in a pipeline. */
interface PipedArgument {
  readonly value: Operand;
}

/**
 * Pipelines and what they consist of. `dot` is always what `.` stands for.
 * https://pkg.go.dev/text/template#hdr-Pipelines
 */
export class Evaluator {
  readonly #state: ExecutionState;
  readonly #functions: ReadonlyMap<string, TemplateFunction>;

  constructor(state: ExecutionState, functions: TemplateFunctions) {
    this.#state = state;
    const given = Object.entries(functions).map(([name, one]) => [name, fromGoFunction(one)] as const);
    this.#functions = new Map([...BUILTINS, ...given]);
  }

  /** The value of a pipeline, whose variables are declared with it. */
  pipeline(dot: Operand, pipe: PipeNode): Operand {
    this.#state.node = pipe;
    let piped: PipedArgument | undefined;
    for (const command of pipe.commands) piped = { value: unboxed(this.#command(dot, command, piped)) };
    const value = piped?.value;
    for (const name of pipe.variables) {
      if (pipe.isAssignment) this.#state.variable(name).value = value;
      else this.#state.variables.push({ name, value });
    }
    return value;
  }

  #command(dot: Operand, command: CommandNode, piped: PipedArgument | undefined): Operand {
    this.#state.step();
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
        return this.#state.nested(() => this.pipeline(dot, first));
      case "nil":
      case "dot":
        this.#state.node = first;
        this.#refuseArguments(first, args, piped);
        return first.type === "dot" ? dot : this.#state.fail("nil is not a command");
      case "bool":
      case "number":
      case "string":
        this.#state.node = first;
        this.#refuseArguments(first, args, piped);
        return this.#constant(first);
    }
  }

  #refuseArguments(node: OperandNode, args: readonly OperandNode[], piped: PipedArgument | undefined): void {
    if (args.length > 0 || piped !== undefined) {
      this.#state.fail(`can't give argument to non-function ${printNode(node)}`);
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
    this.#state.node = node;
    const { int, float, isFloat } = node.number;
    if (isFloat) return goFloatValue(float);
    return int === undefined ? this.#state.fail(`${node.text} overflows int`) : goIntValue(int);
  }

  #field(dot: Operand, node: FieldNode, args: readonly OperandNode[], piped?: PipedArgument): Operand {
    this.#state.node = node;
    return this.#fields(dot, dot, node, node.fields, args, piped);
  }

  #chain(dot: Operand, node: ChainNode, args: readonly OperandNode[], piped?: PipedArgument): Operand {
    this.#state.node = node;
    const receiver = this.#argument(dot, undefined, node.of);
    return this.#fields(dot, receiver, node, node.fields, args, piped);
  }

  #variableFields(
    dot: Operand,
    node: VariableNode,
    args: readonly OperandNode[],
    piped?: PipedArgument,
  ): Operand {
    this.#state.node = node;
    const { value } = this.#state.variable(node.name);
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
    if (value.kind === "nil") this.#state.fail(`nil pointer evaluating ${type}.${name}`);
    const method = methodsOf(value)?.get(name);
    if (method !== undefined) return this.#apply(dot, fromGoFunction(method), node, name, args, piped);

    const hasArguments = args.length > 0 || piped !== undefined;
    if (value.kind === "struct") {
      const field = fieldNamed(value, name);
      if (field !== undefined) {
        if (hasArguments) this.#state.fail(`${name} has arguments but cannot be invoked as function`);
        return boxed(field.value, field.isAny);
      }
    }
    if (value.kind === "map") {
      if (hasArguments) this.#state.fail(`${name} is not a method but has arguments`);
      const item = value.entries.get(name);
      return item && boxed(item, value.ofAny);
    }
    if (value.kind === "pointer") {
      const isKnown = value.to.kind !== "struct" || fieldNamed(value.to, name) !== undefined;
      if (isKnown || methodsOf(value.to)?.has(name))
        this.#state.fail(`nil pointer evaluating ${type}.${name}`);
    }
    return this.#state.fail(`can't evaluate field ${name} in type ${type}`);
  }

  #function(
    dot: Operand,
    node: NameNode,
    where: AnyNode,
    args: readonly OperandNode[],
    piped?: PipedArgument,
  ): Operand {
    this.#state.node = node;
    const found = this.#functions.get(node.name);
    if (found === undefined) return this.#state.fail(`${goQuote(node.name)} is not a defined function`);
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
      this.#state.fail(`wrong number of args for ${name}: want at least ${least} got ${args.length}`);
    }
    if (!variadic && count !== params.length) {
      this.#state.fail(`wrong number of args for ${name}: want ${params.length} got ${count}`);
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
      this.#state.node = where;
      return this.#state.fail(`error calling ${name}: ${messageOf(error)}`, error);
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
    this.#state.step();
    this.#state.node = node;
    switch (node.type) {
      case "dot":
        return this.#checked(dot, type);
      case "nil":
        if (type === "string" || type === "int") this.#state.fail(`cannot assign nil to ${type}`);
        return type === ANY ? goNil : undefined;
      case "field":
        return this.#checked(this.#field(dot, node, []), type);
      case "variable":
        return this.#checked(this.#variableFields(dot, node, []), type);
      case "pipe":
        return this.#checked(
          this.#state.nested(() => this.pipeline(dot, node)),
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
    if (type === "string" && node.type !== "string")
      this.#state.fail(`expected string; found ${printNode(node)}`);
    if (type !== "int") return this.#constant(node);
    const int = node.type === "number" ? node.number.int : undefined;
    return int === undefined
      ? this.#state.fail(`expected integer; found ${printNode(node)}`)
      : goIntValue(int);
  }

  /** A value as a parameter takes it; a pointer to such a value will do. */
  #checked(operand: Operand, type: ParameterType | undefined): Operand {
    if (type === undefined || type === "reflect.Value") return operand;
    if (type === ANY) return operand ?? goNil;
    if (operand === undefined) this.#state.fail(`invalid value; expected ${type}`);
    const value = operand.kind === "any" ? operand.value : operand;
    if (value.type === type) return value;
    if (value.kind !== "pointer" || value.to.type !== type) {
      return this.#state.fail(`wrong type for value; expected ${type}; got ${value.type}`);
    }
    return value.isNil ? this.#state.fail(`dereference of nil pointer of type ${type}`) : value.to;
  }
}
