import assert from "node:assert/strict";
import { test } from "node:test";
import { Account } from "../accounts/account.js";
import { Message } from "../accounts/message.js";
import type { DeliveryTarget } from "../accounts/subscription.js";
import { SimulatedRandom } from "../runtime/simulated/random.js";
import { Router } from "../server/router.js";
import { PeerAccount } from "./peer-account.js";
import type { RouteConnection } from "./route.js";
import { RoutedSubscription } from "./routed-subscription.js";

/** A connection that keeps what is sent over it, as "account queues origin". */
function link(name = "link") {
  const sent: string[] = [];
  const route = {
    name,
    sent,
    closed: false,
    prefixFor: (account: string) => `${name} ${account}`,
    leafPrefixFor: (account: string, origin: string) => `${name} ${account} ${origin}`,
    sendMessage: (prefix: unknown, _message: Message, queues: readonly string[]) =>
      void sent.push(`${prefix} [${queues.join()}]`),
  };
  return route as unknown as RouteConnection & typeof route;
}

function peerAccount() {
  const router = new Router(new SimulatedRandom("1"), (error) => assert.fail(String(error)));
  const announced = { count: 0 };
  const emptied: string[] = [];
  const target = new PeerAccount("A", router, announced, ({ name }) => void emptied.push(name));
  const account = new Account("A");
  target.attach(account);
  const via = link();
  target.link = via;
  const add = (subject: string, queue?: string, weight = 1, origin?: string, over = via): void =>
    target.add(new RoutedSubscription(subject, queue, target, over, origin, weight));
  const publish = (subject: string, source?: Partial<DeliveryTarget>): number =>
    router.publish(account, Message.of(subject, "", Buffer.alloc(0), Buffer.alloc(1)), source as DeliveryTarget);
  return { target, account, via, add, publish, announced, emptied, router };
}

test("a message goes once to another server, with the groups chosen for it", () => {
  const { via, add, publish } = peerAccount();
  add("a.b");
  add("a.*");
  add("a.b", "q1", 2);
  add("a.>", "q2");
  publish("a.b");
  assert.deepEqual(via.sent, ["link A [q1,q2]"]);
  publish("a.c");
  assert.deepEqual(via.sent.slice(1), ["link A [q2]"]);
});

test("what came over a route is not sent over another one", () => {
  const { via, add, publish } = peerAccount();
  add("a");
  add("a", "q");
  assert.equal(publish("a", { peer: "route" }), 0);
  assert.deepEqual(via.sent, []);
});

test("an interest that is told again has the new weight only", () => {
  const { account, add, announced } = peerAccount();
  add("a", "q", 1);
  add("a", "q", 3);
  const [members] = account.sublist.match("a").queues;
  assert.deepEqual(
    members.map(({ weight }) => weight),
    [3],
  );
  assert.deepEqual([announced.count, account.sublist.size], [1, 1]);
});

test("interest ends, each with its group and its origin, and nothing is kept of an account without", () => {
  const { target, account, add, announced, emptied } = peerAccount();
  add("a");
  add("a", "q");
  add("a", undefined, 1, "LEAF");
  target.remove("a", "other", undefined);
  assert.equal(announced.count, 3);
  target.remove("a", undefined, undefined);
  target.remove("a", "q", undefined);
  assert.deepEqual([announced.count, account.sublist.size, emptied], [1, 1, []]);
  target.remove("a", undefined, "LEAF");
  assert.deepEqual([announced.count, account.sublist.size, emptied], [0, 0, ["A"]]);
});

test("what was told over a connection that has ended goes with it, unless it was told again since", () => {
  const { target, account, add, announced } = peerAccount();
  add("kept");
  add("gone");
  const [kept, gone] = target.interests;
  add("kept", undefined, 1, undefined, link("next"));
  target.removeStale(kept);
  target.removeStale(gone);
  assert.deepEqual(
    [announced.count, account.sublist.hasInterest("kept"), account.sublist.hasInterest("gone")],
    [1, true, false],
  );
});

test("nothing is sent to a server whose connection has ended", () => {
  const { target, via, add, publish } = peerAccount();
  add("a");
  via.closed = true;
  assert.equal(publish("a"), 0);
  const next = link("next");
  target.link = next;
  assert.equal(publish("a"), 0);
  add("a", undefined, 1, undefined, next);
  assert.equal(publish("a"), 1);
  assert.deepEqual([via.sent, next.sent], [[], ["next A []"]]);
});

test("what comes from a leaf node does not go back to its cluster, and says where it comes from", () => {
  const { account, via, add, publish } = peerAccount();
  add("a", undefined, 1, "LEAF");
  assert.equal(publish("a", { leafCluster: "LEAF", leafAccount: account }), 0);
  assert.equal(publish("a", { leafCluster: "OTHER", leafAccount: account }), 1);
  assert.deepEqual(via.sent, ["link A OTHER []"]);
});

test("what an import has taken from a leaf node's other account may go back to its cluster", () => {
  const { via, add, publish } = peerAccount();
  add("a", undefined, 1, "LEAF");
  assert.equal(publish("a", { leafCluster: "LEAF", leafAccount: new Account("B") }), 1);
  assert.deepEqual(via.sent, ["link A []"]);
});

test("interest that ends before the account is there does not count when it is", () => {
  const target = new PeerAccount("LATER", new Router(new SimulatedRandom("1"), () => {}), { count: 0 });
  for (const subject of ["a", "b", "b", "c.*"])
    target.add(new RoutedSubscription(subject, undefined, target, link(), undefined, 1));
  target.remove("a", undefined, undefined);
  const account = new Account("LATER");
  target.attach(account);
  assert.equal(target.size, 2);
  assert.equal(account.sublist.hasInterest("a"), false);
  assert.equal(account.sublist.match("b").plain.length, 1);
  target.remove("c.*", undefined, undefined);
  assert.equal(account.sublist.hasInterest("c.d"), false);
});

test("a walk goes on behind an interest that has ended meanwhile", () => {
  const { target, add } = peerAccount();
  for (const subject of ["a", "b", "c", "d"]) add(subject);
  const walked: string[] = [];
  for (const { subject } of target.allInterest()) {
    walked.push(subject);
    if (subject === "b") for (const gone of ["a", "b", "c"]) target.remove(gone, undefined, undefined);
  }
  assert.deepEqual([walked.at(-1), target.size], ["d", 1]);
  assert.deepEqual(
    target.interests.map(({ subject }) => subject),
    ["d"],
  );
});

test("interest that was told before the account was there counts when it is", () => {
  const router = new Router(new SimulatedRandom("1"), () => {});
  const target = new PeerAccount("LATER", router, { count: 0 });
  target.add(new RoutedSubscription("a", undefined, target, link(), undefined, 1));
  const account = new Account("LATER");
  target.attach(account);
  target.attach(account);
  assert.equal(account.sublist.match("a").plain.length, 1);
});
