import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A fenced block of a page. */
export interface Block {
  readonly language: string;
  /** What its first line calls it, if that is a comment: `.gitlab-ci.yml`, `image.yml: the job merge`. */
  readonly title: string;
  readonly text: string;
  /** Of its first line, from 1 on. */
  readonly line: number;
}

/** A page of docs/, and how much of it has been used. */
export interface Page {
  /** The next block with this title that was not taken yet. Throws where there is none. */
  take(title: string): Block;
  /** Blocks that nobody has taken, by language and line. */
  untaken(): string[];
  /** What the calls of the program are marked by, each once: `@gitlab.md:44`. */
  readonly marks: readonly string[];
}

/** A call of the program: in a shell, in YAML, in Groovy. Its version, where npx is told one, comes along. */
const CALL = /\btsmanifest(?:@[\w.^~-]+)?(?= +(?:apply|buildx|create|imagetools|inspect|push)\b)/g;

/**
 * Reads a page. In its blocks some text is replaced (registries by those of the test), and each call of the program
 * gets a first argument that tells where it stands, so that the test can tell which of them have run.
 */
export function readPage(name: string, replacements: Readonly<Record<string, string>>): Page {
  const file = fileURLToPath(new URL(`../../../docs/ci/${name}`, import.meta.url));
  const marks: string[] = [];
  const blocks = blocksOf(readFileSync(file, "utf8")).map((block) => {
    const lines = block.text.split("\n").map((line, index) => {
      if (/^\s*(?:#|\/\/)/.test(line)) return line;
      const marked = line.replace(CALL, (call) => {
        const mark = `@${name}:${block.line + index}`;
        marks.push(mark);
        return `${call} ${mark}`;
      });
      return Object.entries(replacements).reduce((text, [from, to]) => text.replaceAll(from, to), marked);
    });
    return { ...block, text: lines.join("\n") };
  });
  const taken = new Set<Block>();
  return {
    take: (title) => {
      const block = blocks.find((one) => one.title === title && !taken.has(one));
      if (block === undefined) throw new Error(`${name} has no (more) block that begins with "# ${title}"`);
      taken.add(block);
      return block;
    },
    untaken: () =>
      blocks.filter((block) => !taken.has(block)).map(({ language, line }) => `${language} in line ${line}`),
    marks,
  };
}

/** The fenced blocks of a Markdown text, in their order. */
export function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  let open: { language: string; line: number; lines: string[] } | undefined;
  for (const [index, line] of markdown.split("\n").entries()) {
    const fence = /^```(\w*)/.exec(line);
    if (open === undefined) {
      if (fence !== null) open = { language: fence[1] ?? "", line: index + 2, lines: [] };
    } else if (fence === null) {
      open.lines.push(line);
    } else {
      const { language, line: first, lines } = open;
      const title = /^(?:#|\/\/) (.+)$/.exec(lines[0] ?? "")?.[1] ?? "";
      blocks.push({ language, line: first, title, text: lines.join("\n") });
      open = undefined;
    }
  }
  if (open !== undefined) throw new Error(`the block of line ${open.line} has no end`);
  return blocks;
}
