// Slow checks of logins, of which only a few run at once: addresses take turns, and at one address the names that are asked
// for, so that a flood of wrong logins delays nobody else by more than some turns.

/** Who waits. */
export interface Place {
  /** The address that it comes from. */
  readonly source: string;
  /** The user that it wants to be; those that do not exist are one. */
  readonly name: string;
  /** It has been let in before and is never given up. */
  readonly isConnected?: boolean;
  /** Whether nobody waits for the result any more. */
  readonly isGone?: () => boolean;
}

export interface QueueLimits {
  /** Tasks that wait. */
  readonly perSource: number;
  readonly total: number;
}

/** Too many wait already: this one is given up. */
export class LoginsBusyError extends Error {
  override readonly name = "LoginsBusyError";
  readonly code = "LOGINS_BUSY";

  constructor() {
    super("too many logins are waiting to be checked");
  }
}

interface Waiting {
  readonly place: Place;
  readonly start: () => void;
  readonly giveUp: () => void;
}

interface Source {
  readonly names: Map<string, Waiting[]>;
  count: number;
}

export class FairQueue {
  readonly #parallel: number;
  readonly #limits: QueueLimits;
  // Whoever is next stands first.
  readonly #sources = new Map<string, Source>();
  #running = 0;
  #count = 0;

  constructor(parallel: number, limits: QueueLimits) {
    this.#parallel = parallel;
    this.#limits = limits;
  }

  /**
   * Runs `task` when it is its turn and gives its result; undefined when it was gone by then. When too many wait, the latest
   * of those that ask most gives up: its call rejects with a LoginsBusyError.
   */
  run<T>(place: Place, task: () => Promise<T>): Promise<T | undefined> {
    if (this.#running < this.#parallel) return this.#start(task);
    return new Promise((resolve, reject) => {
      const start = (): void => {
        if (place.isGone?.()) resolve(undefined);
        else this.#start(task).then(resolve, reject);
      };
      this.#add({ place, start, giveUp: () => reject(new LoginsBusyError()) });
    });
  }

  async #start<T>(task: () => Promise<T>): Promise<T> {
    this.#running++;
    try {
      return await task();
    } finally {
      this.#running--;
      this.#next();
    }
  }

  #next(): void {
    while (this.#running < this.#parallel) {
      const waiting = this.#take();
      if (waiting === undefined) return;
      waiting.start();
    }
  }

  #add(waiting: Waiting): void {
    const { source: key, name } = waiting.place;
    const source = this.#sources.get(key) ?? { names: new Map<string, Waiting[]>(), count: 0 };
    this.#sources.set(key, source);
    const queue = source.names.get(name) ?? [];
    source.names.set(name, queue);
    queue.push(waiting);
    source.count++;
    this.#count++;
    if (waiting.place.isConnected) return;
    if (source.count > this.#limits.perSource) this.#giveUpOne(key, source);
    else if (this.#count > this.#limits.total) this.#giveUpOne(...largest(this.#sources, ({ count }) => count));
  }

  #take(): Waiting | undefined {
    for (const [key, source] of this.#sources) {
      for (const [name, queue] of source.names) {
        const waiting = queue.shift() as Waiting;
        this.#removed(key, source, name, queue);
        // Both stand last now.
        if (source.names.delete(name) && queue.length > 0) source.names.set(name, queue);
        if (this.#sources.delete(key) && source.count > 0) this.#sources.set(key, source);
        return waiting;
      }
    }
    return undefined;
  }

  #giveUpOne(key: string, source: Source): void {
    const [name, queue] = largest(source.names, ({ length }) => length);
    const waiting = queue.pop() as Waiting;
    this.#removed(key, source, name, queue);
    waiting.giveUp();
  }

  #removed(key: string, source: Source, name: string, queue: readonly Waiting[]): void {
    source.count--;
    this.#count--;
    if (queue.length === 0) source.names.delete(name);
    if (source.count === 0) this.#sources.delete(key);
  }
}

function largest<T>(all: ReadonlyMap<string, T>, size: (one: T) => number): [string, T] {
  return [...all].reduce((most, one) => (size(one[1]) > size(most[1]) ? one : most));
}
