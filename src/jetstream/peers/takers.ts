// Which server takes a request where more than one may: a stream has just come or gone, or another server decides, and not all
// of them knew of it when the request came. Then a server asks the others before it takes the request, and they leave it to it.

import type { Timer } from "../../runtime/clock.js";
import type { JetStream } from "../jetstream.js";
import type { PeerQuestions, Question } from "./peer-questions.js";
import type { Peers } from "./peers.js";

/** After this long all servers know of a change. */
const SETTLED_MS = 1500;
/** A server that is well says something every second; one that has said nothing for this long is not asked. */
const SILENT_MS = 2500;
/** One that is asked and has died just now, or is held up, is waited for no longer than this. */
const ANSWER_MS = 500;
/** Longer than a server may be held up without being offline. */
const REMEMBER_MS = 12_000;
/** Those that are old are forgotten so often. */
const SWEEP_MS = 1000;
const MOST_REMEMBERED = 50_000;
/** Requests with longer subjects are not remembered. */
const LONGEST_KEY = 512;

/** What tells one request from another. */
export interface TakenRequest {
  readonly account: string;
  /** "" for requests about the account. */
  readonly stream: string;
  readonly subject: string;
  readonly reply: string;
  /** Its answers are messages: what asks for the next ones may have the same subjects. */
  readonly isDirect?: boolean;
}

interface Remembered {
  /** This server has taken it, it was forwarded to it, it asks the others for it, or leaves it to one of them. */
  readonly standing: "taken" | "forwarded" | "asked for" | "left";
  /** It has come from its client; the next one with the same subjects is another one. */
  hasCome: boolean;
  readonly sinceMs: number;
}

export class Takers {
  readonly #js: JetStream;
  readonly #peers: Peers;
  readonly #questions: PeerQuestions;
  /** Names of streams, with when they have changed; monotonic. */
  readonly #changedMs = new Map<string, number>();
  /** Those among them that this server had. */
  readonly #gone = new Set<string>();
  #allChangedMs = Number.NEGATIVE_INFINITY;
  #decidedMs = Number.NEGATIVE_INFINITY;
  /** By what tells them apart, the oldest first. */
  readonly #requests = new Map<string, Remembered>();
  #forgetting: Timer | undefined;

  constructor(js: JetStream, peers: Peers, questions: PeerQuestions) {
    this.#js = js;
    this.#peers = peers;
    this.#questions = questions;
  }

  get #nowMs(): number {
    return this.#js.server.runtime.clock.monotonicMs();
  }

  /** A stream has come or is gone. @param isGoneHere this server had it */
  changed(account: string, name: string, isGoneHere: boolean): void {
    const key = `${account} ${name}`;
    const now = this.#nowMs;
    this.#changedMs.set(key, now);
    if (isGoneHere) this.#gone.add(key);
    this.#js.after(SETTLED_MS, () => {
      if (this.#changedMs.get(key) !== now) return;
      this.#changedMs.delete(key);
      this.#gone.delete(key);
    });
  }

  /** Who decides is another one. */
  allChanged(): void {
    this.#allChangedMs = this.#nowMs;
  }

  /** This server has decided until now. */
  decided(): void {
    this.#decidedMs = this.#nowMs;
  }

  /** Whether others may believe that this server takes a request, though it no longer would. */
  isExpectedHere(request: TakenRequest): boolean {
    return this.wasHere(request) || this.#nowMs - this.#decidedMs < SETTLED_MS;
  }

  /** Whether this server had a stream that perhaps not all know to be gone. */
  wasHere({ account, stream }: Pick<TakenRequest, "account" | "stream">): boolean {
    return this.#gone.size > 0 && this.#gone.has(`${account} ${stream}`);
  }

  /** Whether all servers know of the last change that matters to a request. */
  isSettled({ account, stream }: TakenRequest): boolean {
    const hasChanged = this.#changedMs.size > 0 && this.#changedMs.has(`${account} ${stream}`);
    return !hasChanged && this.#nowMs - this.#allChangedMs > SETTLED_MS;
  }

  /** A request has come that others take. */
  passed(request: TakenRequest): void {
    if (this.isSettled(request)) return;
    const key = keyOf(request);
    const known = this.#requests.get(key);
    if (known?.standing === "asked for") return;
    if (known?.hasCome === false) known.hasCome = true;
    else this.#remember(key, "left", true);
  }

  /** A request was forwarded to this server, by the one that had taken it. Returns false where it has been forwarded here before. */
  forwarded(request: TakenRequest): boolean {
    const known = this.#known(request);
    if (known?.standing === "forwarded") return false;
    this.#remember(keyOf(request), "forwarded", known?.hasCome === true);
    return true;
  }

  /** Calls back when this server is the one that takes a request that has come; at once where all judge by the same. */
  claim(request: TakenRequest, taken: () => void): void {
    const key = keyOf(request);
    const known = this.#known(request);
    if (known?.standing === "asked for") return;
    if (known?.hasCome === false) {
      known.hasCome = true;
      return;
    }
    if (this.isSettled(request) || known?.standing === "taken" || this.#peers.online.length === 0) {
      this.#remember(key, "taken", true);
      taken();
    } else {
      this.#ask(request, taken).catch((error: unknown) => {
        this.#js.server.logger.error(`JetStream API ${request.subject}: ${(error as Error).stack ?? String(error)}`);
      });
    }
  }

  async #ask(request: TakenRequest, taken: () => void): Promise<void> {
    const key = keyOf(request);
    this.#remember(key, "asked for", true);
    const question = { what: "taken", ...request, by: this.#js.server.name };
    const asked = this.#peers.online.filter(({ heardMs }) => this.#nowMs - heardMs < SILENT_MS);
    const answers = await Promise.all(asked.map((peer) => this.#questions.ask(peer, question, ANSWER_MS)));
    if (this.#requests.get(key)?.standing === "forwarded") return;
    const isTaken = answers.includes(true);
    this.#remember(key, isTaken ? "left" : "taken", true);
    if (!isTaken) taken();
  }

  /** Whether this server has taken a request that another one asks for, or will; else it leaves it to that one. */
  hasTaken(question: Question): boolean {
    const request = question as unknown as TakenRequest;
    const standing = this.#known(request)?.standing;
    if (standing === "taken" || standing === "forwarded") return true;
    // Of two that ask each other the first by name takes it.
    if (standing === "asked for") return this.#js.server.name < String(question["by"]);
    if (standing === undefined) this.#remember(keyOf(request), "left", false);
    return false;
  }

  // What is known of an older request whose subjects are used anew does not count for the next one.
  #known(request: TakenRequest): Remembered | undefined {
    const known = this.#requests.get(keyOf(request));
    const isOld = known !== undefined && this.#nowMs - known.sinceMs >= SETTLED_MS;
    return isOld && request.isDirect === true ? undefined : known;
  }

  #remember(key: string, standing: Remembered["standing"], hasCome: boolean): void {
    const isKnown = this.#requests.delete(key);
    if (!isKnown && (this.#requests.size >= MOST_REMEMBERED || key.length > LONGEST_KEY)) return;
    this.#requests.set(key, { standing, hasCome, sinceMs: this.#nowMs });
    this.#forgetting ??= this.#js.after(REMEMBER_MS, () => this.#forget());
  }

  #forget(): void {
    this.#forgetting = undefined;
    const now = this.#nowMs;
    for (const [key, { sinceMs }] of this.#requests) {
      if (now - sinceMs < REMEMBER_MS) {
        this.#forgetting = this.#js.after(Math.max(sinceMs + REMEMBER_MS - now, SWEEP_MS), () => this.#forget());
        return;
      }
      this.#requests.delete(key);
    }
  }
}

const keyOf = ({ account, subject, reply }: TakenRequest): string => `${account} ${subject} ${reply}`;
