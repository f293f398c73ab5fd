// All interest of another server in one account, in the order it came: a chain through the subscriptions themselves, since
// there may be millions.
import type { RoutedSubscription } from "./routed-subscription.js";

export class InterestList implements Iterable<RoutedSubscription> {
  #first: RoutedSubscription | undefined;
  #last: RoutedSubscription | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(subscription: RoutedSubscription): void {
    if (this.#last === undefined) this.#first = subscription;
    else this.#last.next = subscription;
    subscription.previous = this.#last;
    this.#last = subscription;
    this.#size++;
  }

  /** Takes one out that is in the list. It still leads to what follows it, so that a walk that stands there goes on. */
  remove(subscription: RoutedSubscription): void {
    const { previous, next } = subscription;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    this.#size--;
  }

  /** What comes while the list is walked through is part of the walk, or is not; what goes may be. */
  *[Symbol.iterator](): IterableIterator<RoutedSubscription> {
    for (let at = this.#first; at !== undefined; at = at.next) yield at;
  }
}
