import assert from "node:assert/strict";
import { test } from "node:test";
import { StoreError } from "../store/errors.js";
import type { CommitWaiter, Ticket } from "../store/store.js";
import { AckQueue, type AckSender } from "./ack-queue.js";

/** A commit that comes when it is told to. */
class Commits {
  durable: Ticket = 0;
  readonly asked: { ticket: Ticket; waiter: CommitWaiter }[] = [];

  whenDurable(ticket: Ticket, waiter: CommitWaiter): void {
    this.asked.push({ ticket, waiter });
  }

  commit(upTo: Ticket, error?: StoreError): void {
    if (error === undefined) this.durable = upTo;
    for (const { ticket, waiter } of this.asked.splice(0)) {
      if (ticket <= upTo) waiter.committed(ticket, error);
      else this.asked.push({ ticket, waiter });
    }
  }
}

function setUp(): { commits: Commits; queue: AckQueue; sent: string[]; sender: AckSender } {
  const commits = new Commits();
  const sent: string[] = [];
  const sender: AckSender = {
    settle: (reply, { sequence }, error) => void sent.push(`${reply} ${error?.code ?? sequence}`),
  };
  return { commits, queue: new AckQueue(commits), sent, sender };
}

const stored = (sequence: number, ticket: Ticket) => ({ sequence, ticket, duplicate: false });

test("acknowledgements follow the commit of what they state, in order, and ask for it once", () => {
  const { commits, queue, sent, sender } = setUp();
  queue.add(sender, "now", stored(1, 0));
  assert.deepEqual(sent, ["now 1"]);
  for (let at = 0; at < 3; at++) queue.add(sender, `a${at}`, stored(at, 1));
  queue.add(sender, "b", stored(3, 2));
  assert.equal(commits.asked.length, 2);
  commits.commit(1);
  assert.deepEqual(sent.slice(1), ["a0 0", "a1 1", "a2 2"]);
  commits.commit(2);
  assert.equal(sent[4], "b 3");
});

test("a repeated message does not overtake what it repeats", () => {
  const { commits, queue, sent, sender } = setUp();
  queue.add(sender, "first", stored(1, 1));
  queue.add(sender, "second", stored(2, 2));
  queue.add(sender, "first again", { sequence: 1, ticket: 1, duplicate: true });
  commits.commit(1);
  assert.deepEqual(sent, ["first 1"]);
  commits.commit(2);
  assert.deepEqual(sent, ["first 1", "second 2", "first again 1"]);
});

test("what the disk did not take is refused, and what comes later is not", () => {
  const { commits, queue, sent, sender } = setUp();
  for (let at = 1; at <= 5000; at++) queue.add(sender, "lost", stored(at, 1));
  queue.add(sender, "kept", stored(5001, 2));
  commits.commit(1, new StoreError("STORE_FULL", "no room"));
  assert.equal(sent.length, 5000);
  assert.equal(sent[4999], "lost STORE_FULL");
  commits.commit(2);
  assert.equal(sent[5000], "kept 5001");
});
