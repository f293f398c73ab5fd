import assert from "node:assert/strict";
import { test } from "node:test";
import { Account } from "../accounts/account.js";
import { Message } from "../accounts/message.js";
import { type DeliveryTarget, Subscription } from "../accounts/subscription.js";
import { SimulatedRandom } from "../runtime/simulated/random.js";
import { SHARED_PAYLOAD_BYTES } from "./limits.js";
import { Router } from "./router.js";

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
const router = (): Router => new Router(new SimulatedRandom("1"));

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
