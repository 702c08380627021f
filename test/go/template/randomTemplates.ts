import type { Random } from "../../helpers/seededRandom.js";
import type { TemplateCase } from "./oracle.js";
import { DATA } from "./cases.js";

/**
 * Templates from a grammar over `DATA` and the struct: most mean something, many fail in execution, and some are spoiled
 * by a character more or less.
 */
export class TemplateGenerator {
  readonly #random: Random;
  #isStruct = false;
  /** Variables that are declared here; what is used is mostly one of them. */
  #variables: string[] = [];
  #ranges = 0;
  #isDefinition = false;

  constructor(random: Random) {
    this.#random = random;
  }

  next(): TemplateCase {
    this.#isStruct = this.#chance(0.4);
    this.#variables = ["$"];
    this.#ranges = 0;
    const definition = this.#definition();
    const main = this.#list(2);
    const template = this.#chance(0.5) ? definition + main : main + definition;
    return {
      template: this.#chance(0.15) ? this.#spoil(template) : template,
      data: DATA,
      isStruct: this.#isStruct,
    };
  }

  /** It does not call itself: that would be for ever. */
  #definition(): string {
    this.#isDefinition = true;
    const definition = `{{define "t"}}${this.#body(1)}{{end}}`;
    this.#isDefinition = false;
    return this.#chance(0.97) ? definition : "";
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #oneOf<Item>(items: readonly Item[]): Item {
    return items[this.#below(items.length)]!;
  }

  #spoil(template: string): string {
    const at = this.#below(template.length + 1);
    const piece = this.#oneOf([
      "",
      "",
      "{{",
      "}}",
      "\n",
      " ",
      "|",
      "(",
      ")",
      ".",
      "$",
      '"',
      "`",
      "'",
      "-",
      "é",
      ":=",
      "1",
      "\\",
    ]);
    return template.slice(0, at) + piece + template.slice(at + (this.#chance(0.5) ? 1 : 0));
  }

  #list(depth: number): string {
    return Array.from({ length: 1 + this.#below(3) }, () => this.#node(depth)).join("");
  }

  /** A list whose variables go with it. */
  #body(depth: number): string {
    const known = this.#variables.length;
    const list = this.#list(depth);
    this.#variables.length = known;
    return list;
  }

  #node(depth: number): string {
    if (depth === 0 || this.#chance(0.5)) return this.#chance(0.2) ? this.#text() : this.#action();
    switch (this.#below(5)) {
      case 0:
        return `${this.#open()}if ${this.#pipeline(2)}${this.#close()}${this.#body(depth - 1)}${this.#otherwise("if", depth)}{{end}}`;
      case 1:
        return `${this.#open()}with ${this.#declared(this.#pipeline(2))}${this.#close()}${this.#body(depth - 1)}${this.#otherwise("with", depth)}{{end}}`;
      case 2:
        if (this.#isDefinition) return this.#action();
        return `{{template "t" ${this.#chance(0.8) ? "$" : this.#chance(0.5) ? this.#pipeline(1) : ""}}}`;
      default:
        return this.#range(depth);
    }
  }

  #range(depth: number): string {
    const known = this.#variables.length;
    const value = this.#collection();
    const head = this.#oneOf(["", "$v := ", "$k, $v := ", this.#variables.includes("$x") ? "$x = " : ""]);
    if (head.includes(":=")) this.#variables.push(...head.match(/\$\w/g)!);
    this.#ranges++;
    const body = this.#body(depth - 1);
    this.#ranges--;
    this.#variables.length = known;
    return `${this.#open()}range ${head}${value}${this.#close()}${body}${this.#otherwise("range", depth)}{{end}}`;
  }

  #otherwise(keyword: string, depth: number): string {
    if (this.#chance(0.6)) return "";
    const again = keyword === "range" || this.#chance(0.7) ? "" : ` ${keyword} ${this.#pipeline(1)}`;
    return `{{else${again}}}${this.#body(depth - 1)}`;
  }

  #open(): string {
    return this.#oneOf(["{{", "{{", "{{ ", "{{- "]);
  }

  #close(): string {
    return this.#oneOf(["}}", "}}", " }}", " -}}"]);
  }

  #text(): string {
    return this.#oneOf([" ", "\n", "text ", " é\n ", "{ ", "a } b", "{{/* comment */}}", "\t"]);
  }

  #action(): string {
    if (this.#ranges > 0 && this.#chance(0.05)) return this.#oneOf(["{{break}}", "{{continue}}"]);
    if (this.#chance(0.1)) {
      const name = this.#oneOf(["$x", "$y"]);
      const isKnown = this.#variables.includes(name);
      const action = `{{${name} ${isKnown && this.#chance(0.5) ? "=" : ":="} ${this.#pipeline(2)}}}`;
      this.#variables.push(name);
      return action;
    }
    return `${this.#open()}${this.#pipeline(3)}${this.#close()}`;
  }

  #declared(pipeline: string): string {
    if (this.#chance(0.8)) return pipeline;
    this.#variables.push("$x");
    return `$x := ${pipeline}`;
  }

  #pipeline(depth: number): string {
    const first = this.#command(depth);
    if (depth === 0 || this.#chance(0.75)) return first;
    const rest = Array.from({ length: 1 + this.#below(2) }, () =>
      this.#chance(0.97) ? this.#call(depth - 1, true) : this.#command(depth - 1),
    );
    return [first, ...rest].join(" | ");
  }

  #command(depth: number): string {
    return this.#chance(0.5) ? this.#call(depth, false) : this.#operand(depth);
  }

  /** A function and its arguments; one fewer where one comes through the pipeline. */
  #call(depth: number, isPiped: boolean): string {
    const name = this.#oneOf([
      ..."and or not print println printf printf printf html js urlquery json".split(" "),
      ...(isPiped ? [] : "len index index slice eq ne lt le gt ge".split(" ")),
      ...(this.#chance(0.1) && !isPiped ? "len index eq lt".split(" ") : []),
    ]);
    if (name === "printf")
      return `printf ${this.#format()} ${this.#operands(depth, this.#below(3))}`.trimEnd();
    // What is behind a list of Go's depends on how it came to be.
    if (name === "slice") return `slice $${this.#decoded()}.ascii ${this.#below(4)} ${this.#below(9)}`;
    if (name === "index") return this.#indexed();
    if (name === "len") return isPiped ? name : `len ${this.#collection()}`;
    if (/^(?:eq|ne|lt|le|gt|ge)$/.test(name) && this.#chance(0.8)) return this.#comparison(name);
    const wanted = /^(?:not|json)$/.test(name) ? 1 : /^(?:and|or|eq|ne|lt)$/.test(name) ? 2 : this.#below(4);
    const count = wanted - (isPiped ? 1 : 0) + (this.#chance(0.02) ? 1 : 0);
    return `${name} ${this.#operands(depth, Math.max(0, count))}`.trimEnd();
  }

  #decoded(): string {
    return this.#isStruct ? ".Decoded" : "";
  }

  #indexed(): string {
    const root = `$${this.#decoded()}`;
    const known = [
      "a `b`",
      "a `list` 0",
      "a `list` 4",
      "m `z`",
      "a.nested 0 1",
      "m `nope`",
      "a.list 3",
      "s 1",
      "a.b `d`",
    ];
    return this.#chance(0.8)
      ? `index ${root}.${this.#oneOf(known)}`
      : `index ${this.#collection()} ${this.#key()}`;
  }

  /** Of two of a kind. */
  #comparison(name: string): string {
    const root = `$${this.#decoded()}`;
    const [a, b] = this.#oneOf([
      ["n", "42.0"],
      ["n", "1e3"],
      ["s", "`a`"],
      ["ascii", "`some text`"],
      ["half", `${root}.neg`],
      ["nil", "nil"],
      ["a.b.d", `${root}.s`],
      ["yes", "true"],
    ] as const);
    return this.#chance(0.5) ? `${name} ${root}.${a} ${b}` : `${name} ${b} ${root}.${a}`;
  }

  #operands(depth: number, count: number): string {
    return Array.from({ length: count }, () => this.#operand(depth)).join(" ");
  }

  #operand(depth: number): string {
    switch (this.#below(depth === 0 ? 4 : 6)) {
      case 0:
        return this.#constant();
      case 1:
        return this.#variable();
      case 2:
      case 3:
        return this.#field();
      default:
        return `(${this.#pipeline(depth - 1)})${this.#chance(0.03) ? this.#names() : ""}`;
    }
  }

  #constant(): string {
    return this.#oneOf([
      ..."1 0 -7 42 2.5 1e21 0x1F 'x' true false nil 1e-7 123456.789 0.0".split(" "),
      '"b"',
      '"x<y>&\\"\'\\n"',
      "`raw é`",
      '""',
      '"k"',
    ]);
  }

  #variable(): string {
    return this.#oneOf(this.#variables) + (this.#chance(0.05) ? this.#names() : "");
  }

  #field(): string {
    if (this.#chance(0.1)) return ".";
    const ofStruct = [
      ".Name .NoImage .Nothing .Ratio .Negative .One .First .NoMap .NoList .SBOM.SPDX.n .One.By .Decoded".split(
        " ",
      ),
      ".Image.OS .Image.Config .Image.History .Manifest.Digest .Manifest.Size".split(" "),
      ".Manifest.Annotations .Manifest.Digest.Encoded .Decoded.a.b .Image.Platform".split(" "),
    ].flat();
    const ofJson = [
      ".n .s .f .big .large .neg .half .yes .no .nil .zero .m .a .ascii .missing .a.b .a.b.c .a.b.d .a.b.e".split(
        " ",
      ),
      ".a.list .a.empty .a.none .a.nested .m.z .m.x.y".split(" "),
    ].flat();
    const failing = ".Broken .n.x .NoImage.OS .Image.Nope .Nothing.x .s.a .a.list.b .a.b.c.d".split(" ");
    const field =
      this.#isStruct && this.#chance(0.6) ? this.#oneOf(ofStruct) : this.#decoded() + this.#oneOf(ofJson);
    if (this.#chance(0.05)) return `.${this.#oneOf("a n s x Name".split(" "))}`;
    return `$${this.#chance(0.03) ? this.#oneOf(failing) : field}`;
  }

  #names(): string {
    const names = Array.from({ length: 1 + this.#below(2) }, () =>
      this.#oneOf("a b c d e k list z By OS x".split(" ")),
    );
    return names.map((name) => `.${name}`).join("");
  }

  #collection(): string {
    if (this.#chance(0.1)) return "3";
    if (this.#chance(0.05)) return `$${this.#decoded()}${this.#oneOf([".n", ".nil", ".yes"])}`;
    const ofStruct = [".Images", ".Image.History", ".Image.Config.Env", ".NoMap", ".Image.Config.Volumes"];
    const ofJson = [".a", ".a.b", ".a.list", ".a.nested", ".m", ".a.none", ".a.empty", ".missing"];
    return this.#isStruct && this.#chance(0.5)
      ? `$${this.#oneOf(ofStruct)}`
      : `$${this.#decoded()}${this.#oneOf(ofJson)}`;
  }

  #key(): string {
    return this.#oneOf(["0", "1", "`b`", "`list`", "`z`", "`x`", "nil", "-1", "`é`", "`linux/amd64`"]);
  }

  #format(): string {
    const flags = this.#oneOf(["", "", "", "+", "-", "#", " ", "0", "+0", "-#"]);
    const width = this.#oneOf(["", "", "8", "*", "[1]", "1"]);
    const precision = this.#oneOf(["", "", ".2", ".0", ".*", ".", ".[1]"]);
    const verb = this.#oneOf(Array.from("vvvsdqxXtfegGEbcoOUTz%w"));
    const second = this.#chance(0.3) ? ` %${this.#oneOf(Array.from("vsdqxfge"))}` : "";
    return `"%${flags}${width}${precision}${verb}${second}|"`;
  }
}
