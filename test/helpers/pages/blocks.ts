import { blocksOf, type Block } from "../ci/page.js";

/** A command of a block, and what the page shows that it prints. */
export interface ShownCommand {
  readonly command: string;
  /** Undefined where the page shows no output. */
  readonly output: string | undefined;
}

/** The blocks of a page. Throws at a fence that is indented: nobody would look into it. */
export function blocksOfPage(markdown: string): Block[] {
  const indented = markdown.split("\n").findIndex((line) => /^\s+(?:```|~~~)|^~~~/.test(line));
  if (indented >= 0) throw new Error(`the fence in line ${indented + 1} is indented, or not of backquotes`);
  return blocksOf(markdown);
}

/** A `console` block: commands behind `$ `, further lines of them behind `> `, and what each prints. */
export function commandsIn(text: string): ShownCommand[] {
  const commands: { lines: string[]; output: string[] }[] = [];
  for (const line of text.split("\n")) {
    const current = commands.at(-1);
    if (line.startsWith("$ ")) commands.push({ lines: [line.slice(2)], output: [] });
    else if (current === undefined) throw new Error(`a console block begins with "$ ", not with "${line}"`);
    else if (line.startsWith("> ") && current.output.length === 0) current.lines.push(line.slice(2));
    else current.output.push(line);
  }
  return commands.map(({ lines, output }) => ({ command: lines.join("\n"), output: output.join("\n") }));
}

/**
 * Is that what a page shows? `…` stands for anything in a line, and alone in a line for any number of lines. How wide
 * the space between two words is does not matter: columns are as wide as the names in them.
 */
export function isShown(shown: string, printed: string): boolean {
  const pattern = lines(shown).map((line) =>
    line === "…" ? "(?:.*\n)*?" : `${line.split("…").map(escapeRegExp).join(".*")}\n`,
  );
  const text = lines(printed).map((line) => `${line}\n`);
  return new RegExp(`^${pattern.join("")}$`).test(text.join(""));
}

function lines(text: string): string[] {
  const trimmed = text.split("\n").map((line) => line.replace(/\s+/g, " ").trim());
  return trimmed.join("\n").trim().split("\n");
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
