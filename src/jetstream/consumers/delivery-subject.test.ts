import assert from "node:assert/strict";
import { test } from "node:test";
import { DeliverySubject } from "./delivery-subject.js";

const long = "$JS.ACK.hub.Gh4AbCdE.S.C.1.20.30.1795904576942597114.7";

function read(subject: string): DeliverySubject | undefined {
  const line = Buffer.from(`x ${subject} 12`);
  const delivery = new DeliverySubject();
  return delivery.read(line, 2, 2 + subject.length) ? delivery : undefined;
}

test("both forms of a delivery's subject say what the message is", () => {
  const wanted = { sequence: 20, consumerSequence: 30, seconds: 1795904576, nanoseconds: 942597114, pending: 7 };
  for (const subject of ["$JS.ACK.S.C.1.20.30.1795904576942597114.7", long, `${long}.random`]) {
    assert.deepEqual({ ...read(subject) }, wanted, subject);
  }
  assert.equal(read("$JS.ACK.S.C.1.9007199254740991.30.1795904576942597114.7")?.sequence, Number.MAX_SAFE_INTEGER);
});

test("a time before the first second has nanoseconds alone", () => {
  const { seconds, nanoseconds } = read("$JS.ACK.S.C.1.20.30.42.7") ?? {};
  assert.deepEqual([seconds, nanoseconds], [0, 42]);
});

test("what is no delivery's subject is not read", () => {
  for (const subject of [
    "",
    "$JS.ACK.",
    "$JS.API.S.C.1.20.30.40.7",
    "$JS.ACK.S.C.1.20.30.40",
    "$JS.ACK.S.C.1.20.30.40.7.8",
    "$JS.ACK.S.C.1.x.30.40.7",
    "$JS.ACK.S.C.1.20.0.40.7",
    "$JS.ACK.S.C.1.20.30..7",
    "$JS.ACK.S.C.1.20.30.4o.7",
    `${long}${".x".repeat(20)}`,
  ]) {
    assert.equal(read(subject), undefined, subject);
  }
});
