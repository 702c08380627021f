/** Servers take this many characters of a query: most bound the whole URL at 8 KiB. At least 30 tags. */
const MAX_QUERY = 4 * 1024;

/** Of the tags of a manifest, as many as the query of one PUT (`?tag=…`) has room for. */
export function tagsForQuery(tags: readonly string[]): readonly string[] {
  let length = 0;
  return tags.filter((tag) => (length += `&tag=${tag}`.length) <= MAX_QUERY);
}
