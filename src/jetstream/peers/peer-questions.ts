// Questions of one server of a JetStream to others, and their answers: what no server tells unasked.
import type { JetStream } from "../jetstream.js";
import type { Peer } from "./peer.js";
import type { PeerMessage, PeerSender } from "./peer-channel.js";
import type { Peers } from "./peers.js";

const ANSWER_MS = 2000;
const MOST_QUESTIONS = 10_000;

export interface Question extends Record<string, unknown> {
  readonly what: string;
  readonly account: string;
}

export class PeerQuestions {
  readonly #js: JetStream;
  readonly #peers: Peers;
  readonly #answer: (question: Question) => unknown;
  readonly #open = new Map<string, (answer: unknown) => void>();

  /** @param answer what this server says when it is asked */
  constructor(js: JetStream, peers: Peers, answer: (question: Question) => unknown) {
    this.#js = js;
    this.#peers = peers;
    this.#answer = answer;
  }

  /** Undefined where no answer has come in time. @param waitMs how long to wait, in milliseconds */
  ask(peer: Peer, question: Question, waitMs = ANSWER_MS): Promise<unknown> {
    if (this.#open.size >= MOST_QUESTIONS) return Promise.resolve(undefined);
    const id = this.#js.nuid();
    return new Promise((resolve) => {
      const end = (answer: unknown): void => {
        timer.cancel();
        this.#open.delete(id);
        resolve(answer);
      };
      const timer = this.#js.after(waitMs, () => end(undefined));
      this.#open.set(id, end);
      this.#peers.tell(peer.id, { kind: "ask", id, ...question });
    });
  }

  heard({ id: server }: PeerSender, message: PeerMessage): void {
    const id = String(message["id"]);
    if (message.kind === "answer") this.#open.get(id)?.(message["answer"]);
    else if (message.kind === "ask") {
      const answer = this.#answer(message as unknown as Question);
      this.#peers.tell(server, { kind: "answer", id, answer });
    }
  }
}
