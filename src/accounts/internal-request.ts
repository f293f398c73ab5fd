// A request that the server itself makes inside an account, answered by whoever is subscribed there.
import type { Clock } from "../runtime/clock.js";
import type { Random } from "../runtime/random.js";
import type { Account } from "./account.js";
import { Message } from "./message.js";
import { type DeliveryTarget, Subscription } from "./subscription.js";

const INBOX = "$SYS._INBOX.";
const INBOX_BYTES = 12;

export interface RequestWorld {
  readonly clock: Clock;
  readonly random: Random;
  /** Runs the message path in an account; returns the number of deliveries. */
  publish(account: Account, message: Message, source: DeliveryTarget | undefined): number;
}

export interface InternalRequest<T> {
  readonly account: Account;
  readonly subject: string;
  /** A whole header block, or empty. */
  readonly headers: Uint8Array;
  readonly payload: Uint8Array;
  readonly timeoutMs: number;
  /** Looks at an answer; undefined waits for another one. The payload is only valid during the call. */
  accept(payload: Buffer): T | undefined;
}

/** The first answer that is accepted; undefined when none comes in time or nobody is there. */
export function requestWithin<T>(request: InternalRequest<T>, world: RequestWorld): Promise<T | undefined> {
  const { account, subject, headers, payload, timeoutMs } = request;
  const reply = INBOX + Buffer.from(world.random.bytes(INBOX_BYTES)).toString("hex");
  return new Promise((resolve) => {
    const end = (answer: T | undefined): void => {
      timer.cancel();
      account.sublist.remove(subscription);
      resolve(answer);
    };
    const target: DeliveryTarget = {
      echo: true,
      deliver(_, { body, start, end: to, headerBytes }) {
        const answer = request.accept(body.subarray(start + headerBytes, to));
        if (answer !== undefined) end(answer);
        return true;
      },
    };
    const subscription = new Subscription(reply, undefined, "", target);
    const timer = world.clock.after(timeoutMs, () => end(undefined));
    account.sublist.insert(subscription);
    const delivered = world.publish(account, Message.of(subject, reply, headers, payload), undefined);
    if (delivered === 0) end(undefined);
  });
}
