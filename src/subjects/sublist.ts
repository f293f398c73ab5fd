// The sublist: who is interested in which subject. Literal subjects stand in one flat table, wildcard subjects in a trie
// with one level per token, and the results for subjects that are published are cached.

import { MatchCache } from "./match-cache.js";
import { Node, numbersAtEnd, placeOf } from "./node.js";
import { EMPTY, Group, type Interest, interestsOf, type MatchResult, mergeSlots, type Slot } from "./slot.js";
import {
  hasOnlyTokens,
  isLiteral,
  isValidSubject,
  SubjectError,
  SubjectKind,
  subjectMatches,
  subjectsOverlap,
  type ValidKind,
} from "./validity.js";

export type { Interest, MatchResult } from "./slot.js";

/** What `/subsz` shows of a sublist. Counters run since the sublist was made. */
export interface SublistStats {
  readonly subscriptions: number;
  readonly cacheEntries: number;
  readonly inserts: number;
  readonly removes: number;
  readonly matches: number;
  readonly cacheHits: number;
  /** The most deliveries (plain subscriptions and queue groups) of a cached subject. */
  readonly maxFanout: number;
  readonly avgFanout: number;
}

const DOT = 46;
/** How many numbers `matchNumbered` speaks of. */
export const NUMBERED_TOKENS = 5;
/** Prefixes that `matchOnce` remembers. */
const MAX_PREFIXES = 1024;

const NONE: readonly never[] = Object.freeze([]);

/** The interests of an account (or of any other set of subjects), found by subject. */
export class Sublist<S extends Interest> {
  /** Changes with every insert and remove, so that callers may keep match results as long as it stays. */
  generation = 0;
  readonly #literals = new Map<string, Slot<S>>();
  readonly #root = new Node<S>();
  readonly #cache: MatchCache<MatchResult<S>> | undefined;
  // What `matchOnce` remembers, by all tokens but the last; the prefix that was asked for last comes before the table.
  readonly #besideResults = new Map<string, MatchResult<S> | undefined>();
  // Literal subjects with as many numbers at the end.
  #numberedLiterals = 0;
  #besideGeneration = -1;
  #beside = "";
  #besideResult: MatchResult<S> | undefined;
  #size = 0;
  #inserts = 0;
  #removes = 0;
  #matches = 0;
  #cacheHits = 0;

  /** The cache is on by default. */
  constructor(options: { cache?: boolean } = {}) {
    this.#cache = options.cache === false ? undefined : new MatchCache();
  }

  /** The number of interests. */
  get size(): number {
    return this.#size;
  }

  /**
   * Adds an interest; one that is there already stays once. Throws SubjectError if its subject has an empty token or a
   * `>` before the end. Returns whether its subject had none before.
   * @param kind of its subject, if the caller knows it
   */
  insert(sub: S, kind?: ValidKind): boolean {
    const subject = sub.subject;
    if (kind === undefined && !isValidSubject(subject)) throw new SubjectError(subject);
    let slot: Slot<S> | undefined;
    if (kind === SubjectKind.literal || (kind === undefined && isLiteral(subject))) {
      slot = this.#literals.get(subject);
      const grown = addToSlot(slot, sub);
      if (grown === undefined) return false;
      if (grown !== slot) this.#literals.set(subject, grown);
      if (slot === undefined && isNumbered(subject)) this.#numberedLiterals++;
      this.#cache?.outdate(subject);
    } else {
      const tokens = subject.split(".");
      const place = placeOf(tokens);
      let node = this.#root;
      for (const token of tokens) {
        let next = node.below(token);
        if (next === undefined) {
          next = new Node();
          node.setBelow(token, next);
        }
        node = next;
      }
      slot = node[place];
      const grown = addToSlot(slot, sub);
      if (grown === undefined) return false;
      node[place] = grown;
      this.#cache?.outdateMatching(subject);
    }
    this.#size++;
    this.#inserts++;
    this.generation++;
    return slot === undefined;
  }

  /** Removes this very interest, and returns false if it was not there. */
  remove(sub: S): boolean {
    const subject = sub.subject;
    if (isLiteral(subject)) {
      const slot = this.#literals.get(subject);
      if (slot === undefined || !leavesSlot(slot, sub)) return false;
      if (!(slot instanceof Group) || slot.isEmpty) {
        this.#literals.delete(subject);
        if (isNumbered(subject)) this.#numberedLiterals--;
      }
      this.#cache?.forget(subject);
    } else {
      if (!this.#removeWildcard(sub)) return false;
      this.#cache?.outdateMatching(subject);
    }
    this.#size--;
    this.#removes++;
    this.generation++;
    return true;
  }

  /** The interests of this very subject, of those without a queue group or of one. */
  interestsIn(subject: string, queue: string | undefined): Iterable<S> {
    const slot = isLiteral(subject) ? this.#literals.get(subject) : this.#wildcardSlot(subject);
    if (slot instanceof Group) return slot.membersOf(queue);
    return slot !== undefined && slot.queue === queue ? [slot] : NONE;
  }

  /**
   * Who gets a message that is published to this subject. `*` and `>` in it are text, which only wildcards match; a
   * subject with an empty token matches nothing. The cache keeps the string, so it should not be a slice of a larger one.
   */
  match(subject: string): MatchResult<S> {
    this.#matches++;
    const known = this.#cache?.get(subject);
    if (known !== undefined) {
      this.#cacheHits++;
      return known;
    }
    if (!hasOnlyTokens(subject, 0)) return EMPTY;
    const { result, stored } = mergeSlots(this.#slotsFor(subject));
    this.#cache?.set(subject, result, stored);
    return result;
  }

  /**
   * As `match`, for subjects that come once, such as the reply subjects of requests: what is remembered is not the subject
   * but those beside it, which differ in their last token.
   */
  matchOnce(subject: string): MatchResult<S> {
    let dot = subject.length - 1;
    while (dot >= 0 && subject.charCodeAt(dot) !== DOT) dot--;
    if (
      this.#besideGeneration !== this.generation ||
      dot !== this.#beside.length ||
      !subject.startsWith(this.#beside)
    ) {
      if (dot <= 0) return this.match(subject);
      this.#lookBeside(subject.slice(0, dot));
    }
    const result = this.#besideResult;
    if (result === undefined || dot === subject.length - 1 || this.#literals.has(subject)) return this.match(subject);
    this.#matches++;
    this.#cacheHits++;
    return result;
  }

  // Who gets all subjects of one token more; undefined when that depends on the token.
  #lookBeside(prefix: string): void {
    if (this.#besideGeneration !== this.generation || this.#besideResults.size >= MAX_PREFIXES)
      this.#besideResults.clear();
    this.#besideGeneration = this.generation;
    this.#beside = prefix;
    if (!this.#besideResults.has(prefix)) this.#besideResults.set(prefix, this.#lookForTail(prefix, 1, false));
    this.#besideResult = this.#besideResults.get(prefix);
  }

  /**
   * Who gets all subjects of a prefix (without a dot at its end) and NUMBERED_TOKENS further tokens that are numbers, as those of
   * acknowledgements; undefined where that depends on the numbers. Nothing is remembered.
   */
  matchNumbered(prefix: string): MatchResult<S> | undefined {
    return this.#numberedLiterals > 0 ? undefined : this.#lookForTail(prefix, NUMBERED_TOKENS, true);
  }

  // Who gets all subjects of so many tokens (or numbers) more; undefined when that depends on the tokens.
  #lookForTail(prefix: string, tail: number, areNumbers: boolean): MatchResult<S> | undefined {
    if (!hasOnlyTokens(prefix, 0)) return undefined;
    const slots: Slot<S>[] = [];
    let nodes: Node<S>[] = [this.#root];
    for (const token of prefix.split(".")) {
      const next: Node<S>[] = [];
      for (const node of nodes) {
        if (node.full !== undefined) slots.push(node.full);
        const child = node.child(token);
        if (child !== undefined) next.push(child);
        if (node.starChild !== undefined) next.push(node.starChild);
      }
      nodes = next;
    }
    for (let left = tail; left > 0; left--) {
      const next: Node<S>[] = [];
      for (const node of nodes) {
        if (areNumbers ? node.hasNumbersBelow : node.hasTokensBelow) return undefined;
        if (node.full !== undefined) slots.push(node.full);
        if (left === 1 && node.star !== undefined) slots.push(node.star);
        if (node.starChild !== undefined) next.push(node.starChild);
      }
      nodes = next;
    }
    return mergeSlots(slots).result;
  }

  /** Whether `match` would find anything. */
  hasInterest(subject: string): boolean {
    const known = this.#cache?.get(subject);
    if (known !== undefined) return known !== EMPTY;
    return this.#slotsFor(subject).length > 0;
  }

  /**
   * All interests whose subject has some literal subject in common with this one, which may have wildcards. Looks at
   * every subject of the list when it has.
   */
  matchesOf(pattern: string): S[] {
    const found: S[] = [];
    if (isLiteral(pattern)) {
      for (const slot of this.#slotsFor(pattern)) for (const sub of interestsOf(slot)) found.push(sub);
      return found;
    }
    for (const [subject, slot] of this.#literals) {
      if (subjectMatches(subject, pattern)) for (const sub of interestsOf(slot)) found.push(sub);
    }
    for (const slot of this.#wildcardSlots()) {
      let overlaps: boolean | undefined;
      for (const sub of interestsOf(slot)) {
        overlaps ??= subjectsOverlap(sub.subject, pattern);
        if (!overlaps) break;
        found.push(sub);
      }
    }
    return found;
  }

  /** Every interest, in no order. Do not insert or remove meanwhile. */
  *all(): Iterable<S> {
    for (const slot of this.#literals.values()) yield* interestsOf(slot);
    for (const slot of this.#wildcardSlots()) yield* interestsOf(slot);
  }

  /** The counters, and what the cached results look like. */
  stats(): SublistStats {
    let cacheEntries = 0;
    let maxFanout = 0;
    let totalFanout = 0;
    for (const [subject, known] of this.#cache?.entries() ?? []) {
      const result = known ?? mergeSlots(this.#slotsFor(subject)).result;
      const fanout = result.plain.length + result.queues.length;
      cacheEntries++;
      totalFanout += fanout;
      maxFanout = Math.max(maxFanout, fanout);
    }
    return {
      subscriptions: this.#size,
      cacheEntries,
      inserts: this.#inserts,
      removes: this.#removes,
      matches: this.#matches,
      cacheHits: this.#cacheHits,
      maxFanout,
      avgFanout: cacheEntries === 0 ? 0 : totalFanout / cacheEntries,
    };
  }

  #slotsFor(subject: string): Slot<S>[] {
    const found: Slot<S>[] = [];
    if (!hasOnlyTokens(subject, 0)) return found;
    const literal = this.#literals.get(subject);
    if (literal !== undefined) found.push(literal);
    let nodes: Node<S>[] = [this.#root];
    let start = 0;
    while (nodes.length > 0) {
      const dot = subject.indexOf(".", start);
      const token = dot === -1 ? subject.slice(start) : subject.slice(start, dot);
      const next: Node<S>[] = [];
      for (const node of nodes) {
        if (node.full !== undefined) found.push(node.full);
        const child = node.child(token);
        if (dot === -1) {
          if (node.star !== undefined) found.push(node.star);
          if (child?.here !== undefined) found.push(child.here);
        } else {
          if (child !== undefined) next.push(child);
          if (node.starChild !== undefined) next.push(node.starChild);
        }
      }
      nodes = next;
      start = dot + 1;
    }
    return found;
  }

  #removeWildcard(sub: S): boolean {
    const tokens = sub.subject.split(".");
    const place = placeOf(tokens);
    const path = [this.#root];
    for (const token of tokens) {
      const next = path[path.length - 1].below(token);
      if (next === undefined) return false;
      path.push(next);
    }
    const last = path[path.length - 1];
    const slot = last[place];
    if (slot === undefined || !leavesSlot(slot, sub)) return false;
    if (!(slot instanceof Group) || slot.isEmpty) last[place] = undefined;
    for (let depth = tokens.length; depth > 0 && path[depth].isEmpty; depth--) {
      path[depth - 1].removeBelow(tokens[depth - 1]);
    }
    return true;
  }

  #wildcardSlot(subject: string): Slot<S> | undefined {
    const tokens = subject.split(".");
    const place = placeOf(tokens);
    let node: Node<S> | undefined = this.#root;
    for (const token of tokens) node = node?.below(token);
    return node?.[place];
  }

  *#wildcardSlots(): Iterable<Slot<S>> {
    const nodes = [this.#root];
    for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
      if (node.here !== undefined) yield node.here;
      if (node.star !== undefined) yield node.star;
      if (node.full !== undefined) yield node.full;
      for (const below of node.nodesBelow()) nodes.push(below);
    }
  }
}

function isNumbered(subject: string): boolean {
  return numbersAtEnd(subject, NUMBERED_TOKENS) === NUMBERED_TOKENS;
}

// The slot to store, or undefined if the interest was in it already.
function addToSlot<S extends Interest>(slot: Slot<S> | undefined, sub: S): Slot<S> | undefined {
  if (slot === undefined) return sub;
  if (slot === sub) return undefined;
  if (slot instanceof Group) return slot.add(sub) ? slot : undefined;
  const group = new Group<S>();
  group.add(slot);
  group.add(sub);
  return group;
}

function leavesSlot<S extends Interest>(slot: Slot<S>, sub: S): boolean {
  return slot instanceof Group ? slot.delete(sub) : slot === sub;
}
