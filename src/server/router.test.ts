import assert from "node:assert/strict";
import { test } from "node:test";
import { Account } from "../accounts/account.js";
import { Message } from "../accounts/message.js";
import { type DeliveryTarget, Subscription } from "../accounts/subscription.js";
import { SimulatedRandom } from "../runtime/simulated/random.js";
import { SHARED_PAYLOAD_BYTES } from "./limits.js";
import { type PeerTarget, Router } from "./router.js";

function target(takes: (message: Message) => boolean = () => true) {
  const got: string[] = [];
  const self = {
    got,
    deliver: (subscription: Subscription, message: Message) => {
      if (!takes(message)) return false;
      got.push(subscription.sid);
      return true;
    },
  };
  return self as typeof self & DeliveryTarget;
}

const message = (bytes = 1): Message => Message.of("a", "", Buffer.alloc(0), Buffer.alloc(bytes));
const reported: unknown[] = [];
const router = (): Router => new Router(new SimulatedRandom("1"), (error) => reported.push(error));

test("all plain subscriptions, and one member of each queue group that takes it", () => {
  const account = new Account("A");
  const [refusing, willing] = [target(() => false), target()];
  const add = (queue: string | undefined, sid: string, to: DeliveryTarget): void =>
    account.subscribe(new Subscription("a", queue, sid, to));
  add(undefined, "p1", willing);
  add(undefined, "p2", willing);
  add(undefined, "p3", refusing);
  add("g", "g1", refusing);
  add("g", "g2", willing);
  add("g", "g3", refusing);
  add("h", "h1", refusing);
  for (let i = 0; i < 20; i++) {
    willing.got.length = 0;
    assert.equal(router().publish(account, message(), undefined), 3);
    assert.deepEqual(willing.got, ["p1", "p2", "g2"]);
  }
});

test("a large body is copied once for many, and not at all for one", () => {
  const account = new Account("A");
  const bodies: Buffer[] = [];
  const keep = target((one) => bodies.push(one.body) > 0);
  const large = (): Message => {
    const one = message(SHARED_PAYLOAD_BYTES);
    one.shared = false;
    return one;
  };
  account.subscribe(new Subscription("a", undefined, "1", keep));
  const first = large();
  const { body } = first;
  router().publish(account, first, undefined);
  assert.equal(bodies[0], body);
  account.subscribe(new Subscription("a", "g", "2", keep));
  const second = large();
  const original = second.body;
  router().publish(account, second, undefined);
  assert.notEqual(bodies[1], original);
  assert.equal(bodies[1], bodies[2]);
  assert.ok(bodies[1].equals(original));
});

test("a target that throws ends alone: everybody else gets the message", () => {
  const account = new Account("A");
  const fault = new Error("fault");
  const throwing = (...ended: unknown[][]) => ({
    ended,
    echo: true,
    deliver: (): boolean => {
      throw fault;
    },
    failed: (...told: unknown[]) => void ended.push(told),
  });
  const [faulty, willing] = [throwing(), target()];
  const add = (queue: string | undefined, sid: string, to: DeliveryTarget): Subscription => {
    const subscription = new Subscription("a", queue, sid, to);
    account.subscribe(subscription);
    return subscription;
  };
  const plain = add(undefined, "p1", faulty);
  add(undefined, "p2", willing);
  const alone = add("alone", "q1", faulty);
  const one = add("shared", "q2", faulty);
  add("shared", "q3", willing);
  const at = router();
  const peer: PeerTarget & { ended: unknown[] } = {
    ended: [],
    send: () => {
      throw fault;
    },
    failed: (error) => void peer.ended.push(error),
  };
  add(undefined, "p3", { echo: true, deliver: () => at.gather(peer, undefined) === undefined });
  add(undefined, "p4", { echo: true, deliver: faulty.deliver });
  for (let i = 0; i < 20; i++) {
    willing.got.length = 0;
    assert.equal(at.publish(account, message(), undefined), 3);
    assert.deepEqual(willing.got, ["p2", "q3"]);
  }
  const told = new Set(faulty.ended.map(([error, subscription]) => (error === fault ? subscription : error)));
  assert.deepEqual(told, new Set([plain, alone, one]));
  assert.equal(peer.ended.length, 20);
  assert.equal(reported.length, 20);
  faulty.failed = () => {
    throw new Error("another");
  };
  assert.equal(at.publish(account, message(), undefined), 3);
  assert.match(String(reported.at(-1)), /another/);
});
