// The subjects under which an account waits for measured answers from others, to notice when nobody there waits any more.
import { isLiteral, subjectMatches } from "../subjects/validity.js";

export class AwaitedAnswers {
  // By subject, what to do when nobody is interested in it any more.
  readonly #waiting = new Map<string, Set<() => void>>();

  /** Calls `lost` when the last interest in the subject ends, unless the answer comes before (`settled`). */
  add(subject: string, lost: () => void): void {
    const all = this.#waiting.get(subject) ?? new Set();
    this.#waiting.set(subject, all.add(lost));
  }

  settled(subject: string, lost: () => void): void {
    const all = this.#waiting.get(subject);
    if (all?.delete(lost) && all.size === 0) this.#waiting.delete(subject);
  }

  /** A subscription to this subject has ended; `isWanted` tells whether there is another one. */
  interestEnded(ended: string, isWanted: (subject: string) => boolean): void {
    if (this.#waiting.size === 0) return;
    if (isLiteral(ended)) {
      this.#check(ended, isWanted);
      return;
    }
    for (const subject of [...this.#waiting.keys()]) if (subjectMatches(subject, ended)) this.#check(subject, isWanted);
  }

  #check(subject: string, isWanted: (subject: string) => boolean): void {
    const all = this.#waiting.get(subject);
    if (all === undefined || isWanted(subject)) return;
    this.#waiting.delete(subject);
    for (const lost of all) lost();
  }
}
