// Remembers match results by published subject. Entries are checked when they are used, against a short journal of the
// wildcard subjects that came or went since; so a change costs nothing for the entries it does not concern.

import { subjectMatches } from "./validity.js";

// Entries and collected members that one of the two generations may hold before it becomes the old one.
const MAX_ENTRIES = 1024;
const MAX_WEIGHT = 1 << 18;
const MAX_SUBJECT_LENGTH = 1024;
const JOURNAL_LENGTH = 64; // a power of two

interface Entry<R> {
  result: R;
  weight: number;
  changesSeen: number;
}

/** A bounded cache of results that depend on a changing set of subjects. */
export class MatchCache<R> {
  #young = new Map<string, Entry<R>>();
  #old = new Map<string, Entry<R>>();
  #youngWeight = 0;
  #changes = 0;
  readonly #journal: string[] = new Array(JOURNAL_LENGTH).fill("");

  /** The number of entries, outdated ones included. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** The result for this subject, or undefined if there is none or it may be outdated. */
  get(subject: string): R | undefined {
    let entry = this.#young.get(subject);
    if (entry === undefined) {
      entry = this.#old.get(subject);
      if (entry === undefined) return undefined;
      if (this.#isCurrent(subject, entry)) this.#keep(subject, entry);
      else return undefined;
    } else if (!this.#isCurrent(subject, entry)) {
      return undefined;
    }
    return entry.result;
  }

  /** Keeps a result that is right now; `weight` is the number of members stored for this entry alone. */
  set(subject: string, result: R, weight: number): void {
    if (subject.length > MAX_SUBJECT_LENGTH || weight > MAX_WEIGHT) this.forget(subject);
    else this.#keep(subject, { result, weight, changesSeen: this.#changes });
  }

  /** The result for this very subject changed; its entry stays, to be filled again. */
  outdate(subject: string): void {
    const entry = this.#young.get(subject) ?? this.#old.get(subject);
    if (entry !== undefined) entry.changesSeen = Number.NEGATIVE_INFINITY;
  }

  /** Drops the entry for this very subject. */
  forget(subject: string): void {
    const entry = this.#young.get(subject);
    if (entry !== undefined) this.#youngWeight -= entry.weight;
    this.#young.delete(subject);
    this.#old.delete(subject);
  }

  /** The results of all subjects that this wildcard subject matches have changed. */
  outdateMatching(pattern: string): void {
    this.#journal[this.#changes & (JOURNAL_LENGTH - 1)] = pattern;
    this.#changes++;
  }

  /** All entries; the result is undefined where it is outdated. */
  *entries(): Iterable<[subject: string, result: R | undefined]> {
    for (const generation of [this.#young, this.#old]) {
      for (const [subject, entry] of generation) {
        yield [subject, this.#isCurrent(subject, entry) ? entry.result : undefined];
      }
    }
  }

  #isCurrent(subject: string, entry: Entry<R>): boolean {
    const changes = this.#changes;
    if (entry.changesSeen === changes) return true;
    if (changes - entry.changesSeen > JOURNAL_LENGTH) return false;
    for (let change = entry.changesSeen; change < changes; change++) {
      if (subjectMatches(subject, this.#journal[change & (JOURNAL_LENGTH - 1)])) return false;
    }
    entry.changesSeen = changes;
    return true;
  }

  #keep(subject: string, entry: Entry<R>): void {
    this.forget(subject);
    if (this.#young.size >= MAX_ENTRIES || this.#youngWeight + entry.weight > MAX_WEIGHT) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngWeight = 0;
    }
    this.#young.set(subject, entry);
    this.#youngWeight += entry.weight;
  }
}
