// Choices that a seed repeats, for simulations.
import type { Random } from "../../src/runtime/random.js";

export class Draw {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  chance(probability: number): boolean {
    return this.#random.float() < probability;
  }

  /** A whole number, both ends included. */
  between(least: number, most: number): number {
    return least + this.#random.below(most - least + 1);
  }

  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T {
    return list[this.#random.below(list.length)];
  }

  /** Some of them, in random order. */
  some<T>(list: readonly T[], count: number): T[] {
    const left = [...list];
    const taken: T[] = [];
    while (taken.length < count && left.length > 0) taken.push(...left.splice(this.#random.below(left.length), 1));
    return taken;
  }
}
