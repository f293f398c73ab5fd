import assert from "node:assert/strict";
import { test } from "node:test";
import { Message } from "../../accounts/message.js";
import { gatewayHash, readWayBack, takeWayBack, wayBackTo } from "./way-back.js";

const NONE = Buffer.alloc(0);

test("clusters and servers have the hashes that nats-server gives them", () => {
  assert.equal(gatewayHash("A"), "NUmM6c");
  assert.match(gatewayHash("B"), /^[0-9A-Za-z]{6}$/);
});

test("a way back is read from a whole subject only", () => {
  const way = { cluster: "NUmM6c", server: "V4EFGS" };
  assert.equal(wayBackTo(way), "_GR_.NUmM6c.V4EFGS.");
  assert.deepEqual(readWayBack("_GR_.NUmM6c.V4EFGS._INBOX.1"), way);
  for (const subject of [
    "_GR_.NUmM6c.V4EFGS.",
    "_GR_.NUmM6c.V4EFGS",
    "_GR_.NUmM6cxV4EFGS.a",
    "_GR_.a.b.c",
    "_INBOX.1",
    "",
  ]) {
    assert.equal(readWayBack(subject), undefined, subject);
  }
});

test("it is taken off a reply subject, and stays with the message", () => {
  const message = Message.of("svc", "_GR_.NUmM6c.V4EFGS._INBOX.1", NONE, NONE);
  assert.deepEqual(takeWayBack(message), { cluster: "NUmM6c", server: "V4EFGS" });
  assert.equal(message.reply, "_INBOX.1");
  assert.equal(Buffer.from(message.wayBack).toString(), "_GR_.NUmM6c.V4EFGS.");
  assert.equal(takeWayBack(message), undefined);
  const other = Message.of("svc", "_GRX.NUmM6c.V4EFGS._INBOX.1", NONE, NONE);
  assert.equal(takeWayBack(other), undefined);
  assert.equal(other.reply, "_GRX.NUmM6c.V4EFGS._INBOX.1");
});
