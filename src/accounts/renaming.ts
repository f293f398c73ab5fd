// How an import renames subjects: wildcards of the one name stand somewhere in the other. It works in both directions
// and on wildcard subjects too, so that a subscription to part of an import becomes one to part of the export.

import {
  placeholdersToWildcards,
  SubjectTransform,
  TransformError,
  wildcardsToPlaceholders,
} from "../subjects/transform.js";
import { isLiteral } from "../subjects/validity.js";

const noRandom = (): number => 0;

export class Renaming {
  /** What is renamed, and to what; `*` stands for each wildcard. */
  readonly from: string;
  readonly to: string;
  readonly #there: SubjectTransform | undefined;
  readonly #back: SubjectTransform | undefined;

  private constructor(from: string, to: string, there?: SubjectTransform, back?: SubjectTransform) {
    this.from = from;
    this.to = to;
    this.#there = there;
    this.#back = back;
  }

  /**
   * `to` may name wildcards of `from` as `$1` or `{{wildcard(1)}}`; `*` takes them in order. A literal `from` gets the
   * one name `to`. Throws TransformError when wildcards are left out, or other functions are used.
   */
  static of(from: string, to: string): Renaming {
    if (from === to || isLiteral(from)) return new Renaming(from, to);
    const there = SubjectTransform.compile(from, wildcardsToPlaceholders(to), { strict: true });
    const back = there.inverse();
    if (back === undefined) throw new TransformError("NOT_REVERSIBLE", to);
    return new Renaming(from, placeholdersToWildcards(to), there, back);
  }

  equals(other: Renaming): boolean {
    return this.from === other.from && this.to === other.to && this.#there?.destination === other.#there?.destination;
  }

  /** The same with both directions swapped. */
  inverted(): Renaming {
    return new Renaming(this.to, this.from, this.#back, this.#there);
  }

  /** The other name of a subject that `from` matches; empty if there is none. */
  forwards(subject: string): string {
    return rename(subject, this.from, this.to, this.#there);
  }

  /** The other name of a subject that `to` matches; empty if there is none. */
  backwards(subject: string): string {
    return rename(subject, this.to, this.from, this.#back);
  }
}

function rename(subject: string, from: string, to: string, transform: SubjectTransform | undefined): string {
  if (from === to) return subject;
  return transform === undefined ? to : (transform.apply(subject, noRandom) ?? "");
}

/** The subject that matches what both match; undefined if there is nothing. Either may have wildcards. */
export function intersection(a: string, b: string): string | undefined {
  const tokensA = a.split(".");
  const tokensB = b.split(".");
  const result: string[] = [];
  for (let at = 0; ; at++) {
    const tokenA = tokensA[at];
    const tokenB = tokensB[at];
    if (tokenA === undefined && tokenB === undefined) return result.join(".");
    if (tokenA === undefined || tokenB === undefined) return undefined;
    if (tokenA === ">") return result.concat(tokensB.slice(at)).join(".");
    if (tokenB === ">") return result.concat(tokensA.slice(at)).join(".");
    if (tokenA === "*") result.push(tokenB);
    else if (tokenB === "*" || tokenA === tokenB) result.push(tokenA);
    else return undefined;
  }
}
