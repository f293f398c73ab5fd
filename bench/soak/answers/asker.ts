// Asks two servers the same question and collects what each answers, in order.
import { setTimeout as pause } from "node:timers/promises";
import type { Item, RawClient } from "../../../test/support/raw-client.js";
import type { Question } from "./question.js";

/** So long nothing may come when both have answered as often. */
const QUIET_MS = 150;
/** So long one of them may take for what the other has answered. */
const LATE_MS = 5000;

/** One answer as it came: the subject that it was published to, its own reply subject, its header block, its payload. */
export interface Answer {
  readonly subject: string;
  readonly reply: string;
  readonly headers: string;
  readonly payload: string;
}

/** The one server or the other. */
class Side {
  readonly #client: RawClient;
  #answers: Answer[] = [];
  #sid = 0;
  #ack = "";
  #pin = "";
  #wake = (): void => {};

  constructor(client: RawClient) {
    this.#client = client;
    client.handle = (item) => this.#take(item);
  }

  get answers(): readonly Answer[] {
    return this.#answers;
  }

  forget(): void {
    this.#ack = "";
    this.#pin = "";
  }

  put(asked: Question): void {
    this.#client.send(`UNSUB ${this.#sid}\r\n`);
    this.#answers = [];
    const inbox = `_R.${++this.#sid}`;
    const subject = asked.subject.replace("{{ack}}", this.#ack || "nobody");
    const body = asked.body.replace("{{pin}}", this.#pin);
    const lines = Object.entries(asked.headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const block = lines.length === 0 ? "" : `NATS/1.0\r\n${lines.join("")}\r\n`;
    const sizes = block === "" ? body.length : `${block.length} ${block.length + body.length}`;
    this.#client.send(
      `SUB ${inbox}${asked.replyEnd && ".>"} ${this.#sid}\r\n` +
        `${block === "" ? "PUB" : "HPUB"} ${subject} ${inbox}${asked.replyEnd} ${sizes}\r\n${block}${body}\r\n`,
    );
  }

  hasAll({ answers }: Question): boolean {
    return this.#answers.length >= answers || /^NATS\/1\.0 \d/.test(this.#answers.at(-1)?.headers ?? "");
  }

  nextAnswer(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #take({ line, headers, payload }: Item): boolean {
    const [verb, subject, sid, ...rest] = line.split(" ");
    if (verb !== "MSG" && verb !== "HMSG") return false;
    const sizes = verb === "MSG" ? 1 : 2;
    const reply = rest.length > sizes ? rest[0] : "";
    if (Number(sid) !== this.#sid || headers.startsWith("NATS/1.0 100")) return true;
    if (reply.startsWith("$JS.ACK.")) this.#ack = reply;
    this.#pin = /^Nats-Pin-Id: (.+)\r$/m.exec(headers)?.[1] ?? this.#pin;
    this.#answers.push({ subject: subject.startsWith("_R.") ? "" : subject, reply, headers, payload });
    this.#wake();
    return true;
  }
}

export class Asker {
  readonly #sides: readonly [Side, Side];

  constructor(first: RawClient, second: RawClient) {
    this.#sides = [new Side(first), new Side(second)];
  }

  /** Forgets what `{{ack}}` and `{{pin}}` stand for. */
  forget(): void {
    for (const side of this.#sides) side.forget();
  }

  /** Resolves with what the first and the second server have answered; one that is silent has an empty list. */
  async ask(asked: Question): Promise<readonly [readonly Answer[], readonly Answer[]]> {
    const [first, second] = this.#sides;
    for (const side of this.#sides) side.put(asked);
    while (!(first.hasAll(asked) && second.hasAll(asked))) {
      const isEven = first.answers.length === second.answers.length;
      if (!(await this.#anotherWithin(isEven ? QUIET_MS : LATE_MS))) break;
    }
    return [first.answers, second.answers];
  }

  async #anotherWithin(limitMs: number): Promise<boolean> {
    const late = new AbortController();
    const silence = pause(limitMs, false, { signal: late.signal }).catch(() => false);
    const came = Promise.race(this.#sides.map((side) => side.nextAnswer())).then(() => true);
    try {
      return await Promise.race([came, silence]);
    } finally {
      late.abort();
    }
  }
}
