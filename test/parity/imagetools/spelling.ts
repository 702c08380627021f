import type { Random } from "../generator.js";

/** JSON as different programs write it, or as nobody would but may. */
export function spell(random: Random, value: object): string {
  const write = random.weighted<(value: object) => string>([
    [8, (all) => JSON.stringify(all)],
    [5, (all) => JSON.stringify(all, undefined, 2)],
    [2, (all) => JSON.stringify(all, undefined, 3)],
    [1, (all) => `${JSON.stringify(all, undefined, "\t")}\n`],
    [2, (all) => JSON.stringify(shuffled(random, all))],
    [3, (all) => wild(random, all)],
  ]);
  return write(value);
}

/** The same members, in any order, at every depth. */
function shuffled(random: Random, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => shuffled(random, item));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, member]) => ({ at: random.next(), pair: [key, shuffled(random, member)] as const }))
      .sort((a, b) => a.at - b.at)
      .map(({ pair }) => pair),
  );
}

const SPACES = ["", "", "", " ", "\n", "\t", "\r\n", "  "];

/** White space anywhere, and characters escaped that need not be. */
function wild(random: Random, value: unknown): string {
  const space = (): string => random.pick(SPACES);
  const listed = (items: readonly string[]): string => items.join(`${space()},${space()}`);
  if (Array.isArray(value)) return `[${space()}${listed(value.map((item) => wild(random, item)))}${space()}]`;
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([key, member]) => `${wild(random, key)}${space()}:${space()}${wild(random, member)}`);
    return `{${space()}${listed(members)}${space()}}`;
  }
  const text = JSON.stringify(value);
  if (typeof value !== "string" || !random.chance(0.2)) return text;
  return text.replaceAll("/", random.pick(["\\/", "\\u002f", "\\u002F"]));
}
