// The subjects of a stream: a number for each, its totals, and which of them match a filter. Subjects are latin1; a tree of
// tokens, made when the first wildcard asks, finds those that match without looking at all.
import { isLiteral, subjectMatches } from "../../subjects/validity.js";
import { grown } from "./grown.js";
import type { Sequence, SubjectFilter } from "./store.js";

const FULL = ">";
const STAR = "*";
const FIRST_CAPACITY = 16;
/** Numbers of a subject; the first of them is how many messages it has. */
const TOTALS = 3;
const FIRST = 1;
const LAST = 2;

/** A token's subjects: the one that ends here (0: none), and those that go on. */
class Node {
  id = 0;
  children: Map<string, Node | number> | undefined;
}

/** Numbers from 1, so that 0 can stand for none; a number whose subject has no messages any more is given again. */
export class SubjectIndex {
  // Nearly all streams with many messages in a row have them of one subject.
  private lastSubject: string | undefined;
  private lastId = 0;
  /** Of each number: how many messages, the first and the last; together, as whoever needs one needs all. */
  private totals: Float64Array = new Float64Array(FIRST_CAPACITY);
  /** How many subjects have messages. */
  size = 0;
  /** How often a number was given again: within one, a number always means the same subject. */
  generation = 0;
  private readonly ids = new Map<string, number>();
  private readonly names: string[] = [""];
  private readonly free: number[] = [];
  private readonly filters = new Set<Filter>();
  private root: Node | undefined;

  /** Above every number in use. */
  get limit(): number {
    return this.names.length;
  }

  /** 0 when it has no messages. */
  idOf(subject: string): number {
    return this.ids.get(subject) ?? 0;
  }

  /** "" for a number that is not in use. */
  nameOf(id: number): string {
    return this.names[id];
  }

  /** The subject's number, made when there is none. */
  add(subject: string): number {
    if (subject === this.lastSubject) return this.lastId;
    const id = this.ids.get(subject) ?? this.begin(subject);
    this.lastSubject = subject;
    this.lastId = id;
    return id;
  }

  countOf(id: number): number {
    return this.totals[TOTALS * id];
  }

  firstOf(id: number): Sequence {
    return this.totals[TOTALS * id + FIRST];
  }

  lastOf(id: number): Sequence {
    return this.totals[TOTALS * id + LAST];
  }

  setFirst(id: number, sequence: Sequence): void {
    this.totals[TOTALS * id + FIRST] = sequence;
  }

  setLast(id: number, sequence: Sequence): void {
    this.totals[TOTALS * id + LAST] = sequence;
  }

  /** Counts a message, behind all others of its subject; gives the one that was the last before, 0 for none. */
  count(id: number, sequence: Sequence): Sequence {
    const { totals } = this;
    const at = TOTALS * id;
    const before = totals[at]++ === 0 ? 0 : totals[at + LAST];
    if (before === 0) totals[at + FIRST] = sequence;
    totals[at + LAST] = sequence;
    return before;
  }

  /** Counts a message less; gives how many are left. */
  discount(id: number): number {
    return --this.totals[TOTALS * id];
  }

  /** Counts none of any subject. */
  countNone(): void {
    this.totals.fill(0);
  }

  private begin(subject: string): number {
    let id = this.names.length;
    if (this.free.length > 0) {
      id = this.free.pop()!;
      this.generation++;
    }
    this.ids.set(subject, id);
    this.size++;
    this.names[id] = subject;
    this.totals = grown(this.totals, TOTALS * (id + 1));
    this.totals.fill(0, TOTALS * id, TOTALS * (id + 1));
    if (this.root !== undefined) insert(this.root, subject, id);
    for (const filter of this.filters) filter.note(id, subject);
    return id;
  }

  /** Forgets a subject without messages. */
  remove(id: number): void {
    const subject = this.names[id];
    if (this.ids.delete(subject)) this.size--;
    this.names[id] = "";
    this.free.push(id);
    if (id === this.lastId) this.forgetLast();
    if (this.root !== undefined) cut(this.root, subject);
    for (const filter of this.filters) filter.note(id, "");
  }

  clear(): void {
    this.generation++;
    this.ids.clear();
    this.size = 0;
    this.names.length = 1;
    this.free.length = 0;
    this.root = undefined;
    this.forgetLast();
    for (const filter of this.filters) filter.clear();
  }

  private forgetLast(): void {
    this.lastSubject = undefined;
    this.lastId = 0;
  }

  /** The numbers of the subjects that match any of the patterns; each once. */
  matching(patterns: readonly string[]): number[] {
    if (patterns.length === 1 && isLiteral(patterns[0])) {
      const id = this.idOf(patterns[0]);
      return id === 0 ? [] : [id];
    }
    const found = new Set<number>();
    for (const pattern of patterns) {
      if (isLiteral(pattern)) {
        const id = this.idOf(pattern);
        if (id !== 0) found.add(id);
      } else {
        walk(this.tree(), pattern.split("."), 0, (id) => found.add(id));
      }
    }
    return [...found];
  }

  *all(): Iterable<number> {
    yield* this.ids.values();
  }

  filter(patterns: readonly string[]): Filter {
    const filter = new Filter(this, patterns, () => this.filters.delete(filter));
    if (filter.followsNew) this.filters.add(filter);
    return filter;
  }

  private tree(): Node {
    if (this.root === undefined) {
      this.root = new Node();
      for (const [subject, id] of this.ids) insert(this.root, subject, id);
    }
    return this.root;
  }
}

/** A filter on the subjects of one index. */
export class Filter implements SubjectFilter {
  readonly patterns: readonly string[];
  /** Whether every subject matches. */
  readonly all: boolean;
  /** The only subject that matches; undefined when there may be several. */
  readonly literal: string | undefined;
  private readonly index: SubjectIndex;
  private readonly onRelease: () => void;
  private members: Uint8Array | undefined;

  constructor(index: SubjectIndex, patterns: readonly string[], onRelease: () => void) {
    this.index = index;
    this.patterns = patterns;
    this.onRelease = onRelease;
    this.all = patterns.length === 0 || patterns.includes(FULL);
    this.literal = !this.all && patterns.length === 1 && isLiteral(patterns[0]) ? patterns[0] : undefined;
  }

  get followsNew(): boolean {
    return !this.all && this.literal === undefined;
  }

  matches(subject: string): boolean {
    return this.all || this.patterns.some((pattern) => subjectMatches(subject, pattern));
  }

  release(): void {
    this.onRelease();
  }

  /** By a subject's number: 1 when it matches. Not for filters on all or on one literal subject. */
  get membership(): Uint8Array {
    if (this.members === undefined) {
      this.members = new Uint8Array(Math.max(FIRST_CAPACITY, this.index.limit * 2));
      for (const id of this.index.matching(this.patterns)) this.members[id] = 1;
    }
    return this.members;
  }

  /** The numbers of the subjects that match. */
  ids(): Iterable<number> {
    return this.all ? this.index.all() : this.index.matching(this.patterns);
  }

  /** A number stands for this subject now; "" for none. */
  note(id: number, subject: string): void {
    if (this.members === undefined) return;
    if (id >= this.members.length) {
      const larger = new Uint8Array(id * 2);
      larger.set(this.members);
      this.members = larger;
    }
    this.members[id] = subject !== "" && this.matches(subject) ? 1 : 0;
  }

  clear(): void {
    this.members = undefined;
  }
}

function insert(root: Node, subject: string, id: number): void {
  const tokens = subject.split(".");
  let node = root;
  for (let depth = 0; depth < tokens.length - 1; depth++) {
    node.children ??= new Map();
    let next = node.children.get(tokens[depth]);
    if (typeof next !== "object") {
      const made = new Node();
      if (next !== undefined) made.id = next;
      next = made;
      node.children.set(tokens[depth], next);
    }
    node = next;
  }
  const last = tokens[tokens.length - 1];
  node.children ??= new Map();
  const known = node.children.get(last);
  if (typeof known === "object") known.id = id;
  else node.children.set(last, id);
}

function cut(root: Node, subject: string): void {
  const tokens = subject.split(".");
  const path = [root];
  for (let depth = 0; depth < tokens.length - 1; depth++) {
    const next = path[depth].children?.get(tokens[depth]);
    if (typeof next !== "object") return;
    path.push(next);
  }
  const last = path[path.length - 1];
  const end = last.children?.get(tokens[tokens.length - 1]);
  if (typeof end === "object" && end.children !== undefined) {
    end.id = 0;
    return;
  }
  for (let depth = path.length - 1; depth >= 0; depth--) {
    const node = path[depth];
    node.children?.delete(tokens[depth]);
    if (node.children !== undefined && node.children.size > 0) return;
    node.children = undefined;
    if (node.id !== 0) return;
  }
}

function walk(node: Node, tokens: readonly string[], depth: number, found: (id: number) => void): void {
  if (node.children === undefined) return;
  const token = tokens[depth];
  const isLast = depth === tokens.length - 1;
  if (token === FULL && isLast) {
    for (const child of node.children.values()) everything(child, found);
  } else if (token === STAR) {
    for (const child of node.children.values()) step(child, tokens, depth, isLast, found);
  } else {
    const child = node.children.get(token);
    if (child !== undefined) step(child, tokens, depth, isLast, found);
  }
}

function step(
  child: Node | number,
  tokens: readonly string[],
  depth: number,
  isLast: boolean,
  found: (id: number) => void,
): void {
  if (typeof child === "number") {
    if (isLast) found(child);
  } else if (!isLast) {
    walk(child, tokens, depth + 1, found);
  } else if (child.id !== 0) {
    found(child.id);
  }
}

function everything(child: Node | number, found: (id: number) => void): void {
  if (typeof child === "number") {
    found(child);
    return;
  }
  if (child.id !== 0) found(child.id);
  if (child.children !== undefined) for (const below of child.children.values()) everything(below, found);
}
