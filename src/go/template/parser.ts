import { ManifestError } from "../../errors.js";
import { goQuote } from "../quote.js";
import { GoError, tooMuch, unsupported } from "./errors.js";
import { describeToken, tokenize, type TemplateToken, type TokenType } from "./lexer.js";
import { parseNumber, unquoteCharacter, unquoteString } from "./literals.js";
import {
  printNode,
  type BranchNode,
  type CommandNode,
  type ConstantNode,
  type NameNode,
  type OperandNode,
  type PipeNode,
  type TemplateNode,
  type VariableNode,
} from "./nodes.js";

/**
 * The grammar of Go's templates: https://pkg.go.dev/text/template
 *
 *     list     = *( text / action )
 *     action   = "{{" pipeline "}}" / "{{if" pipeline "}}" list [ "{{else}}" list ] "{{end}}" / …
 *     pipeline = [ variable [ "," variable ] ( ":=" / "=" ) ] command *( "|" command )
 *     command  = operand *( space operand )
 *     operand  = ( constant / function / "." / field / variable / "(" pipeline ")" ) *field
 */

/** Deeper than anything people write; bounds the stack. */
const MAX_NESTING = 250;

/** The templates in a text, by name; that of the text as a whole is empty. */
export function parseLists(
  text: string,
  functions: ReadonlySet<string>,
): ReadonlyMap<string, readonly TemplateNode[]> {
  return new Parser(text, functions).parse();
}

const OPERANDS: ReadonlySet<TokenType> = new Set<TokenType>([
  "bool",
  "charConstant",
  "complex",
  ".",
  "field",
  "identifier",
  "number",
  "nil",
  "rawString",
  "string",
  "variable",
  "(",
]);
const KEYWORDS_OF_ACTIONS: ReadonlySet<TokenType> = new Set<TokenType>([
  "block",
  "break",
  "continue",
  "else",
  "end",
  "if",
  "range",
  "template",
  "with",
]);
/** What there is behind the last token. */
const END: TemplateToken = { type: "eof", text: "EOF", start: 0, line: 0 };
const CONSTANTS: ReadonlySet<OperandNode["type"]> = new Set(["bool", "dot", "nil", "number", "string"]);

/** What ends a list. */
interface Stop {
  readonly type: "end" | "else";
  /** What stands behind an `else`, which then begins a branch of its own. */
  readonly next?: "if" | "with" | undefined;
}

/** What belongs to one template of those in the text: each definition begins anew. */
interface Scope {
  readonly name: string;
  readonly variables: string[];
  ranges: number;
  parentheses: number;
  /** Line of the action that is being read; 0 outside. */
  actionLine: number;
}

function scopeOf(name: string): Scope {
  return { name, variables: ["$"], ranges: 0, parentheses: 0, actionLine: 0 };
}

class Parser {
  readonly #functions: ReadonlySet<string>;
  readonly #tokens: readonly TemplateToken[];
  readonly #lists = new Map<string, readonly TemplateNode[]>();
  #scope = scopeOf("");
  #at = 0;
  /** The last token that was looked at: errors are said to be on its line. */
  #furthest = 0;
  #nesting = 0;

  constructor(text: string, functions: ReadonlySet<string>) {
    this.#functions = functions;
    this.#tokens = tokenize(text);
  }

  parse(): ReadonlyMap<string, readonly TemplateNode[]> {
    const nodes: TemplateNode[] = [];
    while (this.#peek().type !== "eof") {
      if (this.#peek().type === "{{") {
        const before = this.#at;
        this.#next();
        if (this.#nextNonSpace().type === "define") {
          this.#inScope("", () => {
            this.#definition();
          });
          continue;
        }
        this.#at = before;
      }
      const node = this.#textOrAction();
      if (isStop(node)) this.#fail(`unexpected {{${node.type}}}`);
      nodes.push(node);
    }
    this.#add("", nodes);
    return this.#lists;
  }

  #next(): TemplateToken {
    const token = this.#peek();
    if (this.#at < this.#tokens.length - 1) this.#at++;
    else this.#at = this.#tokens.length;
    return token;
  }

  /** Past the end there is always another end. */
  #peek(): TemplateToken {
    this.#furthest = Math.max(this.#furthest, Math.min(this.#at, this.#tokens.length - 1));
    return this.#tokens[this.#at] ?? END;
  }

  #nextNonSpace(): TemplateToken {
    const token = this.#peekNonSpace();
    this.#next();
    return token;
  }

  #peekNonSpace(): TemplateToken {
    while (this.#peek().type === "space") this.#next();
    return this.#peek();
  }

  #fail(what: string): never {
    const { line } = this.#tokens[this.#furthest] ?? END;
    throw new ManifestError("USAGE", `template: :${line}: ${what}`);
  }

  #unexpected(token: TemplateToken, context: string): never {
    if (token.type !== "error") this.#fail(`unexpected ${describeToken(token)} in ${context}`);
    const { actionLine } = this.#scope;
    const started = actionLine === 0 || actionLine === token.line ? "" : ` started at :${actionLine}`;
    const where = started === "" || token.text.endsWith(" action") ? started : ` in action${started}`;
    this.#fail(token.text + where);
  }

  #expect(type: TokenType, context: string): TemplateToken {
    const token = this.#nextNonSpace();
    return token.type === type ? token : this.#unexpected(token, context);
  }

  /** What a constant says, or Go's reason why it says nothing. */
  #constant<Value>(read: () => Value): Value {
    try {
      return read();
    } catch (error) {
      if (error instanceof GoError) this.#fail(error.message);
      throw error;
    }
  }

  #inScope<Result>(name: string, body: () => Result): Result {
    const outer = this.#scope;
    this.#scope = scopeOf(name);
    const result = body();
    this.#scope = outer;
    return result;
  }

  #nested<Result>(body: () => Result): Result {
    if (++this.#nesting > MAX_NESTING) throw tooMuch(`actions are nested more than ${MAX_NESTING} deep`);
    const result = body();
    this.#nesting--;
    return result;
  }

  /** An empty template gives way to another of its name. */
  #add(name: string, nodes: readonly TemplateNode[]): void {
    const present = this.#lists.get(name);
    if (present === undefined || isEmpty(present)) this.#lists.set(name, nodes);
    else if (!isEmpty(nodes)) this.#fail(`template: multiple definition of template ${goQuote(name)}`);
  }

  #definition(): void {
    const context = "define clause";
    const name = this.#templateName(this.#nextNonSpace(), context);
    this.#expect("}}", context);
    this.#add(name, this.#wholeList(context));
  }

  /** A list that only `{{end}}` may end. */
  #wholeList(context: string): readonly TemplateNode[] {
    const { nodes, stop } = this.#list();
    if (stop.type !== "end") this.#fail(`unexpected {{${stop.type}}} in ${context}`);
    return nodes;
  }

  #list(): { nodes: readonly TemplateNode[]; stop: Stop } {
    const nodes: TemplateNode[] = [];
    while (this.#peekNonSpace().type !== "eof") {
      const node = this.#textOrAction();
      if (isStop(node)) return { nodes, stop: node };
      nodes.push(node);
    }
    return this.#fail("unexpected EOF");
  }

  #textOrAction(): TemplateNode | Stop {
    const token = this.#nextNonSpace();
    if (token.type === "text") return { type: "text", start: token.start, text: token.text };
    if (token.type !== "{{") this.#unexpected(token, "input");
    this.#scope.actionLine = token.line;
    const node = this.#nested(() => this.#action());
    this.#scope.actionLine = 0;
    return node;
  }

  #action(): TemplateNode | Stop {
    const { type, start } = this.#peekNonSpace();
    if (!KEYWORDS_OF_ACTIONS.has(type)) {
      return { type: "action", start, pipe: this.#pipeline("command", "}}") };
    }
    this.#next();
    if (type === "block") return this.#block();
    if (type === "template") return this.#templateCall();
    if (type === "if" || type === "range" || type === "with") return this.#branch(type);
    if (type === "break" || type === "continue") return this.#jump(type, start);
    if (type === "else") return this.#else();
    this.#expect("}}", "end");
    return { type: "end" };
  }

  #jump(type: "break" | "continue", start: number): TemplateNode {
    const token = this.#nextNonSpace();
    if (token.type !== "}}") this.#unexpected(token, `{{${type}}}`);
    if (this.#scope.ranges === 0) this.#fail(`{{${type}}} outside {{range}}`);
    return { type, start };
  }

  #else(): Stop {
    const next = this.#peekNonSpace().type;
    if (next === "if" || next === "with") return { type: "else", next };
    this.#expect("}}", "else");
    return { type: "else" };
  }

  #branch(type: BranchNode["type"]): BranchNode {
    const { variables } = this.#scope;
    const known = variables.length;
    const pipe = this.#pipeline(type, "}}");
    if (type === "range") this.#scope.ranges++;
    const { nodes: list, stop } = this.#list();
    if (type === "range") this.#scope.ranges--;
    const elseList = stop.type === "end" ? undefined : this.#elseList(type, stop);
    variables.length = known;
    return { type, start: pipe.start, pipe, list, elseList };
  }

  /** `{{else if x}}…{{end}}` is `{{else}}{{if x}}…{{end}}{{end}}`, and likewise for `with`. */
  #elseList(type: BranchNode["type"], { next }: Stop): readonly TemplateNode[] {
    if (next !== undefined && next === type) {
      this.#next();
      return [this.#nested(() => this.#branch(next))];
    }
    const { nodes, stop } = this.#list();
    if (stop.type !== "end") this.#fail(`expected end; found {{${stop.type}}}`);
    return nodes;
  }

  #block(): TemplateNode {
    const context = "block clause";
    const token = this.#nextNonSpace();
    const name = this.#templateName(token, context);
    const pipe = this.#pipeline(context, "}}");
    this.#inScope(name, () => {
      this.#add(name, this.#wholeList(context));
    });
    return { type: "template", start: token.start, name, pipe };
  }

  #templateCall(): TemplateNode {
    const context = "template clause";
    const token = this.#nextNonSpace();
    const name = this.#templateName(token, context);
    const hasPipe = this.#peekNonSpace().type !== "}}";
    const pipe = hasPipe ? this.#pipeline(context, "}}") : undefined;
    if (!hasPipe) this.#next();
    return { type: "template", start: token.start, name, pipe };
  }

  #templateName(token: TemplateToken, context: string): string {
    if (token.type !== "string" && token.type !== "rawString") this.#unexpected(token, context);
    return this.#constant(() => unquoteString(token.text));
  }

  #pipeline(context: string, end: "}}" | ")"): PipeNode {
    const { start } = this.#peekNonSpace();
    const { variables, isAssignment } = this.#declaration(context);
    const commands: CommandNode[] = [];
    for (;;) {
      const token = this.#peekNonSpace();
      if (token.type !== end && OPERANDS.has(token.type)) {
        commands.push(this.#command());
        continue;
      }
      this.#next();
      if (token.type !== end) this.#unexpected(token, context);
      break;
    }
    if (commands.length === 0) this.#fail(`missing value for ${context}`);
    for (const [index, { first }] of commands.entries()) {
      if (index > 0 && CONSTANTS.has(first.type)) {
        this.#fail(`non executable command in pipeline stage ${index + 1}`);
      }
    }
    return { type: "pipe", start, isAssignment, variables, commands };
  }

  /** `$x :=`, `$x =`; for a range also `$k, $v :=`. */
  #declaration(context: string): { variables: string[]; isAssignment: boolean } {
    const variables: string[] = [];
    for (;;) {
      const before = this.#at;
      const variable = this.#peekNonSpace();
      if (variable.type !== "variable") return { variables, isAssignment: false };
      this.#next();
      const { type, text } = this.#peekNonSpace();
      const isComma = type === "char" && text === ",";
      if (type !== "=" && type !== ":=" && !isComma) {
        this.#at = before;
        return { variables, isAssignment: false };
      }
      this.#next();
      variables.push(variable.text);
      this.#scope.variables.push(variable.text);
      if (!isComma) return { variables, isAssignment: type === "=" };
      if (context !== "range" || variables.length > 1) this.#fail(`too many declarations in ${context}`);
      const next = this.#peekNonSpace().type;
      if (next !== "variable" && next !== "}}" && next !== ")") {
        this.#fail("range can only initialize variables");
      }
    }
  }

  #command(): CommandNode {
    const { start } = this.#peekNonSpace();
    const operands: OperandNode[] = [];
    for (;;) {
      this.#peekNonSpace();
      const operand = this.#operand();
      if (operand !== undefined) operands.push(operand);
      const { type } = this.#peek();
      if (type === "}}" || type === ")") break;
      const token = this.#next();
      if (type === "|") break;
      if (type !== "space") this.#unexpected(token, "operand");
    }
    const [first, ...args] = operands;
    if (first === undefined) return this.#fail("empty command");
    return { type: "command", start, first, args };
  }

  /** A term and the fields behind it; undefined if there is none. */
  #operand(): OperandNode | undefined {
    const term = this.#term();
    if (term === undefined || this.#peek().type !== "field") return term;
    const { start } = this.#peek();
    const fields: string[] = [];
    while (this.#peek().type === "field") fields.push(this.#next().text.slice(1));
    if (term.type === "field" || term.type === "variable") {
      return { ...term, start, fields: [...term.fields, ...fields] };
    }
    if (CONSTANTS.has(term.type)) this.#fail(`unexpected . after term ${goQuote(printNode(term))}`);
    return { type: "chain", start, of: term, fields };
  }

  #term(): OperandNode | undefined {
    const token = this.#peekNonSpace();
    const { type, text, start } = token;
    if (!OPERANDS.has(type)) return undefined;
    this.#next();
    if (type === "(") return this.#nested(() => this.#pipeline("parenthesized pipeline", ")"));
    if (type === "identifier") return this.#functionName(token);
    if (type === "variable") return this.#variable(token);
    if (type === "field") return { type, start, fields: [text.slice(1)] };
    if (type === ".") return { type: "dot", start };
    if (type === "nil") return { type, start };
    return this.#constantNode(token);
  }

  #functionName({ text, start }: TemplateToken): NameNode {
    if (!this.#functions.has(text)) this.#fail(`function ${goQuote(text)} not defined`);
    if (text === "call") throw unsupported("the function call");
    return { type: "identifier", start, name: text };
  }

  #constantNode({ type, text, start }: TemplateToken): ConstantNode {
    if (type === "bool") return { type, start, value: text === "true" };
    if (type === "string" || type === "rawString") {
      return { type: "string", start, quoted: text, value: this.#constant(() => unquoteString(text)) };
    }
    const parse = type === "charConstant" ? unquoteCharacter : parseNumber;
    return { type: "number", start, text, number: this.#constant(() => parse(text)) };
  }

  #variable({ text, start }: TemplateToken): VariableNode {
    if (!this.#scope.variables.includes(text)) this.#fail(`undefined variable ${goQuote(text)}`);
    return { type: "variable", start, name: text, fields: [] };
  }
}

function isStop(node: TemplateNode | Stop): node is Stop {
  return node.type === "end" || node.type === "else";
}

/** Is there nothing in it but white space? */
function isEmpty(nodes: readonly TemplateNode[]): boolean {
  return nodes.every((node) => node.type === "text" && node.text.trim() === "");
}
