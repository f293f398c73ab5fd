// Finds the name somebody probably meant.

/** A beginning this long is taken for a name whose end was forgotten, such as a unit. */
const LEAST_BEGINNING = 4;

/**
 * The known name with the fewest edits (insert, delete, replace, swap of neighbours; case ignored) from `name`; else the
 * shortest that begins with it; undefined when none is within a third of its length and none begins so.
 */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best ?? shortestThatBegins(name.toLowerCase(), known);
}

function shortestThatBegins(beginning: string, known: Iterable<string>): string | undefined {
  if (beginning.length < LEAST_BEGINNING) return undefined;
  const all = [...known].filter((candidate) => candidate.toLowerCase().startsWith(beginning));
  return all.sort((a, b) => a.length - b.length)[0];
}

function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) cost = Math.min(cost, beforeLast[j - 2] + 1);
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length];
}
