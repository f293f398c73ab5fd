// Subjects of which an old server has said that it does not want their messages. It will say so again of one that is
// forgotten, so there is room for a limited number.
import { isLiteral, subjectMatches } from "../subjects/validity.js";
import { MAX_UNWANTED } from "./limits.js";

export class UnwantedSubjects {
  // The oldest first.
  readonly #subjects = new Set<string>();

  get subjects(): string[] {
    return [...this.#subjects];
  }

  has(subject: string): boolean {
    return this.#subjects.has(subject);
  }

  add(subject: string): void {
    this.#subjects.add(subject);
    if (this.#subjects.size <= MAX_UNWANTED) return;
    for (const oldest of this.#subjects) {
      this.#subjects.delete(oldest);
      return;
    }
  }

  /** Messages of these subjects are wanted now; wildcards stand for all that match. */
  delete(subject: string): void {
    if (isLiteral(subject)) {
      this.#subjects.delete(subject);
      return;
    }
    for (const one of this.#subjects) if (subjectMatches(one, subject)) this.#subjects.delete(one);
  }
}
