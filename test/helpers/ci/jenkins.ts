import { join } from "node:path";
import { copyFile, handOn, matchesOf } from "./files.js";
import type { Env, Machine } from "./machine.js";
import { PASSWORD, readFileOf, USER, type Site } from "./site.js";

/** As much of a declarative Jenkinsfile as the page uses. https://www.jenkins.io/doc/book/pipeline/syntax/ */

/** `name arguments { … }`, `name = value`. */
interface Statement {
  readonly name: string;
  /** The values of strings, in their order, those of named arguments too. */
  readonly strings: readonly string[];
  readonly named: Env;
  readonly inner: readonly Statement[];
}

/** Runs a pipeline. What it archives, by its name. */
export async function runJenkins(site: Site, text: string): Promise<Env> {
  const [pipeline, ...more] = parseGroovy(text);
  if (pipeline?.name !== "pipeline" || more.length > 0) throw new Error("not one declarative pipeline");
  const stashes = site.lab.folder();
  const archived: Record<string, string> = {};
  const environment = Object.fromEntries(
    (section(pipeline, "environment")?.inner ?? []).map(({ name, strings }) => [name, strings[0] ?? ""]),
  );
  const run = new Run(site, { stashes, archived });
  for (const stage of section(pipeline, "stages")?.inner ?? []) await run.stage(stage, environment);
  return archived;
}

class Run {
  public constructor(
    private readonly site: Site,
    private readonly kept: { readonly stashes: string; readonly archived: Record<string, string> },
  ) {}

  public async stage(stage: Statement, env: Env): Promise<void> {
    const matrix = section(stage, "matrix");
    if (matrix === undefined) {
      await this.steps(section(stage, "steps"), this.site.lab.machine(), env);
      return;
    }
    const axis = section(section(matrix, "axes"), "axis");
    const [name = ""] = section(axis, "name")?.strings ?? [];
    for (const value of section(axis, "values")?.strings ?? []) {
      const label = section(section(matrix, "agent"), "label")?.strings[0] ?? "";
      if (!label.includes(`\${${name}}`)) throw new Error(`every cell runs on ${label}`);
      for (const inner of section(matrix, "stages")?.inner ?? [])
        await this.stage(inner, { ...env, [name]: value });
    }
  }

  private async steps(block: Statement | undefined, machine: Machine, env: Env): Promise<void> {
    if (block === undefined) throw new Error("a stage without steps");
    for (const step of block.inner) await this.step(step, machine, env);
  }

  private async step({ name, strings, named, inner }: Statement, machine: Machine, env: Env): Promise<void> {
    const value = (key: string): string =>
      (named[key] ?? "").replace(/\$\{(\w+)\}/g, (_, variable: string) => env[variable] ?? "");
    switch (name) {
      case "sh":
        await this.site.lab.run(machine, ["sh", "-xe", "-c", strings[0] ?? ""], {
          ...env,
          BUILD_NUMBER: "77",
        });
        return;
      case "withCredentials": {
        const login = { [value("usernameVariable")]: USER, [value("passwordVariable")]: PASSWORD };
        for (const step of inner) await this.step(step, machine, { ...env, ...login });
        return;
      }
      case "stash":
        handOn(machine.work, [value("includes")], join(this.kept.stashes, value("name")));
        return;
      case "unstash": {
        const folder = join(this.kept.stashes, strings[0] ?? "");
        for (const path of matchesOf(folder, "*")) copyFile(join(folder, path), join(machine.work, path));
        return;
      }
      case "archiveArtifacts": {
        this.kept.archived[value("artifacts")] = readFileOf(machine, value("artifacts"));
        return;
      }
      case "deleteDir":
        return;
      default:
        throw new Error(`nobody stands in for ${name}`);
    }
  }
}

function section(statement: Statement | undefined, name: string): Statement | undefined {
  return statement?.inner.find((one) => one.name === name);
}

interface Token {
  readonly kind: "word" | "string" | "mark";
  readonly text: string;
  readonly line: number;
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  const next =
    /\/\/[^\n]*|'''([\s\S]*?)'''|'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|([\w.]+)|([{}()[\],:=])|\s+/gy;
  let line = 1;
  while (next.lastIndex < text.length) {
    const at = next.lastIndex;
    const match = next.exec(text);
    if (match === null) throw new Error(`line ${line}: not understood: ${text.slice(at, at + 20)}`);
    const [whole, long, single, double, word, mark] = match;
    const string = long ?? single ?? double;
    if (string !== undefined) tokens.push({ kind: "string", text: unescaped(string), line });
    else if (word !== undefined) tokens.push({ kind: "word", text: word, line });
    else if (mark !== undefined) tokens.push({ kind: "mark", text: mark, line });
    line += whole.split("\n").length - 1;
  }
  return tokens;
}

/** https://groovy-lang.org/syntax.html#_escaping_special_characters: a backslash and a line's end are nothing. */
function unescaped(text: string): string {
  return text.replace(/\\(\n|.)/g, (_, escaped: string) => {
    const known: Env = { n: "\n", t: "\t", "\\": "\\", "'": "'", '"': '"', "\n": "", $: "$" };
    const value = known[escaped];
    if (value === undefined) throw new Error(`Groovy knows no escape \\${escaped}`);
    return value;
  });
}

function parseGroovy(text: string): Statement[] {
  const tokens = tokensOf(text);
  let at = 0;
  const statements = (): Statement[] => {
    const all: Statement[] = [];
    while (tokens[at] !== undefined && tokens[at]?.text !== "}") all.push(statement());
    return all;
  };
  const statement = (): Statement => {
    const first = tokens[at++];
    if (first?.kind !== "word")
      throw new Error(`line ${first?.line ?? 0}: no statement begins with ${first?.text ?? ""}`);
    const strings: string[] = [];
    const named: Record<string, string> = {};
    let depth = 0;
    for (;;) {
      const token = tokens[at];
      if (token === undefined || (token.kind === "mark" && token.text === "}")) break;
      if (token.text === "{" && token.kind === "mark") {
        at++;
        const inner = statements();
        if (tokens[at++]?.text !== "}") throw new Error(`line ${first.line}: ${first.text} has no end`);
        return { name: first.text, strings, named, inner };
      }
      const previous = tokens[at - 1];
      // Outside of brackets a line's end ends a statement, but not behind a comma.
      if (
        depth === 0 &&
        token.line > (previous?.line ?? 0) &&
        previous?.text !== "," &&
        previous !== undefined &&
        token.kind === "word"
      )
        break;
      if (token.kind === "mark") depth += "([".includes(token.text) ? 1 : ")]".includes(token.text) ? -1 : 0;
      if (token.kind === "string") {
        const [key, colon] = [tokens[at - 2], previous];
        if (colon?.text === ":" && key?.kind === "word") named[key.text] = token.text;
        else strings.push(token.text);
      }
      at++;
    }
    return { name: first.text, strings, named, inner: [] };
  };
  const all = statements();
  if (at < tokens.length) throw new Error(`line ${tokens[at]?.line ?? 0}: a bracket too many`);
  return all;
}
