/** How long a query may be: most servers limit the whole URL to 8 KiB. That is room for 30 tags at least. */
const MAX_QUERY = 4 * 1024;

/** As many of a manifest's tags as fit into the query of one PUT (`?tag=…`). */
export function tagsForQuery(tags: readonly string[]): readonly string[] {
  let length = 0;
  return tags.filter((tag) => (length += `&tag=${tag}`.length) <= MAX_QUERY);
}
