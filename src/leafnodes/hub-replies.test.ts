import assert from "node:assert/strict";
import { test } from "node:test";
import { Account } from "../accounts/account.js";
import { Message } from "../accounts/message.js";
import { type DeliveryTarget, InterestSource, Subscription } from "../accounts/subscription.js";
import { simulatedRuntime } from "../runtime/simulated/index.js";
import { HubReplies } from "./hub-replies.js";

const NONE = Buffer.alloc(0);
const WAY = "_GR_.NUmM6c.V4EFGS.";
const request = (): Message => Message.of("svc", `${WAY}_INBOX.1`, NONE, NONE);

function world() {
  const { clock } = simulatedRuntime({ seed: 1 });
  const account = new Account("A");
  const link: DeliveryTarget = { echo: true, deliver: () => true };
  const replies = new HubReplies(link, clock);
  const wayOf = (subject: string): string => Buffer.from(replies.wayBackOf(subject)).toString();
  return { clock, account, link, replies, wayOf };
}

test("the way back of a request is kept for its answers for some seconds", async () => {
  const { clock, account, replies, wayOf } = world();
  const message = request();
  replies.arrived(account, message);
  replies.arrived(account, request());
  assert.equal(message.reply, "_INBOX.1");
  assert.equal(account.sublist.match("_INBOX.1").plain.length, 1);
  assert.equal(wayOf("_INBOX.1"), WAY);
  assert.equal(wayOf("_INBOX.2"), "");
  await clock.advance(5_000);
  assert.equal(account.sublist.size, 0);
  assert.equal(wayOf("_INBOX.1"), "");
});

test("nothing is kept where the hub has told the interest, nor after the link has ended", () => {
  const { account, link, replies, wayOf } = world();
  replies.arrived(account, request());
  replies.close();
  assert.equal(account.sublist.size, 0);
  account.addInterest(new Subscription("_INBOX.*", undefined, "", link, { source: InterestSource.hub }));
  const message = request();
  replies.arrived(account, message);
  assert.deepEqual([message.reply, account.sublist.size, wayOf("_INBOX.1")], ["_INBOX.1", 1, ""]);
});
