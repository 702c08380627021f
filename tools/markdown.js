// How pages are read: what GitHub makes of them. For docs/api, and for the tests of the pages.

/**
 * A page without what is shown as it is: blocks of code, and comments.
 * @param {string} page
 * @returns {string}
 */
export function proseOf(page) {
  return page.replaceAll(/^( *)(`{3,})[^]*?^\1\2 *$/gm, "").replaceAll(/<!--[^]*?-->/g, "");
}

/**
 * The anchors of a page, as GitHub makes them of its headings: those of equal ones are numbered.
 * @param {string} page
 * @returns {Set<string>}
 */
export function anchorsOf(page) {
  /** @type {Set<string>} */
  const anchors = new Set();
  for (const [, heading = ""] of proseOf(page).matchAll(/^#{1,6} +(.+?) *#*$/gm)) {
    const text = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1");
    const anchor = text
      .trim()
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_\- ]/gu, "")
      .replaceAll(" ", "-");
    let name = anchor;
    for (let number = 1; anchors.has(name); number++) name = `${anchor}-${number}`;
    anchors.add(name);
  }
  for (const [, id = ""] of page.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(id);
  return anchors;
}
