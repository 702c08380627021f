import { goQuote } from "../quote.js";

/** The parse tree of a template, and how Go prints it: its errors say where they are by a piece of that. */

interface NodeAt {
  /** Where it begins in the template, for errors. */
  readonly start: number;
}

/** What stands in a template beside each other. */
export type TemplateNode = TextNode | ActionNode | BranchNode | JumpNode | TemplateCallNode;

export interface TextNode extends NodeAt {
  readonly type: "text";
  readonly text: string;
}

export interface ActionNode extends NodeAt {
  readonly type: "action";
  readonly pipe: PipeNode;
}

export interface BranchNode extends NodeAt {
  readonly type: "if" | "range" | "with";
  readonly pipe: PipeNode;
  readonly list: readonly TemplateNode[];
  readonly elseList: readonly TemplateNode[] | undefined;
}

export interface JumpNode extends NodeAt {
  readonly type: "break" | "continue";
}

export interface TemplateCallNode extends NodeAt {
  readonly type: "template";
  readonly name: string;
  readonly pipe: PipeNode | undefined;
}

/** `$x, $y := command | command` */
export interface PipeNode extends NodeAt {
  readonly type: "pipe";
  readonly isAssignment: boolean;
  readonly variables: readonly string[];
  readonly commands: readonly CommandNode[];
}

export interface CommandNode extends NodeAt {
  readonly type: "command";
  readonly first: OperandNode;
  readonly args: readonly OperandNode[];
}

export type OperandNode =
  NameNode | VariableNode | FieldNode | ChainNode | PipeNode | DotOrNilNode | ConstantNode;

export type ConstantNode = BoolNode | NumberNode | StringNode;

/** The name of a function. */
export interface NameNode extends NodeAt {
  readonly type: "identifier";
  readonly name: string;
}

/** `$x.Field.Field` */
export interface VariableNode extends NodeAt {
  readonly type: "variable";
  readonly name: string;
  readonly fields: readonly string[];
}

/** `.Field.Field` */
export interface FieldNode extends NodeAt {
  readonly type: "field";
  readonly fields: readonly string[];
}

/** `(pipeline).Field.Field`, or a function's name in place of the parentheses. */
export interface ChainNode extends NodeAt {
  readonly type: "chain";
  readonly of: OperandNode;
  readonly fields: readonly string[];
}

export interface DotOrNilNode extends NodeAt {
  readonly type: "dot" | "nil";
}

export interface BoolNode extends NodeAt {
  readonly type: "bool";
  readonly value: boolean;
}

export interface NumberNode extends NodeAt {
  readonly type: "number";
  readonly text: string;
  readonly number: NumberConstant;
}

/** A constant has no type until it is used: 1.0 may be a whole number. */
export interface NumberConstant {
  /** Of 64 bits; undefined where it is none. */
  readonly int: bigint | undefined;
  readonly float: number;
  /** Which of the two it is where any would do. */
  readonly isFloat: boolean;
}

export interface StringNode extends NodeAt {
  readonly type: "string";
  /** As it stands in the template. */
  readonly quoted: string;
  readonly value: string;
}

export type AnyNode = TemplateNode | CommandNode | OperandNode;

/** A list of nodes as Go prints it. */
export function printNodes(nodes: readonly TemplateNode[]): string {
  return nodes.map(printNode).join("");
}

export function printNode(node: AnyNode): string {
  switch (node.type) {
    case "text":
      return node.text;
    case "action":
      return `{{${printNode(node.pipe)}}}`;
    case "if":
    case "range":
    case "with": {
      const otherwise = node.elseList === undefined ? "" : `{{else}}${printNodes(node.elseList)}`;
      return `{{${node.type} ${printNode(node.pipe)}}}${printNodes(node.list)}${otherwise}{{end}}`;
    }
    case "break":
    case "continue":
      return `{{${node.type}}}`;
    case "template":
      return `{{template ${goQuote(node.name)}${node.pipe === undefined ? "" : ` ${printNode(node.pipe)}`}}}`;
    case "pipe":
      return printDeclaration(node) + node.commands.map(printNode).join(" | ");
    case "command":
      return [node.first, ...node.args].map(printOperand).join(" ");
    case "identifier":
      return node.name;
    case "variable":
      return node.name + dotted(node.fields);
    case "field":
      return dotted(node.fields);
    case "chain":
      return printOperand(node.of) + dotted(node.fields);
    case "dot":
      return ".";
    case "nil":
      return "nil";
    case "bool":
      return String(node.value);
    case "number":
      return node.text;
    case "string":
      return node.quoted;
  }
}

function printOperand(node: OperandNode): string {
  return node.type === "pipe" ? `(${printNode(node)})` : printNode(node);
}

function printDeclaration({ variables, isAssignment }: PipeNode): string {
  if (variables.length === 0) return "";
  return `${variables.join(", ")} ${isAssignment ? "=" : ":="} `;
}

function dotted(fields: readonly string[]): string {
  return fields.map((field) => `.${field}`).join("");
}

/** Every node there is in these, at any depth. */
export function* nodesWithin(nodes: readonly AnyNode[]): Generator<AnyNode> {
  const waiting = [...nodes];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    yield node;
    waiting.push(...childrenOf(node));
  }
}

function childrenOf(node: AnyNode): readonly AnyNode[] {
  if ("list" in node) return [node.pipe, ...node.list, ...(node.elseList ?? [])];
  if ("commands" in node) return node.commands;
  if ("first" in node) return [node.first, ...node.args];
  if ("of" in node) return [node.of];
  return "pipe" in node && node.pipe !== undefined ? [node.pipe] : [];
}
