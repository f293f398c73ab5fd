// The interests that share one subject: none, one alone, or a group of plain ones and queue groups.
// Most subjects have a single subscription, which therefore stands for itself.

/** What a sublist holds: a subscription or anything else that wants the messages of a subject. */
export interface Interest {
  readonly subject: string;
  /** The queue group, undefined for a plain subscription. */
  readonly queue: string | undefined;
}

/** Who gets a message. Immutable, and shared between subjects. */
export interface MatchResult<S> {
  readonly plain: readonly S[];
  /** One array per queue name over all matching subjects; none is empty. */
  readonly queues: readonly (readonly S[])[];
}

const NONE: readonly never[] = Object.freeze([]);

/** The result when nobody is interested. */
export const EMPTY: MatchResult<never> = Object.freeze({ plain: NONE, queues: NONE });

/** One interest, or all of one subject. */
export type Slot<S extends Interest> = S | Group<S>;

class Members<S> {
  readonly set = new Set<S>();
  #list: readonly S[] | undefined;

  get list(): readonly S[] {
    this.#list ??= [...this.set];
    return this.#list;
  }

  add(member: S): boolean {
    if (this.set.has(member)) return false;
    this.set.add(member);
    this.#list = undefined;
    return true;
  }

  delete(member: S): boolean {
    if (!this.set.delete(member)) return false;
    this.#list = undefined;
    return true;
  }
}

/** Several interests in one subject. */
export class Group<S extends Interest> {
  readonly #plain = new Members<S>();
  #queues: Map<string, Members<S>> | undefined;
  #result: MatchResult<S> | undefined;

  get isEmpty(): boolean {
    return this.#plain.set.size === 0 && this.#queues === undefined;
  }

  /** What a message gets that matches no other subject. */
  get result(): MatchResult<S> {
    this.#result ??= {
      plain: this.#plain.list,
      queues: this.#queues === undefined ? NONE : Array.from(this.#queues.values(), (members) => members.list),
    };
    return this.#result;
  }

  /** Returns false if it was there already. */
  add(interest: S): boolean {
    let members = this.#plain;
    if (interest.queue !== undefined) {
      this.#queues ??= new Map();
      const queue = this.#queues.get(interest.queue);
      members = queue ?? new Members();
      if (queue === undefined) this.#queues.set(interest.queue, members);
    }
    if (!members.add(interest)) return false;
    this.#result = undefined;
    return true;
  }

  /** Returns false if it was not there. */
  delete(interest: S): boolean {
    if (interest.queue === undefined) {
      if (!this.#plain.delete(interest)) return false;
    } else {
      const queue = this.#queues?.get(interest.queue);
      if (queue === undefined || !queue.delete(interest)) return false;
      if (queue.set.size === 0) this.#queues?.delete(interest.queue);
      if (this.#queues?.size === 0) this.#queues = undefined;
    }
    this.#result = undefined;
    return true;
  }

  /** The plain ones, or those of a queue group. */
  membersOf(queue: string | undefined): Iterable<S> {
    return (queue === undefined ? this.#plain : this.#queues?.get(queue))?.set ?? NONE;
  }

  *[Symbol.iterator](): Iterator<S> {
    yield* this.#plain.set;
    if (this.#queues !== undefined) for (const queue of this.#queues.values()) yield* queue.set;
  }
}

/** All interests of a slot. */
export function interestsOf<S extends Interest>(slot: Slot<S>): Iterable<S> {
  return slot instanceof Group ? slot : [slot];
}

/** A result, and how many members had to be stored for it because no group's own arrays would do. */
export interface Merged<S> {
  readonly result: MatchResult<S>;
  readonly stored: number;
}

/** Puts the slots of all matching subjects together. Arrays that come from one group alone are shared, not copied. */
export function mergeSlots<S extends Interest>(slots: readonly Slot<S>[]): Merged<S> {
  if (slots.length === 0) return { result: EMPTY, stored: 0 };
  if (slots.length === 1) {
    const slot = slots[0];
    if (slot instanceof Group) return { result: slot.result, stored: 0 };
    const alone = [slot];
    const result = slot.queue === undefined ? { plain: alone, queues: NONE } : { plain: NONE, queues: [alone] };
    return { result, stored: 1 };
  }
  const plain = new Gathered<S>();
  let queues: Map<string, Gathered<S>> | undefined;
  for (const slot of slots) {
    if (slot instanceof Group) {
      plain.add(slot.result.plain);
      for (const members of slot.result.queues) queues = gatherQueue(queues, members);
    } else if (slot.queue === undefined) {
      plain.add([slot]);
    } else {
      queues = gatherQueue(queues, [slot]);
    }
  }
  if (queues === undefined) return { result: { plain: plain.members, queues: NONE }, stored: plain.stored };
  let stored = plain.stored;
  for (const queue of queues.values()) stored += queue.stored + 1;
  return { result: { plain: plain.members, queues: Array.from(queues.values(), (queue) => queue.members) }, stored };
}

function gatherQueue<S extends Interest>(
  queues: Map<string, Gathered<S>> | undefined,
  members: readonly S[],
): Map<string, Gathered<S>> {
  const all = queues ?? new Map<string, Gathered<S>>();
  const name = members[0].queue as string;
  let queue = all.get(name);
  if (queue === undefined) {
    queue = new Gathered();
    all.set(name, queue);
  }
  queue.add(members);
  return all;
}

class Gathered<S> {
  members: readonly S[] = NONE;
  #own: S[] | undefined;

  get stored(): number {
    return this.#own?.length ?? 0;
  }

  add(members: readonly S[]): void {
    if (members.length === 0) return;
    if (this.members.length === 0) {
      this.members = members;
      return;
    }
    if (this.#own === undefined) {
      this.#own = this.members.slice();
      this.members = this.#own;
    }
    for (const member of members) this.#own.push(member);
  }
}
