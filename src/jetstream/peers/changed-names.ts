// Which streams have come or gone with a telling of all streams of a server.

/** By account and name. */
type Streams = ReadonlyMap<string, ReadonlyMap<string, unknown>>;

export interface ChangedName {
  readonly account: string;
  readonly name: string;
}

/** Streams that are only in one of the two; none where `before` is undefined, since nothing was known then. */
export function changedNames(before: Streams | undefined, after: Streams): ChangedName[] {
  return before === undefined ? [] : [...missing(before, after), ...missing(after, before)];
}

function* missing(from: Streams, other: Streams): IterableIterator<ChangedName> {
  for (const [account, names] of from) {
    for (const name of names.keys()) if (other.get(account)?.has(name) !== true) yield { account, name };
  }
}
