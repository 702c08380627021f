/** Platforms, names and codes are hardly ever wider. */
const MAX_WIDTH = 40;

/**
 * How wide a column is: as its widest cell, but for cells that nobody would write. One of 100 kB would make as much of every
 * other row.
 * @param widths of its cells
 * @param most a cell that is wider stands out of its column
 */
export function columnWidth(widths: readonly number[], most = MAX_WIDTH): number {
  return widths.reduce((widest, width) => (width > widest && width <= most ? width : widest), 0);
}
