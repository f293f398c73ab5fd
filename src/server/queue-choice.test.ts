import assert from "node:assert/strict";
import { test } from "node:test";
import { Message } from "../accounts/message.js";
import { type DeliveryTarget, Subscription } from "../accounts/subscription.js";
import { SimulatedRandom } from "../runtime/simulated/random.js";
import { offerToGroup } from "./queue-choice.js";

const ROUNDS = 4000;
const random = new SimulatedRandom("queues");
const message = Message.of("a", "", Buffer.alloc(0), Buffer.alloc(1));
const failed: string[] = [];
const faults = { targetFailed: ({ sid }: Subscription) => void failed.push(sid) };
const route: DeliveryTarget = { echo: true, peer: "route", deliver: () => false };

interface MemberOptions {
  readonly weight?: number;
  readonly rank?: number;
  readonly peer?: "route" | "gateway";
  readonly distanceMs?: number;
  readonly takes?: (source: DeliveryTarget | undefined) => boolean;
}

/** Members that count what they take, by name. */
function groupOf(members: Readonly<Record<string, MemberOptions>>) {
  const taken = new Map(Object.keys(members).map((name) => [name, 0]));
  const subscriptions = Object.entries(members).map(([name, { weight = 1, rank = 0, takes = () => true, ...kind }]) => {
    const target: DeliveryTarget = {
      echo: true,
      ...kind,
      deliver: (_subscription, _message, source) => {
        if (!takes(source)) return false;
        taken.set(name, (taken.get(name) ?? 0) + 1);
        return true;
      },
    };
    return new Subscription("a", "q", name, target, { weight, rank });
  });
  const offer = (source?: DeliveryTarget, rounds = ROUNDS): number => {
    for (const name of taken.keys()) taken.set(name, 0);
    let delivered = 0;
    for (let i = 0; i < rounds; i++) if (offerToGroup(subscriptions, random, message, source, faults)) delivered++;
    return delivered;
  };
  const share = (name: string): number => (taken.get(name) ?? 0) / ROUNDS;
  return { offer, share, taken };
}

const near = (value: number, wanted: number): void =>
  assert.ok(Math.abs(value - wanted) < 0.05, `${value} is not about ${wanted}`);

test("equal members get equal shares", () => {
  const { offer, share } = groupOf({ a: {}, b: {}, c: {}, d: {} });
  assert.equal(offer(), ROUNDS);
  for (const name of ["a", "b", "c", "d"]) near(share(name), 0.25);
});

test("another server counts as often as it has members, and own members are not preferred", () => {
  const refuses = (source: DeliveryTarget | undefined): boolean => source?.peer !== "route";
  const { offer, share } = groupOf({
    own: {},
    two: { weight: 2, peer: "route", takes: refuses },
    five: { weight: 5, peer: "route", takes: refuses },
  });
  assert.equal(offer(), ROUNDS);
  near(share("own"), 1 / 8);
  near(share("two"), 2 / 8);
  near(share("five"), 5 / 8);
});

test("of what comes from another server, each own member gets the same, wherever those of other servers stand", () => {
  const refuses = (source: DeliveryTarget | undefined): boolean => source?.peer !== "route";
  const { offer, share } = groupOf({
    elsewhere: { weight: 3, peer: "route", takes: refuses },
    further: { weight: 1, peer: "route", takes: refuses },
    first: {},
    second: {},
    third: {},
  });
  assert.equal(offer(route), ROUNDS);
  for (const name of ["first", "second", "third"]) near(share(name), 1 / 3);
});

test("what comes from another server is not passed on to a third one", () => {
  const { offer, taken } = groupOf({ one: { peer: "route" }, two: { peer: "route", weight: 2 } });
  assert.equal(offer(route, 20), 0);
  assert.deepEqual([...taken.values()], [0, 0]);
});

test("members over leaf links are asked when no other member takes it", () => {
  let here = true;
  const { offer, taken } = groupOf({ own: { takes: () => here }, leaf: { rank: 1 }, otherLeaf: { rank: 1 } });
  offer(undefined, 20);
  assert.deepEqual([...taken.values()], [20, 0, 0]);
  here = false;
  offer(undefined, 200);
  assert.equal(taken.get("own"), 0);
  assert.ok(Number(taken.get("leaf")) > 50 && Number(taken.get("otherLeaf")) > 50);
});

test("of other clusters, the nearest that takes it", () => {
  let nearIsUp = true;
  const { offer, taken } = groupOf({
    far: { rank: 2, peer: "gateway", distanceMs: 80 },
    near: { rank: 2, peer: "gateway", distanceMs: 20, takes: () => nearIsUp },
    unknown: { rank: 2, peer: "gateway" },
  });
  offer(undefined, 10);
  assert.deepEqual([...taken.values()], [0, 10, 0]);
  nearIsUp = false;
  offer(undefined, 10);
  assert.deepEqual([...taken.values()], [10, 0, 0]);
});

test("a member that throws is told of, and another one gets the message", () => {
  const { offer, taken } = groupOf({
    broken: {
      takes: () => {
        throw new Error("broken");
      },
    },
    whole: {},
  });
  assert.equal(offer(undefined, 50), 50);
  assert.equal(taken.get("whole"), 50);
  assert.ok(failed.length > 5 && failed.every((name) => name === "broken"));
});

test("a group whose members all refuse gets nothing", () => {
  const { offer } = groupOf({ a: { takes: () => false }, b: { takes: () => false, weight: 2 } });
  assert.equal(offer(undefined, 20), 0);
});
