import assert from "node:assert/strict";
import { test } from "node:test";
import { Account } from "../../accounts/account.js";
import { type DeliveryTarget, Subscription } from "../../accounts/subscription.js";
import { type FrameHandler, Framer, STOP } from "../../protocol/framer.js";
import type { PeerMessageForm } from "../../protocol/peer-message-line.js";
import { PeerVerb, peerArgumentsStart, peerVerbOf } from "../../protocol/peer-verbs.js";
import { PeerMessages, type PeerReceiver } from "./peer-messages.js";

const RMSG: PeerMessageForm = { origin: false, account: true, headers: false };
const HMSG: PeerMessageForm = { origin: false, account: true, headers: true };
const LMSG: PeerMessageForm = { origin: true, account: true, headers: true };

/** A link that keeps what arrives as text. */
class Link implements FrameHandler {
  readonly accounts = new Map([["A", new Account("A")]]);
  readonly got: string[] = [];
  /** The subjects that they are delivered under. */
  readonly delivered: string[] = [];
  readonly errors: string[] = [];
  lookups = 0;
  admitted = true;
  readonly framer = new Framer(this);
  readonly messages: PeerMessages;

  constructor() {
    const receiver: PeerReceiver = {
      maxPayloadBytes: 100,
      replies: undefined,
      accountFor: (name) => {
        this.lookups++;
        return this.accounts.get(name);
      },
      admits: () => this.admitted,
      receive: (message, { subject, interest, accountName }, origin) => {
        this.delivered.push(message.subject);
        const queues = message.queues?.join() ?? "?";
        const heard = interest?.plain.length ?? -1;
        const body = message.body.toString("latin1", message.start, message.end);
        this.got.push(
          [accountName, subject, message.reply, queues, origin, heard, message.headerBytes, body].join(" "),
        );
      },
      protocolError: (text) => this.fail(text),
      payloadTooLarge: (sizeBytes) => this.fail(`${sizeBytes}`),
    };
    this.messages = new PeerMessages(receiver, this.framer);
  }

  feed(text: string): void {
    const bytes = Buffer.from(text, "latin1");
    this.framer.feed(bytes, 0, bytes.length);
  }

  line(buffer: Buffer, start: number, end: number): number {
    const verb = peerVerbOf(buffer, start, end, true);
    const form = verb === PeerVerb.rmsg ? RMSG : verb === PeerVerb.hmsg ? HMSG : LMSG;
    return this.messages.line(buffer, start, peerArgumentsStart(verb, buffer, start, end), end, form);
  }
  repeatedLine(buffer: Buffer, start: number): number {
    return this.messages.repeatedLine(buffer, start);
  }
  beginning(_buffer: Buffer, start: number, end: number): number {
    return end - start;
  }
  keepLine(): void {
    this.messages.keepLine();
  }
  payload(buffer: Buffer, start: number, end: number, owned: boolean): void {
    this.messages.payload(buffer, start, end, owned);
  }
  unterminated(): void {
    this.errors.push("unterminated");
  }

  private fail(text: string): typeof STOP {
    this.errors.push(text);
    return STOP;
  }
}

const hears = (subject: string): Subscription => new Subscription(subject, undefined, "1", {} as DeliveryTarget);

test("messages of all forms arrive with what belongs to them", () => {
  const link = new Link();
  link.feed(
    "RMSG A a.b 2\r\nhi\r\nRMSG A a.b r 2\r\nhi\r\nRMSG A a.b | q2 q1 2\r\nhi\r\nRMSG A a.b + r q1 2\r\nhi\r\n",
  );
  link.feed("HMSG A a.b + r q1 4 6\r\nh\r\n\r\nhi".replace("h\r\n\r\n", "h\r\n\r").concat("\r\n"));
  assert.deepEqual(link.got.slice(0, 4), [
    "A a.b    0 0 hi",
    "A a.b r   0 0 hi",
    "A a.b  q2,q1  0 0 hi",
    "A a.b r q1  0 0 hi",
  ]);
  assert.equal(link.got[4], "A a.b r q1  0 4 h\r\n\rhi");
  link.feed("LMSG LEAF A a.b 0 2\r\nhi\r\n");
  assert.equal(link.got[5], "A a.b   LEAF 0 0 hi");
});

test("the same line again is the same message, also when it comes in pieces", () => {
  const link = new Link();
  const line = "RMSG A a.b | q 2\r\n";
  for (const payload of ["m1", "m2", "m3"]) {
    link.feed(line.slice(0, 7));
    link.feed(`${line.slice(7)}${payload.slice(0, 1)}`);
    link.feed(`${payload.slice(1)}\r\n`);
  }
  link.feed(`${line}m4\r\n${line}m5\r\n`);
  assert.deepEqual(
    link.got,
    ["m1", "m2", "m3", "m4", "m5"].map((payload) => `A a.b  q  0 0 ${payload}`),
  );
});

test("interest is looked up once, and again when it has changed", () => {
  const link = new Link();
  const message = "RMSG A a.b 2\r\nhi\r\n";
  link.feed(message + message);
  assert.equal(link.lookups, 1);
  link.accounts.get("A")?.sublist.insert(hears("a.*"));
  link.feed(message + message);
  assert.equal(link.lookups, 2);
  assert.deepEqual(
    link.got.map((text) => text.split(" ")[5]),
    ["0", "0", "1", "1"],
  );
});

test("messages of accounts that are not there, or may not come in, are dropped until they may", () => {
  const link = new Link();
  const message = "RMSG B a.b 2\r\nhi\r\n";
  link.feed(message);
  link.accounts.set("B", new Account("B"));
  link.feed(message);
  assert.equal(link.got.length, 1);
  link.admitted = false;
  link.messages.forget();
  link.feed(message);
  assert.equal(link.got.length, 1);
});

test("an account that was replaced is found again, also by a message that is just coming in", () => {
  const link = new Link();
  link.feed("RMSG A a.b 2\r\nhi\r\nRMSG A a.b 2\r\nh");
  const replaced = new Account("A");
  replaced.sublist.insert(hears("a.b"));
  replaced.sublist.generation = link.accounts.get("A")?.sublist.generation ?? 0;
  link.accounts.set("A", replaced);
  link.messages.forget();
  link.feed("i\r\n");
  assert.deepEqual(link.got, ["A a.b    0 0 hi", "A a.b    1 0 hi"]);
});

test("a message that is just coming in when it is no longer admitted is dropped, and the link goes on", () => {
  const link = new Link();
  link.feed("RMSG A a.b 2\r\nhi\r\nRMSG A a.b 2\r\nh");
  link.admitted = false;
  link.messages.forget();
  link.feed("i\r\n");
  assert.equal(link.got.length, 1);
  link.admitted = true;
  link.messages.forget();
  link.feed("RMSG A a.b 2\r\nho\r\n");
  assert.deepEqual([link.got[1], link.errors], ["A a.b    0 0 ho", []]);
});

test("what a stored message's subject is stands behind the first @ after the numbers of its acknowledgement", () => {
  const numbers = "1.2.3.4.5";
  for (const [reply, subject, rest] of [
    [`$JS.ACK.S.C.${numbers}@a.b`, "a.b", `$JS.ACK.S.C.${numbers}`],
    [`$JS.ACK.S.C.${numbers}@a@b.c@d`, "a@b.c@d", `$JS.ACK.S.C.${numbers}`],
    [`$JS.ACK.S@1.C@2.${numbers}@a@b`, "a@b", `$JS.ACK.S@1.C@2.${numbers}`],
    [`$JS.ACK._.HASH.S@1.C@2.${numbers}@a@b`, "a@b", `$JS.ACK._.HASH.S@1.C@2.${numbers}`],
    [`$JS.ACK.S@1.C@2.${numbers}`, "to", `$JS.ACK.S@1.C@2.${numbers}`],
    [`$JS.ACK.S.C.${numbers}@`, "to", `$JS.ACK.S.C.${numbers}@`],
    ["$JS.ACK.S.C@a.b", "to", "$JS.ACK.S.C@a.b"],
  ]) {
    const link = new Link();
    link.feed(`RMSG A to ${reply} 2\r\nhi\r\n`);
    assert.deepEqual([link.delivered, link.got], [[subject], [`A to ${rest}   0 0 hi`]]);
  }
});

test("a line that makes no sense, or too large a payload, ends it", () => {
  for (const [line, error] of [
    ["RMSG A a.b", "RMSG A a.b"],
    ["RMSG A a.b x", "RMSG A a.b x"],
    ["HMSG A a.b 3 2", "HMSG A a.b 3 2"],
    ["RMSG A a.b 101", "101"],
  ]) {
    const link = new Link();
    link.feed(`${line}\r\nhi\r\n`);
    assert.deepEqual([link.errors, link.got], [[error], []]);
  }
});
