import stringWidth from "string-width";

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** How many columns a character takes. Where terminals differ (emoji of several parts), the most that one of them takes. */
function characterWidth(character: string): number {
  // What a terminal that does not join them would show.
  const parts = Array.from(character);
  if (parts.length === 1) return stringWidth(character);
  return Math.max(
    stringWidth(character),
    parts.reduce((sum, part) => sum + stringWidth(part), 0),
  );
}

/** How many columns of a terminal a text takes, at most: two for each character of Chinese, none for an accent. */
export function displayWidth(text: string): number {
  if (isPlain(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += characterWidth(segment);
  return width;
}

/** A text that takes no more than so many columns: where it is longer, it ends in `…`. */
export function cutText(text: string, columns: number, ellipsis = "…"): string {
  if (displayWidth(text) <= columns) return text;
  const room = columns - displayWidth(ellipsis);
  return room < 0 ? "" : fittingText(text, room) + ellipsis;
}

/** As much of a text as so many columns have room for. No character is cut in two. */
export function fittingText(text: string, columns: number): string {
  let fitting = "";
  let width = 0;
  for (const { segment } of graphemes.segment(text)) {
    width += characterWidth(segment);
    if (width > columns) break;
    fitting += segment;
  }
  return fitting;
}

function isPlain(text: string): boolean {
  return /^[ -~]*$/.test(text);
}
