// Names of streams that the coordinator has given to servers: each is one server's until that has answered, and what it has
// made of it is known here.
import type { Timer } from "../../runtime/clock.js";
import { subjectsOverlap } from "../../subjects/validity.js";
import type { Peers } from "./peers.js";

/** A server that has not answered is asked whether it still will. */
const PATIENCE_MS = 10_000;

/** A name, given for one request. */
export interface GivenName {
  readonly account: string;
  readonly name: string;
  readonly request: string;
  /** The id of the server that makes the stream. */
  readonly server: string;
  /** Subjects that the stream is to have. */
  readonly subjects: readonly string[];
}

/** The server has answered a request, and has told all changes of its streams up to `revision`. */
export interface FreedName {
  readonly account: string;
  readonly name: string;
  readonly request: string;
  readonly revision: number;
}

/** What it needs of this server. */
interface Own {
  readonly server: { readonly id: string };
  after(delayMs: number, fire: () => void): Timer;
}

interface Given {
  readonly account: string;
  readonly name: string;
  readonly server: string;
  readonly subjects: Set<string>;
  readonly requests: Set<string>;
  revision: number;
  timer: Timer;
}

export class GivenNames {
  readonly #js: Own;
  readonly #peers: Pick<Peers, "isThere" | "knows" | "tell">;
  readonly #given = new Map<string, Given>();

  constructor(js: Own, peers: Pick<Peers, "isThere" | "knows" | "tell">) {
    this.#js = js;
    this.#peers = peers;
  }

  /** The id of the server that a name was given to. */
  serverOf(account: string, name: string): string | undefined {
    return this.#given.get(keyOf(account, name))?.server;
  }

  /** Whether a stream of another name, which may come to be, has one of these subjects. */
  overlap(account: string, name: string, subjects: readonly string[]): boolean {
    for (const given of this.#given.values()) {
      if (given.account !== account || given.name === name) continue;
      for (const taken of given.subjects) if (subjects.some((one) => subjectsOverlap(one, taken))) return true;
    }
    return false;
  }

  give({ account, name, request, server, subjects }: GivenName): void {
    const key = keyOf(account, name);
    const known = this.#given.get(key);
    if (known?.server === server) {
      known.requests.add(request);
      for (const subject of subjects) known.subjects.add(subject);
      return;
    }
    known?.timer.cancel();
    const timer = this.#ask(key);
    const all = { subjects: new Set(subjects), requests: new Set([request]) };
    this.#given.set(key, { account, name, server, ...all, revision: 0, timer });
  }

  // Messages between two servers stay in order: what it answers for has arrived by then, or was lost.
  #ask(key: string): Timer {
    return this.#js.after(PATIENCE_MS, () => {
      const given = this.#given.get(key);
      if (given === undefined) return;
      const { account, name, server, requests } = given;
      if (server !== this.#js.server.id)
        this.#peers.tell(server, { kind: "making?", account, name, requests: [...requests] });
      given.timer = this.#ask(key);
    });
  }

  free({ account, name, request, revision }: FreedName): void {
    const given = this.#given.get(keyOf(account, name));
    if (given === undefined) return;
    given.requests.delete(request);
    given.revision = Math.max(given.revision, revision);
    this.settle();
  }

  /** Ends what is settled: the stream is known, or there is none, or the server has gone. */
  settle(): void {
    for (const [key, { server, requests, revision, timer }] of this.#given) {
      const isOpen = requests.size > 0 || !this.#peers.knows(server, revision);
      if (isOpen && this.#peers.isThere(server)) continue;
      timer.cancel();
      this.#given.delete(key);
    }
  }

  /** All of them, for the server that decides next. */
  *all(): IterableIterator<GivenName> {
    for (const { requests, subjects, account, name, server } of this.#given.values()) {
      for (const request of requests) yield { account, name, server, request, subjects: [...subjects] };
    }
  }

  /** Another server decides. */
  clear(): void {
    for (const { timer } of this.#given.values()) timer.cancel();
    this.#given.clear();
  }
}

const keyOf = (account: string, name: string): string => `${account} ${name}`;
