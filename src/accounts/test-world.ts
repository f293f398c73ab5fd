// For the tests of this room: accounts from options, clients that note what they get, and time that stands still.
import { resolveOptions, type ServerOptions } from "../options/options.js";
import type { Timer } from "../runtime/clock.js";
import type { Account } from "./account.js";
import { Accounts, type AccountsWorld } from "./accounts.js";
import { Message } from "./message.js";
import type { MessageTrace } from "./message-trace.js";
import { type DeliveryTarget, Subscription } from "./subscription.js";

/** What a client got, in the form "subject sid reply payload"; a missing reply is left out. */
export class FakeClient implements DeliveryTarget {
  readonly echo = true;
  readonly account: Account;
  readonly got: string[] = [];
  readonly headers: string[] = [];
  /** Runs inside a delivery. */
  answer: ((message: Message) => void) | undefined;
  readonly #publish: AccountsWorld["publish"];
  #sids = 0;

  constructor(account: Account, publish: AccountsWorld["publish"]) {
    this.account = account;
    this.#publish = publish;
  }

  deliver(subscription: Subscription, message: Message): boolean {
    if (subscription.max > 0 && subscription.delivered >= subscription.max) return false;
    subscription.delivered++;
    const { body, start, end, headerBytes } = message;
    this.headers.push(body.toString("utf8", start, start + headerBytes));
    const payload = body.toString("latin1", start + headerBytes, end);
    const reply = message.hasReply ? [message.reply] : [];
    this.got.push([message.subject, subscription.sid, ...reply, payload].join(" "));
    this.answer?.(message);
    return true;
  }

  subscribe(subject: string, queue?: string): Subscription {
    const subscription = new Subscription(subject, queue, String(++this.#sids), this);
    this.account.subscribe(subscription);
    return subscription;
  }

  /** Returns the number of deliveries. */
  publish(subject: string, payload = "", reply = "", headers = "", trace?: MessageTrace): number {
    const message = Message.of(subject, reply, Buffer.from(headers), Buffer.from(payload));
    message.trace = trace;
    return this.#publish(this.account, message, this);
  }

  /** What came since the last call. */
  take(): string[] {
    return this.got.splice(0);
  }

  /** The reply subject of the only message that came since the last call. */
  takeReply(): string {
    const [, , reply] = this.take()[0].split(" ");
    return reply;
  }
}

export class TestWorld {
  nowMs = 0;
  readonly timers: { atMs: number; fire: () => void }[] = [];
  readonly accounts: Accounts;

  constructor(accounts: ServerOptions["accounts"], more: ServerOptions = {}, world: Partial<AccountsWorld> = {}) {
    this.accounts = new Accounts(resolveOptions({ ...more, accounts }), { ...this.world(), ...world });
  }

  client(account: string): FakeClient {
    return new FakeClient(this.account(account), publish);
  }

  account(name: string): Account {
    const account = this.accounts.get(name);
    if (account === undefined) throw new Error(`no account ${name}`);
    return account;
  }

  reload(accounts: ServerOptions["accounts"], more: ServerOptions = {}): void {
    this.accounts.prepare(resolveOptions({ ...more, accounts }))();
  }

  /** Moves time on and fires what is due, in order. */
  pass(ms: number): void {
    this.nowMs += ms;
    for (;;) {
      const at = this.timers.findIndex((timer) => timer.atMs <= this.nowMs);
      if (at === -1) return;
      this.timers.splice(at, 1)[0].fire();
    }
  }

  private world(): AccountsWorld {
    let seed = 1;
    const below = (limit: number): number => {
      seed = (seed * 48271) % 2147483647;
      return seed % limit;
    };
    const after = (delayMs: number, fire: () => void): Timer => {
      const timer = { atMs: this.nowMs + delayMs, fire };
      this.timers.push(timer);
      return { cancel: () => void this.timers.splice(this.timers.indexOf(timer), 1) };
    };
    return {
      random: {
        float: () => below(1000) / 1000,
        below,
        bytes: (count) => Uint8Array.from({ length: count }, () => below(256)),
      },
      clock: {
        nowMs: () => this.nowMs,
        nowNs: () => BigInt(this.nowMs) * 1_000_000n,
        monotonicMs: () => this.nowMs,
        after,
        every: () => ({ cancel: () => {} }),
        endOfTurn: (run) => run(),
        utcOffsetMinutes: () => 0,
      },
      publish,
    };
  }
}

/** The message path of these tests: every plain subscription, and the first of each queue group that takes it. */
function publish(account: Account, message: Message, source: DeliveryTarget | undefined): number {
  const { plain, queues } = account.sublist.match(message.subject);
  let delivered = 0;
  for (const subscription of plain) if (subscription.target.deliver(subscription, message, source)) delivered++;
  for (const members of queues) {
    if (members.some((member) => member.target.deliver(member, message, source))) delivered++;
  }
  return delivered;
}

/** Two accounts: A offers, B takes. */
export function between(
  exports: NonNullable<NonNullable<ServerOptions["accounts"]>[string]["exports"]>,
  imports: NonNullable<NonNullable<ServerOptions["accounts"]>[string]["imports"]>,
): NonNullable<ServerOptions["accounts"]> {
  return { A: { exports }, B: { imports } };
}
