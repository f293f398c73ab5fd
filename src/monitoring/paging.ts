// The part of a long list that a page shows.

/** Entries of a list where no limit was asked for. */
export const DEFAULT_LIMIT = 1024;

/** `limit` entries from `offset` on; a limit of 0 or below is the default one. */
export function page<T>(list: readonly T[], offset: number, limit: number): T[] {
  const from = Math.max(0, offset);
  return list.slice(from, from + (limit > 0 ? limit : DEFAULT_LIMIT));
}
