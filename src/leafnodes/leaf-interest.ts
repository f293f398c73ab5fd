// What one leaf link has told the other side of: the interest of its account, counted per subject and queue group, without
// what came from there (conformance/topology, WIRE.md 4.3).
import type { Subscription } from "../accounts/subscription.js";

/** How the subjects begin by which a server finds its own interest coming back. */
export const LOOP_PREFIX = "$LDS.";

/** Sends LS+ or, with `count` 0, LS-. */
export type AnnounceLeaf = (subject: string, queue: string, count: number) => void;

/** What stands for interest: a subscription, or the subject of a mapping. */
export type Interest = Pick<Subscription, "subject" | "queue" | "weight">;

export class LeafInterest {
  // Keys are "subject" or "subject queue".
  readonly #counts = new Map<string, number>();
  readonly #announce: AnnounceLeaf;

  constructor(announce: AnnounceLeaf) {
    this.#announce = announce;
  }

  get size(): number {
    return this.#counts.size;
  }

  /** Counts without announcing; for what is announced as a whole afterwards. */
  note({ subject, queue, weight }: Interest): void {
    const key = queue === undefined ? subject : `${subject} ${queue}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + weight);
  }

  /** All of it; what comes meanwhile is part of the walk, what goes is not. */
  *all(): IterableIterator<{ subject: string; queue: string; count: number }> {
    for (const [key, count] of this.#counts) {
      const [subject, queue = ""] = key.split(" ");
      yield { subject, queue, count };
    }
  }

  added(subscription: Interest): void {
    this.#count(subscription, subscription.weight);
  }

  removed(subscription: Interest): void {
    this.#count(subscription, -subscription.weight);
  }

  #count({ subject, queue }: Interest, by: number): void {
    const key = queue === undefined ? subject : `${subject} ${queue}`;
    const before = this.#counts.get(key) ?? 0;
    const count = Math.max(0, before + by);
    if (before === 0 && count === 0) return;
    if (count > 0) this.#counts.set(key, count);
    else this.#counts.delete(key);
    if (queue !== undefined || before === 0 || count === 0) this.#announce(subject, queue ?? "", count);
  }
}
